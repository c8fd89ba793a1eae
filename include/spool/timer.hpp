// spool/timer.hpp · floor 4 · run once after a delay, or again and again, unless cancelled
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/base/refuse.hpp>
#include <spool/detail/base/unique_function.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/timer/call.hpp>
#include <spool/detail/timer/core.hpp>
#include <spool/detail/timer/thread.hpp>

namespace spool::inline SPOOL_ABI {

/// Calls f(args...) once, some time after start(), unless it is cancelled first; Python's Timer.
///
///     spool::timer alarm(5s, [] { print("wake up"); });
///     alarm.start();
///     if (alarm.cancel()) print("never mind");
///
/// Shape            Neither copied nor moved. Holds copies of f and args, as std::thread does; what f returns is
///                  dropped, an exception that leaves it goes to the excepthook. Any duration: d <= 0 is due at once,
///                  the largest never.
/// Blocks           Only join() and, while the callback runs, the destructor. All timers of the program share one
///                  thread that waits, and a few that run callbacks while another blocks; none of them keeps the
///                  program alive.
/// Signals          The timers' threads block all signals but those of faults (SIGSEGV and the like), so that the program
///                  gets its own where it waits for them. Programs that a callback starts inherit that.
/// Ordering         Callbacks begin in the order of their deadlines, those of the same in the order of their starts,
///                  and never early. One that blocks, or computes for more than a millisecond, delays no other, but
///                  may be overtaken.
/// Synchronization  start() happens before the callback, its end before the return of every join().
/// Complexity       start() and cancel(): O(1) for timers started in the order in which they are due, else O(log n) of
///                  those that wait; no allocation in the steady state, no system call unless it is the next to fire.
///                  The first one waits for a thread to be made.
/// Lifetime         The destructor cancels, and waits for a callback that is running, unless called from it. f and args
///                  are destroyed as soon as f has returned, or the timer was cancelled.
class timer {
public:
  /// Made, not started.
  /// Throws  std::bad_alloc, f and args untouched, and what copying them throws.
  template <class Rep, class Period, class F, class... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
  [[nodiscard("a timer runs once start() is called: name it")]] explicit timer(std::chrono::duration<Rep, Period> delay,
                                                                               F&& f, Args&&... args)
      : core_(detail::saturated_ns(delay), 0,
              detail::with_copies_made(
                  [](auto&&... parts) {
                    using call = detail::timer_call<std::decay_t<F>, std::decay_t<Args>...>;
                    return detail::unique_function<void()>(std::in_place_type<call>,
                                                           std::forward<decltype(parts)>(parts)...);
                  },
                  std::forward<F>(f), std::forward<Args>(args)...)) {}
  SPOOL_REFUSE(
      "spool: timer(delay, f, args...) needs a delay with a unit, as 30s, and an f to be called with copies of args",
      explicit timer(Given&&...) requires detail::no_copy_of<timer, Given...>);
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;

  /// From now on the time runs. One that was cancelled before never fires.
  /// Throws  usage_error if it was started before; std::system_error if there is no thread for timers and the system
  ///         refuses one, and std::bad_alloc: nothing has happened then, and it may be started again.
  void start() { core_.start(); }

  /// Keeps it from firing, unless its callback has begun.
  /// Returns  whether it did so: true once at most, false if it fires or has fired. Exactly one of the two happens.
  bool cancel() noexcept { return core_.cancel(); }

  /// Waits until it has fired and its callback has returned, or it was cancelled. May be called again, and by many.
  /// Throws  usage_error in its own callback, which would wait for ever, and if it was not started.
  void join() const { core_.join(detail::deadline::never()); }
  /// Waits at most d; d <= 0 looks once.      Returns  whether it is over.
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> d) const {
    return core_.join(detail::deadline::after(d));
  }
  /// Waits until t of any clock at most.      Returns  whether it is over.
  template <class Clock, class Duration>
  bool join_until(std::chrono::time_point<Clock, Duration> t) const {
    return core_.join(detail::deadline::at(t));
  }

  /// Whether it was started, and has neither fired to the end nor been cancelled.
  [[nodiscard]] bool is_alive() const noexcept { return core_.is_alive(); }

private:
  detail::timer_core core_;
};

/// Calls f(args...) again and again, until it is cancelled: first one interval after start(), then at every further
/// multiple of it.
///
///     spool::periodic_timer tick(1s, [] { print("tick"); });
///     tick.start();
///
/// Shape            As timer. The copies of f and args stay where they are: each call gets them as lvalues.
/// Blocks           As timer.
/// Ordering         As timer, without drift. One callback of a timer at a time: if it takes longer than the interval,
///                  the next call is at the next multiple that has not passed, and missed() counts those left out. It
///                  goes on after a callback that threw.
class periodic_timer {
public:
  /// Made, not started.
  /// Throws  std::invalid_argument for an interval <= 0; std::bad_alloc, and what copying throws.
  template <class Rep, class Period, class F, class... Args>
    requires std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>&...>
  [[nodiscard("a timer runs once start() is called: name it")]] explicit periodic_timer(
      std::chrono::duration<Rep, Period> interval, F&& f, Args&&... args)
      : core_{checked(interval), checked(interval),  // in braces, so that it is checked before f is touched
              detail::with_copies_made(
                  [](auto&&... parts) {
                    return detail::periodic_call<std::decay_t<F>, std::decay_t<Args>...>(
                        std::forward<decltype(parts)>(parts)...);
                  },
                  std::forward<F>(f), std::forward<Args>(args)...)} {}
  SPOOL_REFUSE(
      "spool: periodic_timer(interval, f, args...) needs an interval with a unit, as 30s, and an f to be called "
      "again and again: it gets copies of args as lvalues",
      explicit periodic_timer(Given&&...) requires detail::no_copy_of<periodic_timer, Given...>);
  periodic_timer(const periodic_timer&) = delete;
  periodic_timer& operator=(const periodic_timer&) = delete;

  /// As timer::start().
  void start() { core_.start(); }

  /// Ends it; a callback that is running comes to its end.
  /// Returns  whether it was this call that ended it: no further firing follows.
  bool cancel() noexcept { return core_.cancel(); }

  /// As timer::join(): waits until it was cancelled and its last callback has returned.
  void join() const { core_.join(detail::deadline::never()); }
  /// As timer::join_for().      Returns  whether it is over.
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> d) const {
    return core_.join(detail::deadline::after(d));
  }
  /// As timer::join_until().      Returns  whether it is over.
  template <class Clock, class Duration>
  bool join_until(std::chrono::time_point<Clock, Duration> t) const {
    return core_.join(detail::deadline::at(t));
  }

  /// Whether it was started, and neither cancelled nor still in its last callback.
  [[nodiscard]] bool is_alive() const noexcept { return core_.is_alive(); }

  /// How many firings were left out, as the callback before them ended too late.
  [[nodiscard]] std::uint64_t missed() const noexcept { return core_.missed(); }

private:
  template <class Rep, class Period>
  static std::int64_t checked(std::chrono::duration<Rep, Period> interval) {
    const std::int64_t ns = detail::saturated_ns(interval);
    if (ns <= 0)
      throw std::invalid_argument("spool::periodic_timer: the interval is zero or negative: give a positive one");
    return ns;
  }

  detail::timer_core core_;
};

}  // namespace spool::inline SPOOL_ABI
