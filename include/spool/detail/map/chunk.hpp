// spool/detail/map/chunk.hpp · the task behind one or several calls of a map
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/map/inputs.hpp>
#include <spool/detail/map/slot.hpp>
#include <spool/detail/map/slot_chain.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/submitted_task.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Whether f can be called with the elements of ranges: as they are passed, or else as they are given.
template <class F, class... Ranges>
concept callable_with_passed = is_callable<F&, typename element<iterator_of<Ranges>>::passed...>;
template <class F, class... Ranges>
concept callable_with_elements =
    callable_with_passed<F, Ranges...> || is_callable<F&, typename element<iterator_of<Ranges>>::passed_as_given...>;

/// Whether f, kept, can be called with the elements of ranges. Asks about f only if these are ranges.
template <class F, class... Ranges>
concept mappable = sizeof...(Ranges) > 0 && (iterable<Ranges> && ...) &&
                   (element<iterator_of<Ranges>>::can_be_held && ...) &&
                   std::is_constructible_v<std::decay_t<F>, F>&& callable_with_elements<std::decay_t<F>, Ranges...>;

/// The f of a map, which all its tasks call, and whether they still should. Stays in place until the last has ended.
template <class F, class... Ranges>
class map_function {
  template <class Range>
  using passed = std::conditional_t<callable_with_passed<F, Ranges...>, typename element<iterator_of<Range>>::passed,
                                    typename element<iterator_of<Range>>::passed_as_given>;

public:
  using elements = elements_of<Ranges...>;
  using raw_result = call_result<F&, passed<Ranges>...>;
  using result =
      std::conditional_t<std::is_lvalue_reference_v<raw_result>, raw_result, std::remove_cvref_t<raw_result>>;
  static constexpr bool stoppable = takes_stop_token<F&, passed<Ranges>...>;

  template <class G>
  explicit map_function(std::in_place_t, G&& f) : f_(std::forward<G>(f)) {}

  /// Calls it, with the token if it takes one.
  template <class Token>
  raw_result operator()(Token const& token, elements& held) {
    return call(token, held, std::index_sequence_for<Ranges...>());
  }

  /// Says that no further call is wanted: what has begun ends, what has not is left out.
  void abandon() noexcept { abandoned_.store(true, memory_order_relaxed); }
  bool is_abandoned() const noexcept { return abandoned_.load(memory_order_relaxed); }

private:
  template <class Token, std::size_t... I>
  raw_result call([[maybe_unused]] Token const& token, elements& held, std::index_sequence<I...>) {
    if constexpr (stoppable) {
      return f_(std::stop_token(token), static_cast<passed<Ranges>>(std::get<I>(held).get())...);
    } else {
      // Anything invocable, pointers to members too.
      return std::apply(f_, std::forward_as_tuple(static_cast<passed<Ranges>>(std::get<I>(held).get())...));
    }
  }

  F f_;
  atomic<bool> abandoned_{false};  // a hint: the tasks are waited for besides
};

/// What a chunk's task calls; if it was not called, with its end the elements end.
template <class Chunk, bool Stoppable>
class chunk_call {
public:
  static constexpr bool stoppable = Stoppable;

  chunk_call(std::in_place_t, Chunk& chunk) noexcept : chunk_(&chunk) {}
  chunk_call(std::stop_token token, Chunk& chunk) noexcept : chunk_(&chunk), token_(std::move(token)) {}
  chunk_call(const chunk_call&) = delete;
  chunk_call& operator=(const chunk_call&) = delete;
  ~chunk_call() {
    if (chunk_ != nullptr) chunk_->drop_elements();
  }

  void operator()() { std::exchange(chunk_, nullptr)->run_calls(token_); }

private:
  struct no_token {
    no_token() noexcept = default;
    explicit no_token(std::stop_token&&) noexcept {}
  };

  Chunk* chunk_;  // null once it was called
  [[no_unique_address]] std::conditional_t<Stoppable, std::stop_token, no_token> token_;
};

