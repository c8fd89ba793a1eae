// spool/detail/future/signal.hpp · counts completions and wakes the one thread that waits for them
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/future/state_base.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/hand_off.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Many threads add, one thread waits for the count that it wants, or for an error, or for a stop.
///
/// Lifetime  May be destroyed once the waiter has seen the count that includes every add(): its one write is the last
///           thing that an add() does to the object.
class completion_signal {
public:
  explicit completion_signal(bool wake_on_error = false) noexcept : wake_on_error_(wake_on_error) {}
  completion_signal(const completion_signal&) = delete;
  completion_signal& operator=(const completion_signal&) = delete;

  /// One more is complete.
  /// Synchronization  Happens before the return of a wait that counts it.
  void add(bool with_error) noexcept {
    const std::uint32_t goal = goal_.load(memory_order_relaxed);
    const bool wake_now = with_error && wake_on_error_;
    if (with_error) word_.fetch_or(error, memory_order_relaxed);
    const std::uint32_t before = word_.fetch_add(one, memory_order_acq_rel);  // (A)
    if ((before & sleeping) != 0 && (wake_now || before / one + 1 >= goal)) futex_wake_all(&word_);
  }

  /// One was complete with an error already, before it could be counted.      Preconditions  nobody waits yet.
  void add_error() noexcept { word_.fetch_or(error, memory_order_relaxed); }

  /// Ends every wait, now and later.
  void stop() noexcept {
    if ((word_.fetch_or(stopped, memory_order_acq_rel) & sleeping) != 0) futex_wake_all(&word_);  // (A)
  }

  /// How many are complete.
  std::uint32_t count() const noexcept { return word_.load(memory_order_acquire) / one; }  // (B)

  /// Counts from there on: n less.      Preconditions  so many are complete, and nobody waits.
  void forget(std::uint32_t n) noexcept { word_.fetch_sub(n * one, memory_order_relaxed); }

  /// Waits until `goal` are complete, until stop(), or, if so wished, until one is complete with an error.
  /// Returns  false if the deadline passed first.
  /// Pools run the `awaited` first.
  bool wait(std::uint32_t goal, deadline until, awaited_results& awaited) noexcept {
    const auto over = [&] { return is_over(word_.load(memory_order_acquire), goal); };  // (B)
    if (over()) return true;
    future_state_base::run_put_off_callbacks();
    if (until.passed()) return over();
    hand_off_wait waiting(until);
    if (waiting.stay_awake_until(over)) return true;
    task_wait sleep(awaited, &word_);
    for (;;) {
      const std::uint32_t seen = word_.fetch_or(sleeping, memory_order_acq_rel);  // (B)
      if (is_over(seen, goal)) break;
      if (!futex_wait(word_, seen | sleeping, sleep.nap(until)) && until.passed()) break;
    }
    return is_over(word_.fetch_and(~sleeping, memory_order_acq_rel), goal);  // (B)
  }

  /// The same, for the one goal of this object's life: no add() before the last wakes the waiter.
  bool wait_for_all(std::uint32_t goal, deadline until, awaited_results& awaited) noexcept {
    // An add() may have read the zero before, and wakes too early; one that read a later, lower goal would be missing.
    goal_.store(goal, memory_order_relaxed);
    return wait(goal, until, awaited);
  }

private:
  //  bit 0   sleeping   the waiter sleeps, or is about to
  //  bit 1   error      one was complete with an error
  //  bit 2   stopped    stop() was called
  //  3..31   count      how many are complete
  //
  //  Invariant  The waiter announces `sleeping` and then looks; an add() counts and then looks for `sleeping`, both in
  //             one read-modify-write of the same word: one of them sees the other.
  //  (A) the count releases what was completed, (B) the look that ends a wait acquires it.
  static constexpr std::uint32_t sleeping = 1;
  static constexpr std::uint32_t error = 2;
  static constexpr std::uint32_t stopped = 4;
  static constexpr std::uint32_t one = 8;

  bool is_over(std::uint32_t word, std::uint32_t goal) const noexcept {
    return word / one >= goal || (word & stopped) != 0 || (wake_on_error_ && (word & error) != 0);
  }

  atomic<std::uint32_t> word_{0};
  atomic<std::uint32_t> goal_{0};  // below it no add() wakes; written once, before the waiter sleeps
  const bool wake_on_error_;
};

}  // namespace spool::inline SPOOL_ABI::detail
