// spool/barrier.hpp · floor 3 · n threads meet, again and again
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/count.hpp>
#include <spool/detail/base/refuse.hpp>
#include <spool/detail/base/unique_function.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/hand_off.hpp>
#include <spool/detail/sync/waiter.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI {

/// Lets threads wait for each other: the last of `parties` threads to arrive releases them all, round after round.
///
///     spool::barrier step{4, [&] { publish(grid); }};   // once a round, before any of the four goes on
///     while (!done()) { compute(my_part);  step.wait(); }
///
/// Shape            Any number of threads may use it; each `parties` of them make a round. Neither copied nor moved.
/// Blocks           Until the round is full and its action has run. Rounds never mix: who arrives while an action runs
///                  belongs to the next round, whose own action waits its turn.
/// Breaking         A timeout, an abort() or a throwing action breaks the barrier: wait() then throws
///                  broken_barrier_error, in those who wait and in those who come, until reset(). A round that is
///                  full can no longer time out, and a timeout in the round behind it does not touch it.
/// Synchronization  What happened before each wait() of a round happens before its action, which happens before the
///                  return of each.
/// Lifetime         May be destroyed as soon as the last wait() has returned, even while the call that let it go is
///                  still running on another thread: the last arrival's wait(), one that timed out, abort() or reset().
class barrier {
public:
  /// For so many threads. `action` is called once a round, by one of its threads, with no lock held, before any is
  /// released. It may call abort(), reset() and the observers. An empty std::function counts as none.
  /// Throws  std::invalid_argument if parties is 0 or negative; what copying or moving the action throws.
  template <class Action = std::nullptr_t>
    requires std::is_constructible_v<detail::unique_function<void()>, Action>
  explicit barrier(detail::count parties, Action&& action = {})
      : parties_(checked(parties)), action_(unless_empty(std::forward<Action>(action))) {}
  SPOOL_REFUSE("spool: barrier(parties, action) needs an action that can be called with nothing",
               explicit barrier(detail::count, Given&&...) requires(sizeof...(Given) == 1));
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  /// Waits until the round is full and its action has run.
  /// Returns  this thread's index in the round: 0..parties-1, each once.
  /// Throws   broken_barrier_error if the barrier is broken, or breaks or is reset before this round is released;
  ///          what the action threw, in the thread that ran it; usage_error if called by the action.
  std::size_t wait() { return arrive(detail::deadline::never()); }

  /// The same, but breaks the barrier, and throws broken_barrier_error, if the round is not full in time.
  /// Units  any duration, on the steady clock; with d <= 0 only the last of a round succeeds.
  template <class Rep, class Period>
  std::size_t wait_for(std::chrono::duration<Rep, Period> d) {
    return arrive(detail::deadline::after(d));
  }
  /// The same at t of any clock.
  template <class Clock, class Duration>
  std::size_t wait_until(std::chrono::time_point<Clock, Duration> t) {
    return arrive(detail::deadline::at(t));
  }

  /// Sends all who wait away with broken_barrier_error, and makes the barrier whole.
  void reset() noexcept { send_all_away(false); }

  /// Sends all who wait away with broken_barrier_error, and breaks the barrier until reset().
  void abort() noexcept { send_all_away(true); }

  /// Whether wait() would throw.
  bool broken() const noexcept { return broken_.load(detail::memory_order_acquire); }  // (B)

  /// How many threads make a round.
  std::size_t parties() const noexcept { return parties_; }

  /// How many threads have arrived in the round that is not yet full: 0..parties-1.
  std::size_t waiting() const noexcept { return arrived_.load(detail::memory_order_acquire); }  // (B)

private:
  //  A thread that waits is in one of these places; all that follows is guarded by lock_:
  //
  //  where            who                                   leaves it by
  //  filling_         arrived, in a round not yet full      the last arrival; a timeout; send_all_away
  //  acting_          the last arrival of a full round,     the end of the action
  //                   whose action runs (with an action)
  //  full_            last arrivals of later full rounds,   its turn, when the action before ends; send_all_away
  //                   oldest first
  //  X.others         the rest of the round that the last   the end of its action; send_all_away
  //                   arrival X has filled
  //
  //  Invariants
  //  - arrived_ is the length of filling_, below parties_; broken_ implies that filling_ is empty.
  //  - A thread is taken out of its place by one other thread only, under lock_, which calls it after unlocking; so it
  //    gets exactly one answer. Only a thread whose round still is round_ may time out instead: it takes all of
  //    filling_ out itself.
  //  - full_ is empty while nobody acts. Who acts leaves in wait(), and is not called: it looks at sent_away.
  //  (A) pairs with the (B) of the same word: who looks from outside, without lock_, sees what led there.
  struct arrival : detail::sleeper {
    std::uint64_t round = 0;  // which one it waits to be filled
    // Of the last arrival of a round:
    detail::call_list others;      // the threads that go when it goes
    arrival* next_full = nullptr;  // in full_
    std::thread::id thread;        // who runs the action
    bool sent_away = false;        // by abort() or reset(), while its action ran
  };

  enum answers : detail::sleeper::answer { passed = 1, sent_away = 2, your_turn = 3 };

  static std::size_t checked(detail::count parties) {
    if (parties.is_absurd())
      throw std::invalid_argument(
          "spool::barrier: it was made for more parties than can ever meet: give the number of threads that meet");
    if (parties == 0)
      throw std::invalid_argument("spool::barrier: it was made for 0 parties: give the number of threads that meet");
    return parties;
  }

