// spool/event.hpp · floor 1 · flag that threads wait for
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/hand_off.hpp>
#include <spool/detail/sync/waiter.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI {

/// A flag: set() raises it, clear() lowers it, wait() returns once it is up.
///
///     spool::event ready;
///     /* one thread */  load();  ready.set();
///     /* others     */  ready.wait();  use();
///
/// Shape            Neither copied nor moved.
/// Blocks           A set() releases every thread that waits at that moment, even if clear() follows at once. No
///                  spurious returns.
/// Synchronization  A set() happens before the return of every wait that it lets return.
/// Complexity       One atomic operation each; no system call but to sleep and to wake a sleeper.
/// Lifetime         May be destroyed as soon as the last wait has returned, even while the set() that let it return
///                  is still running on another thread.
class event {
public:
  /// Lowered, unless said otherwise.
  constexpr explicit event(bool set = false) noexcept : state_(set ? is_up : 0) {}
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Raises the flag, and releases all who wait. Setting it again changes nothing.
  void set() noexcept {
    std::uint64_t seen = state_.load(detail::memory_order_relaxed);
    for (;;) {
      if ((seen & has_sleepers) != 0) {
        if (set_for_sleepers()) return;
        seen = state_.load(detail::memory_order_relaxed);
      } else if (state_.compare_exchange_weak(seen, (seen + one_set) | is_up, detail::memory_order_acq_rel,  // (A)
                                              detail::memory_order_relaxed)) {
        return;
      }
    }
  }

  /// Lowers the flag: later waits wait for the next set().
  void clear() noexcept { state_.fetch_and(~is_up, detail::memory_order_acq_rel); }

  /// Whether the flag is up.
  bool is_set() const noexcept { return (state_.load(detail::memory_order_acquire) & is_up) != 0; }  // (B)

  /// Waits until the flag is up.
  void wait() noexcept {
    if (!is_set()) wait_lowered(detail::deadline::never());
  }

  /// Waits until the flag is up or the time is over.      Returns  whether the flag was up.
  /// Units  any duration, on the steady clock; d <= 0 looks once, the largest d never ends.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> d) {
    return is_set() || wait_lowered(detail::deadline::after(d));
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  bool wait_until(std::chrono::time_point<Clock, Duration> t) {
    return is_set() || wait_lowered(detail::deadline::at(t));
  }

  /// Waits until the flag is up or a stop is requested.
  /// Returns  whether the flag was up, even if a stop was requested, too.
  /// Throws   nothing.
  bool wait(std::stop_token stop) { return is_set() || wait_lowered(stop); }

private:
  //  bit 0       is_up         the flag
  //  bit 1       has_sleepers  the list is not empty; changed only under lock_
  //  bits 2..63  sets          how often set() was called: a thread that has seen it change was released
  //
  //  is_up  has_sleepers   meaning
  //    0         0         lowered, nobody sleeps: set() is one CAS
  //    0         1         threads sleep: set() goes through lock_, takes all of them out and calls them
  //    1         0         up: wait() is one load
  //    1         1         never
  //
  //  Invariants
  //  - A thread is listed only while the flag is down and no set() came since its call. While has_sleepers is set,
  //    sets are counted only under lock_, and empty the list: who is listed has missed none.
  //  - Without has_sleepers the CAS of set() is its last touch of *this. With it, a listed sleeper cannot return
  //    before it is called, which set() does after unlocking: it keeps *this alive until then.
  //  (A) pairs with every (B): all writers are read-modify-writes, so the release sequence never breaks, not even by
  //      a clear().
  static constexpr std::uint64_t is_up = 1;
  static constexpr std::uint64_t has_sleepers = 2;
  static constexpr std::uint64_t one_set = 4;

  static constexpr detail::sleeper::answer released = 1;

  /// Whether a thread that saw `first` at its call, and `now` later, may return.
  static constexpr bool lets_go(std::uint64_t first, std::uint64_t now) noexcept {
    return (now & is_up) != 0 || now / one_set != first / one_set;
  }

