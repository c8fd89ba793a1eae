// spool/condition.hpp · floor 2 · sleep until a predicate over any lock
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <spool/detail/base/count.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/refuse.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/lock_traits.hpp>
#include <spool/detail/sync/notify_list.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI {

/// Lets threads that hold a lock sleep until another one changes what the lock guards; Python's Condition.
///
///     std::unique_lock held(m);
///     changed.wait(held, [&] { return !items.empty(); });
///
/// Shape            `guard` is any BasicLockable that the caller holds: a std::unique_lock, or the mutex itself. A
///                  recursive_mutex is let go whole, and held as deep as before afterwards. Several conditions may
///                  share a lock. constinit; neither copied nor moved.
/// Blocks           Exact: a notify releases those that wait at that moment, oldest first, and no wait returns for
///                  anything else but its deadline or its stop request. One that gave up took no notification. Spins
///                  only where the last waits were short, and only the oldest waiter does.
/// Synchronization  A notify happens before the return of every wait that it releases.
/// Throws           Every form of wait: usage_error if the caller does not hold the lock, as far as the lock can
///                  tell; what the predicate throws, the lock held.
/// Complexity       notify: O(1) a waiter, one load where nobody waits, one system call for each that sleeps.
/// Lifetime         May be destroyed once all waiters have been notified, or have returned, even while the notify is
///                  still returning on another thread, and before the waiters have the lock again.
class condition {
public:
  constexpr condition() noexcept = default;
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;

  /// Lets the lock go, sleeps until notified, and takes it again.
  template <detail::basic_lockable Guard>
  void wait(Guard& guard) {
    waiter self(false);
    wait_once(self, guard, detail::deadline::never());
  }

  /// Waits until pred().
  template <detail::basic_lockable Guard, class Predicate>
    requires std::predicate<Predicate&>
  void wait(Guard& guard, Predicate pred) {
    check_held(guard);
    while (!pred()) wait(guard);
  }

  /// Waits at most d; d <= 0 lets the lock go for a moment.      Returns  whether it was notified.
  template <detail::basic_lockable Guard, class Rep, class Period>
  bool wait_for(Guard& guard, std::chrono::duration<Rep, Period> d) {
    waiter self(true);
    return wait_once(self, guard, detail::deadline::after(d));
  }

  /// Waits until pred(), for at most d in all.      Returns  its last value.
  template <detail::basic_lockable Guard, class Rep, class Period, class Predicate>
    requires std::predicate<Predicate&>
  bool wait_for(Guard& guard, std::chrono::duration<Rep, Period> d, Predicate pred) {
    return wait_until_true(guard, detail::deadline::after(d), pred);
  }

  /// Waits until t of any clock at most.      Returns  whether it was notified.
  template <detail::basic_lockable Guard, class Clock, class Duration>
  bool wait_until(Guard& guard, std::chrono::time_point<Clock, Duration> t) {
    waiter self(true);
    return wait_once(self, guard, detail::deadline::at(t));
  }

  /// Waits until pred(), until t of any clock at most.      Returns  its last value.
  template <detail::basic_lockable Guard, class Clock, class Duration, class Predicate>
    requires std::predicate<Predicate&>
  bool wait_until(Guard& guard, std::chrono::time_point<Clock, Duration> t, Predicate pred) {
    return wait_until_true(guard, detail::deadline::at(t), pred);
  }

  /// Waits until pred(), or a stop request.      Returns  the last value of pred().
  template <detail::basic_lockable Guard, class Predicate>
    requires std::predicate<Predicate&>
  bool wait(Guard& guard, std::stop_token stop, Predicate pred) {
    check_held(guard);
    if (stop.stop_requested()) return pred();
    waiter self(true);
    const std::stop_callback on_stop(std::move(stop), [&self, row = &row_] { detail::wait_list::stop(self, row); });
    while (!pred()) {
      if (!wait_once(self, guard, detail::deadline::never())) return pred();
    }
    return true;
  }

  SPOOL_REFUSE(
      "spool: wait(guard, [stop,] [pred]) needs a guard variable with lock() and unlock(), as std::unique_lock, "
      "and a pred that can be called with nothing and gives a bool",
      void wait(Given&&...));
  SPOOL_REFUSE(
      "spool: wait_for(guard, d, [pred]) needs a guard variable with lock() and unlock(), as std::unique_lock, "
      "a std::chrono::duration, and a pred that can be called with nothing and gives a bool",
      void wait_for(Given&&...));
  SPOOL_REFUSE(
      "spool: wait_until(guard, t, [pred]) needs a guard variable with lock() and unlock(), as std::unique_lock, "
      "a std::chrono::time_point, and a pred that can be called with nothing and gives a bool",
      void wait_until(Given&&...));

  /// Releases the one that has waited longest, if anybody waits.
  void notify_one() noexcept { row_.release(1); }

  /// Releases the n that have waited longest, or all if there are fewer.      Throws  std::invalid_argument if n < 0.
  void notify(detail::count n) noexcept {
    row_.release(static_cast<unsigned>(detail::smaller_of<std::size_t>(n, (std::numeric_limits<unsigned>::max)())));
  }

  /// Releases all that wait now.
  void notify_all() noexcept { row_.release((std::numeric_limits<unsigned>::max)()); }

private:
  using waiter = detail::wait_list::waiter;

  template <class Guard, class Predicate>
  bool wait_until_true(Guard& guard, detail::deadline until, Predicate& pred) {
    check_held(guard);
    waiter self(true);
    while (!pred()) {
      // Those who notify again and again do not keep it beyond its time.
      if (!wait_once(self, guard, until) || until.passed()) return pred();
    }
    return true;
  }

  /// One wait, the lock let go meanwhile.      Returns  whether it was notified.
  ///
  /// The waiter joins the row before the lock goes: whoever then changes what this thread waits for, under the lock,
  /// finds it there.
  template <class Guard>
  bool wait_once(waiter& self, Guard& guard, detail::deadline until) {
    check_held(guard);
    if (!row_.join(self)) return false;
    const unsigned extra = hooks_of<Guard>::shed(lock_of(guard));
    try {
      guard.unlock();
    } catch (...) {
      hooks_of<Guard>::regain(lock_of(guard), extra);
      row_.withdraw(self);
      throw;
    }
    const bool notified = row_.wait(self, until);
    guard.lock();
    hooks_of<Guard>::regain(lock_of(guard), extra);
    return notified;
  }

  /// The lock itself: what a guard like std::unique_lock refers to.
  template <class Guard>
  static auto& lock_of(Guard& guard) {
    if constexpr (requires { *guard.mutex(); }) {
      return *guard.mutex();
    } else {
      return guard;
    }
  }
  template <class Guard>
  using hooks_of = detail::lock_hooks<std::remove_cvref_t<decltype(lock_of(std::declval<Guard&>()))>>;

  template <class Guard>
  static void check_held(Guard& guard) {
    if constexpr (requires { static_cast<bool>(guard.owns_lock()); }) {
      if (!guard.owns_lock()) throw_not_held();
    }
    if (!hooks_of<Guard>::held(lock_of(guard))) throw_not_held();
  }

  [[noreturn]] SPOOL_COLD static void throw_not_held() {
    throw usage_error(
        "spool::condition: waited without holding the lock: lock it first, and pass the guard that holds it");
  }

  detail::wait_list row_;
};

}  // namespace spool::inline SPOOL_ABI
