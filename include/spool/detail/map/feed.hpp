// spool/detail/map/feed.hpp · takes the inputs of a map, as far as its window allows, and submits the calls
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <limits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/map/inputs.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a map was asked for, in the form in which it is used.
struct map_terms {
  std::size_t chunk_size = 1;                                      // calls to a task
  std::size_t window = (std::numeric_limits<std::size_t>::max)();  // inputs taken and not yet yielded
  deadline until = deadline::never();
};

/// Goes through the inputs and makes chunks of them; knows nothing of results.
///
/// Whatever ends it (the end of the shortest range, an exception of theirs, no memory, a pool that takes no more, the
/// deadline while the pool has no room) ends it for good, and is told at its place: when all before was yielded.
///
/// Invariant  Inside the window there is never room for a whole chunk while inputs are left: if nothing is left to yield,
///            then because nothing more can be taken.
template <class Chunk, class... Ranges>
class map_feed {
public:
  template <class... Rs>
  map_feed(scheduler& pool, map_terms const& terms, Rs&&... ranges)
      : pool_(pool),
        chunk_size_(smaller_of(terms.chunk_size, terms.window)),
        window_(terms.window),
        until_(terms.until),
        inputs_(std::in_place, std::forward<Rs>(ranges)...) {}

  /// Fills the window. Each chunk is given to add(chunk), which keeps it, before it is submitted.
  /// Throws  what has ended it, but for the deadline.
  template <class Function, class Add>
  void start(Function& f, Add&& add) {
    while (is_open_ && unyielded_ < window_) take_chunk(smaller_of(chunk_size_, window_ - unyielded_), f, add);
  }
  /// One was yielded: takes what there is room for now.
  /// Throws  what ends the thread in a step of the inputs, which have ended then.
  template <class Function, class Add>
  void go_on(Function& f, Add&& add) {
    --unyielded_;
    if (is_open_ && has_room()) refill(f, add);
  }

  bool all_yielded() const noexcept { return unyielded_ == 0; }

  /// Takes nothing more, and nothing is to be yielded or told any more.
  void close() noexcept {
    is_open_ = false;
    unyielded_ = 0;
    ran_out_of_time_ = false;
    failure_ = nullptr;
  }

  /// Throws  what has ended it, once, unless the inputs were at their end.      Preconditions  all_yielded().
  void tell_failure() {
    if (std::exchange(ran_out_of_time_, false))
      throw timeout_error("spool::thread_pool: the map ran out of time: give it a longer timeout");
    if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

private:
  bool has_room() const noexcept { return window_ - unyielded_ >= chunk_size_; }

  template <class Function, class Add>
  void refill(Function& f, Add& add) {
    std::exception_ptr thrown = caught_from(
        [&] {
          while (is_open_ && has_room()) take_chunk(chunk_size_, f, add);
        },
        [this] { is_open_ = false; });
    if (thrown == nullptr) return;
    is_open_ = false;
    failure_ = std::move(thrown);
  }

  /// Takes up to `most` inputs for one task. While it does, the pool is not kept waiting for it: the ranges may wait for
  /// tasks themselves.
  template <class Function, class Add>
  void take_chunk(std::size_t most, Function& f, Add& add) {
    const guest_scope scope;
    if (!has_next()) return;
    pool_.must_accept();  // so that nothing is taken in vain, unless the pool is shut down right now
    typename Chunk::owner chunk(new Chunk(pool_, f));
    take_into(chunk->first_call());
    std::exception_ptr thrown;
    const std::size_t taken = most == 1 ? 1 : 1 + take_more(*chunk, most - 1, thrown);
    submit(std::move(chunk), taken, add);
    if (thrown != nullptr) std::rethrow_exception(std::move(thrown));
  }

  /// What is thrown here ends the chunk, but does not undo it.      Returns  how many it has taken.
  std::size_t take_more(Chunk& chunk, std::size_t most, std::exception_ptr& thrown) {
    std::size_t taken = 0;
    thrown = caught_from([&] {
      for (typename Chunk::filler calls = chunk.more_calls(most); taken < most && has_next(); ++taken) {
        calls.add([this](auto& slot) { this->take_into(slot); });
      }
    });
    return taken;
  }

  template <class Slot>
  void take_into(Slot& slot) {
    inputs_.take([&slot](auto&... iterators) { slot.put(iterators...); });
  }

  bool has_next() { return is_open_ = inputs_.has_next(); }

  template <class Add>
  void submit(typename Chunk::owner chunk, std::size_t calls, Add& add) {
    scheduler::admission admitted(pool_, until_);
    if (!admitted) {
      ran_out_of_time_ = true;
      is_open_ = false;
      return;
    }
    add(*chunk);
    unyielded_ += calls;
    admitted.push(*chunk.release());
  }

  scheduler& pool_;
  const std::size_t chunk_size_;
  const std::size_t window_;
  const deadline until_;
  map_inputs<Ranges...> inputs_;
  std::size_t unyielded_ = 0;  // taken and not yielded
  bool is_open_ = true;        // more may be taken
  bool ran_out_of_time_ = false;
  std::exception_ptr failure_;
};

}  // namespace spool::inline SPOOL_ABI::detail