  bool wait_lowered(detail::deadline until) noexcept;
  bool wait_lowered(std::stop_token const& stop);
  bool stay_awake(detail::hand_off_wait& waiting, std::uint64_t first) const noexcept;
  bool wait_asleep(detail::sleeper& self, std::uint64_t first, detail::deadline until) noexcept;
  bool enlist(detail::sleeper& self, std::uint64_t first) noexcept;
  bool withdraw(detail::sleeper& self) noexcept;
  bool set_for_sleepers() noexcept;

  detail::atomic<std::uint64_t> state_;
  detail::word_lock lock_;
  detail::intrusive_list<detail::sleeper> sleepers_;  // guarded by lock_
};

// ── the slow paths ──

/// Spins shortly, then sleeps.      Returns  whether a set() was seen.
SPOOL_COLD inline bool event::wait_lowered(detail::deadline until) noexcept {
  const std::uint64_t first = state_.load(detail::memory_order_acquire);  // (B)
  if (lets_go(first, first)) return true;
  if (until.passed()) return false;
  detail::hand_off_wait waiting(until);
  if (stay_awake(waiting, first)) return true;
  detail::sleeper self;
  return wait_asleep(self, first, until);
}

SPOOL_COLD inline bool event::wait_lowered(std::stop_token const& stop) {
  const std::uint64_t first = state_.load(detail::memory_order_acquire);  // (B)
  if (lets_go(first, first)) return true;
  if (stop.stop_requested()) return false;
  detail::hand_off_wait waiting(detail::deadline::never());
  if (stay_awake(waiting, first)) return true;
  detail::sleeper self;
  // Runs in the thread that requests the stop, or right here if that came first; its end waits for a run elsewhere.
  const std::stop_callback on_stop(stop, [&self]() noexcept { self.poke(); });
  return wait_asleep(self, first, detail::deadline::never());
}

inline bool event::stay_awake(detail::hand_off_wait& waiting, std::uint64_t first) const noexcept {
  return waiting.stay_awake_until([&] { return lets_go(first, state_.load(detail::memory_order_acquire)); });  // (B)
}

/// Sleeps until a set(), the deadline, or a poke.      Returns  whether a set() came.
inline bool event::wait_asleep(detail::sleeper& self, std::uint64_t first, detail::deadline until) noexcept {
  if (!enlist(self, first)) return true;
  if (self.sleep(until) == released) return true;
  if (withdraw(self)) return false;
  self.sleep_until_called();
  return true;
}

/// Joins the list.      Returns  false if a set() came first.
inline bool event::enlist(detail::sleeper& self, std::uint64_t first) noexcept {
  detail::word_guard held(lock_);
  std::uint64_t seen = state_.load(detail::memory_order_acquire);  // (B)
  for (;;) {
    if (lets_go(first, seen)) return false;
    if ((seen & has_sleepers) != 0) break;
    if (state_.compare_exchange_weak(seen, seen | has_sleepers, detail::memory_order_acquire)) {  // (B)
      break;
    }
  }
  sleepers_.push_back(self);
  return true;
}

/// Leaves the list.      Returns  false if a set() took it out before: then a call is on its way.
inline bool event::withdraw(detail::sleeper& self) noexcept {
  detail::word_guard held(lock_);
  if (!self.linked()) return false;
  sleepers_.erase(self);
  if (sleepers_.empty()) state_.fetch_and(~has_sleepers, detail::memory_order_relaxed);
  return true;
}

/// The set() where threads sleep.      Returns  false, nothing done, if they are gone meanwhile.
SPOOL_COLD inline bool event::set_for_sleepers() noexcept {
  detail::call_list woken;
  {
    detail::word_guard held(lock_);
    if ((state_.load(detail::memory_order_relaxed) & has_sleepers) == 0) return false;
    while (detail::sleeper* s = sleepers_.pop_front()) woken.push_back(*s);
    // From (0, 1) to (1, 0) in the table above, in one step.
    state_.fetch_add(one_set + is_up - has_sleepers, detail::memory_order_acq_rel);  // (A)
  }
  woken.call_all(released);  // *this may be gone as soon as the first of them is called
  return true;
}

}  // namespace spool::inline SPOOL_ABI
