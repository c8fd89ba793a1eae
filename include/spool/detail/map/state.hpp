// spool/detail/map/state.hpp · a map under way
// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <spool/detail/map/chunk.hpp>
#include <spool/detail/map/feed.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// All that a map's range refers to. It stays in place, as its tasks refer to it, too.
///
/// Shape     Order<Chunk> says which chunk is yielded next; Link is what that needs in each.
/// Lifetime  Outlives its tasks: the end waits for them. The pool may end before it.
template <template <class> class Order, class Link, class F, class... Ranges>
class map_state {
  using function = map_function<F, Ranges...>;
  using chunk = map_chunk<function, Link>;

public:
  using result = typename function::result;

  /// Takes and submits what the window allows.      Throws  as map().
  template <class G, class... Rs>
  map_state(scheduler& pool, map_terms const& terms, G&& f, Rs&&... ranges)
      : pool_(pool),
        until_(terms.until),
        function_(std::in_place, std::forward<G>(f)),
        feed_(pool, terms, std::forward<Rs>(ranges)...) {
    try {
      feed_.start(function_, add());
    } catch (...) {
      end();
      throw;
    }
  }
  map_state(const map_state&) = delete;
  map_state& operator=(const map_state&) = delete;
  ~map_state() { end(); }

  bool at_end() const noexcept { return feed_.all_yielded(); }

  /// For who comes to a place.      Throws  what is there instead of a result.
  void arrive() {
    if (at_end()) feed_.tell_failure();
  }

  /// The result of the item here, for which it waits.      Throws  what the call threw; timeout_error.
  typename chunk::reference current() {
    chunk& c = await_current();
    return c.result(at_);
  }

  /// Goes on, once the item here is done; what was yielded is destroyed.      Throws  timeout_error; as arrive().
  void advance() {
    chunk& c = await_current();
    c.drop_result(at_);
    if (!++at_) {
      current_ = nullptr;
      order_.remove_next();
      c.release();
    }
    feed_.go_on(function_, add());
    arrive();
  }

private:
  auto add() noexcept {
    return [this](chunk& c) { order_.add(c); };
  }

  chunk& await_current() {
    if (at_end())
      throw usage_error(
          "spool::thread_pool: a map was asked for a result beyond its end: compare the iterator with end() first");
    if (current_ == nullptr) {
      current_ = order_.next(until_);
      if (current_ == nullptr) {
        stop();
        throw timeout_error(
            "spool::thread_pool: the next result of the map was not there in time: give it a longer timeout");
      }
      at_ = current_->calls();
    }
    return *current_;
  }

  /// Cancels what has not started and asks what runs to stop.
  void stop() noexcept {
    feed_.close();
    function_.abandon();
    order_.visit_all([](chunk& c) { c.cancel_or_stop(); });
  }
  void end() noexcept {
    stop();
    order_.release_all();
  }

  const scheduler_hold pool_;
  const deadline until_;
  function function_;
  map_feed<chunk, Ranges...> feed_;
  Order<chunk> order_;
  chunk* current_ = nullptr;   // done; null if it was not waited for yet
  typename chunk::cursor at_;  // the call in it whose result is next
};

}  // namespace spool::inline SPOOL_ABI::detail