  template <class Action>
  static detail::unique_function<void()> unless_empty(Action&& action) {
    using given = std::remove_cvref_t<Action>;
    if constexpr (!std::is_function_v<given> && std::is_constructible_v<given, std::nullptr_t> &&
                  requires { static_cast<bool>(action == nullptr); }) {
      if (action == nullptr) return {};
    }
    return {std::forward<Action>(action)};
  }

  std::size_t arrive(detail::deadline until);
  void wait_for_last(arrival& self, detail::deadline until);
  void act(arrival& self);
  void end_round(arrival& self, bool broken) noexcept;
  void empty_filling(detail::call_list& into) noexcept;
  void empty_all(detail::call_list& leaving) noexcept;
  void send_all_away(bool breaks) noexcept;

  detail::word_lock lock_;
  detail::atomic<bool> broken_{false};  // written under lock_, as arrived_
  detail::atomic<std::size_t> arrived_{0};
  std::uint64_t round_ = 0;  // counts the rounds that were filled, broken or reset
  detail::call_list filling_;
  arrival* acting_ = nullptr;
  arrival* first_full_ = nullptr;
  arrival* last_full_ = nullptr;  // meaningless while there is no first
  const std::size_t parties_;
  detail::unique_function<void()> action_;  // called by who acts
};

// ── the paths out of line ──

inline std::size_t barrier::arrive(detail::deadline until) {
  arrival self;
  lock_.lock();
  if (acting_ != nullptr && acting_->thread == std::this_thread::get_id()) {
    lock_.unlock();
    throw usage_error(
        "spool::barrier: its action waits for it, and would for ever: call abort(), reset() or observers only");
  }
  if (broken_.load(detail::memory_order_relaxed)) {
    lock_.unlock();
    throw broken_barrier_error();
  }
  const std::size_t index = arrived_.load(detail::memory_order_relaxed);
  if (index + 1 < parties_) {
    self.round = round_;
    filling_.push_back(self);
    arrived_.store(index + 1, detail::memory_order_release);  // (A)
    lock_.unlock();
    wait_for_last(self, until);
  } else {
    empty_filling(self.others);
    if (action_) {
      act(self);
    } else {
      lock_.unlock();
      self.others.call_all(passed);
    }
  }
  return index;
}

/// Waits in filling_, then for the end of the round's action.
inline void barrier::wait_for_last(arrival& self, detail::deadline until) {
  detail::hand_off_wait waiting(until);
  // But a few looks: a round of 8 threads on 2 processors takes half as long again with 64.
  if (!until.passed()) waiting.stay_awake_until([&self] { return self.heard_something(); }, 3);
  detail::sleeper::answer heard = self.sleep(until);
  if (heard == detail::sleeper::none) {
    detail::call_list leaving;
    {
      detail::word_guard held(lock_);
      if (self.round == round_) {
        broken_.store(true, detail::memory_order_release);  // (A)
        empty_filling(leaving);
      }
    }
    leaving.call_all(sent_away);  // this thread among them
    heard = self.sleep_until_called();
  }
  if (heard != passed) throw broken_barrier_error();
}

/// Runs the action for a round that is full, when its turn has come. One that ends the thread breaks the barrier, as one
/// that throws.
/// Preconditions  lock_ is held; it is let go.
inline void barrier::act(arrival& self) {
  self.thread = std::this_thread::get_id();
  if (acting_ == nullptr) {
    acting_ = &self;
    lock_.unlock();
  } else {
    (first_full_ == nullptr ? first_full_ : last_full_->next_full) = &self;
    last_full_ = &self;
    lock_.unlock();
    if (self.sleep_until_called() != your_turn) throw broken_barrier_error();
  }

  std::exception_ptr failure = detail::caught_from([this] { action_(); }, [&] { end_round(self, true); });
  end_round(self, failure != nullptr);
  if (failure) std::rethrow_exception(std::move(failure));
  if (self.sent_away) throw broken_barrier_error();
}

/// The action has ended: lets the round go, and the next one act.
inline void barrier::end_round(arrival& self, bool broken) noexcept {
  detail::call_list leaving;
  detail::call_list passing;
  arrival* next;
  {
    detail::word_guard held(lock_);
    if (broken) {
      broken_.store(true, detail::memory_order_release);  // (A)
      empty_all(leaving);
    }
    passing.append(self.others);  // none, if they were sent away
    acting_ = next = first_full_;
    if (next != nullptr) first_full_ = next->next_full;
  }
  leaving.call_all(sent_away);
  passing.call_all(passed);
  if (next != nullptr) next->call(your_turn);
}

/// Ends the round that fills: who arrives from now on belongs to the next.
/// Preconditions  lock_ is held.
inline void barrier::empty_filling(detail::call_list& into) noexcept {
  into.append(filling_);
  arrived_.store(0, detail::memory_order_release);  // (A)
  ++round_;
}

/// Takes out all who wait, in full rounds as well.
/// Preconditions  lock_ is held.
inline void barrier::empty_all(detail::call_list& leaving) noexcept {
  empty_filling(leaving);
  if (acting_ != nullptr) {
    leaving.append(acting_->others);
    acting_->sent_away = true;
  }
  for (; first_full_ != nullptr; first_full_ = first_full_->next_full) {
    leaving.append(first_full_->others);
    leaving.push_back(*first_full_);
  }
}

SPOOL_COLD inline void barrier::send_all_away(bool breaks) noexcept {
  detail::call_list leaving;
  {
    detail::word_guard held(lock_);
    broken_.store(breaks, detail::memory_order_release);  // (A)
    empty_all(leaving);
  }
  leaving.call_all(sent_away);  // *this may be gone as soon as the last of them is called
}

}  // namespace spool::inline SPOOL_ABI