/// Some consecutive calls of a map, made one after the other by one task; their results stay in its block.
///
/// Shape     Link is what the order of the map adds, to find the chunk again.
/// Lifetime  Until it was pushed it belongs to who made it, then to its two handles: the map's, to be let go by
///           release(), and the task's. The map outlives the task.
template <class Function, class Link>
class map_chunk final : public submitted_task<void, chunk_call<map_chunk<Function, Link>, Function::stoppable>>,
                        public Link {
  using pool_task = submitted_task<void, chunk_call<map_chunk, Function::stoppable>>;
  using slot = map_slot<typename Function::elements, typename Function::result>;

public:
  using cursor = typename slot_chain<slot>::cursor;
  using filler = typename slot_chain<slot>::filler;
  using reference = std::add_lvalue_reference_t<typename Function::result>;

  map_chunk(scheduler& pool, Function& f) : pool_task(pool, *this), function_(f) {}

  struct dropper {
    void operator()(map_chunk* c) const noexcept {
      c->discard_callable();
      delete c;
    }
  };
  /// A chunk that was not pushed yet.
  using owner = std::unique_ptr<map_chunk, dropper>;

  slot& first_call() noexcept { return slots_.first(); }
  filler more_calls(std::size_t most) noexcept { return filler(slots_, most); }
  cursor calls() noexcept { return cursor(slots_); }

  /// What the call returned.      Throws  what it threw, or what has kept it from being made.
  /// Preconditions  done().
  reference result(cursor const& of) {
    const future_state_base::phase p = this->current_phase();
    if (p == future_state_base::has_error && of->is_empty()) std::rethrow_exception(this->error());
    if (p != future_state_base::has_value && p != future_state_base::has_error) throw cancelled_error();
    return of->result();
  }
  /// Lets go of a result that was yielded.      Preconditions  done().
  void drop_result(cursor const& of) noexcept {
    // Of a chunk that another thread cancels just now, that thread destroys what is in it.
    const future_state_base::phase p = this->current_phase();
    if (p == future_state_base::has_value || p == future_state_base::has_error) of->clear();
  }

  /// Cancels it, or asks it to stop if it runs.
  void cancel_or_stop() noexcept {
    if (!this->cancel()) this->request_stop();
  }
  /// Waits until its task has ended and what it did not use is gone, destroys the rest, and drops the map's handle.
  void release() noexcept {
    this->wait_settled();
    if (this->current_phase() == future_state_base::has_error)
      this->mark_read();  // items don't count, if not asked for
    slots_.clear();       // here, not where the last handle goes: that may be the task's, later
    this->drop_handle();
  }

  /// As of any task; but the elements are gone before it ends with an error, as who waits for that lets go of the rest.
  void discard(scheduler& from, std::exception_ptr const& why) noexcept override {
    if (why == nullptr) return pool_task::discard(from, why);
    if (!this->claim()) return this->take_out_spent_entry(from);
    from.count_discarded();
    this->discard_callable();
    this->emplace_error(std::exception_ptr(why));
    this->settle_and_drop(future_state_base::has_error, [] {});
  }

  std::size_t size_in_bytes() const noexcept override { return sizeof(*this); }

  // ── for its task ──

  /// Throws  what ends the thread in a call. Those behind it are not made then: they and it have the error of the chunk.
  template <class Token>
  void run_calls(Token const& token) {
    slots_.visit_all([&](slot& s) {
      if (function_.is_abandoned()) return s.clear();
      s.run([&](auto& held) -> typename Function::raw_result { return function_(token, held); },
            [this] { drop_elements(); });
    });
  }
  void drop_elements() noexcept {
    slots_.visit_all([](slot& s) { s.drop_elements(); });
  }

private:
  Function& function_;
  slot_chain<slot> slots_;
};

}  // namespace spool::inline SPOOL_ABI::detail
