// spool/semaphore.hpp · floor 1 · counted permits
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <stop_token>

#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/permit_count.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI {

/// Counts permits: acquire() takes one, sleeping while there are none; release() gives some back.
///
///     spool::semaphore slots{4};      // at most four downloads at once
///     slots.acquire();  fetch(url);  slots.release();
///
/// Shape            0 <= permits <= max(); neither copied nor moved.
/// Blocks           Sleepers are woken oldest first, exactly as many as permits were released. A newcomer may take a
///                  permit before the sleeper woken for it comes (barging), but once a millisecond a release hands its
///                  permit to the oldest sleeper itself: nobody starves.
/// Synchronization  A release() happens before the return of every acquire that it makes possible.
/// Complexity       Uncontended: one atomic read-modify-write. No system call but to sleep and to wake a sleeper.
/// Lifetime         May be destroyed as soon as the last acquire has returned, even while the release() that fed it
///                  is still running on another thread.
class semaphore {
public:
  /// The largest number of permits.
  static constexpr std::ptrdiff_t(max)() noexcept { return (detail::permit_count::max)(); }

  /// With so many permits.      Throws  std::invalid_argument if value < 0 or value > max().
  constexpr explicit semaphore(std::ptrdiff_t value = 1) : permits_(value) {}

  /// Takes a permit, sleeping until there is one.
  void acquire() noexcept { permits_.acquire(); }

  /// Takes a permit if there is one now.      Returns  whether it did; never false while a permit is free.
  [[nodiscard]] bool try_acquire() noexcept { return permits_.try_acquire(); }

  /// Takes a permit, sleeping until there is one or the time is up.      Returns  whether it did.
  /// Units  any duration, on the steady clock; d <= 0 tries once, the largest d never ends.
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d) {
    return permits_.try_acquire() || permits_.acquire_drained(detail::deadline::after(d));
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> t) {
    return permits_.try_acquire() || permits_.acquire_drained(detail::deadline::at(t));
  }

  /// Takes a permit, sleeping until there is one or a stop is requested.
  /// Returns  whether it did: a permit that is free is taken, even if a stop was requested before.
  /// Throws   nothing.
  [[nodiscard]] bool acquire(std::stop_token stop) { return permits_.try_acquire() || permits_.acquire_drained(stop); }

  /// Gives back n permits and wakes as many sleepers, or all if they are fewer.
  /// Throws  std::invalid_argument if n < 1; usage_error if there would be more than max(). Nothing changed then.
  void release(std::ptrdiff_t n = 1) { permits_.release(n, (max)()); }

  /// How many permits are free now.
  std::ptrdiff_t value() const noexcept { return permits_.value(); }

protected:
  detail::permit_count permits_;
};

/// A semaphore that is never released above its initial value: a release too many is a bug, and is reported.
///
/// Blocks           As semaphore; so is all else.
class bounded_semaphore : private semaphore {
public:
  /// With so many permits, and never more.      Throws  std::invalid_argument if value < 0 or value > max().
  constexpr explicit bounded_semaphore(std::ptrdiff_t value = 1) : semaphore(value), initial_(value) {}

  using semaphore::acquire;
  using semaphore::max;
  using semaphore::try_acquire;
  using semaphore::try_acquire_for;
  using semaphore::try_acquire_until;
  using semaphore::value;

  /// Gives back n permits and wakes as many sleepers, or all if they are fewer.
  /// Throws  std::invalid_argument if n < 1; usage_error if there would be more than at first. Nothing changed then.
  void release(std::ptrdiff_t n = 1) { permits_.release(n, initial_); }

private:
  const std::ptrdiff_t initial_;
};

/// Holds a permit of a semaphore or a bounded_semaphore until the end of the scope.
///
///     spool::permit p{slots};
///
/// Throws  nothing: a release that the semaphore refuses at the end goes to the excepthook.
template <class Semaphore>
class [[nodiscard]] permit {
public:
  /// Takes a permit, sleeping until there is one.
  [[nodiscard("a permit is given back where it ends: name it")]] explicit permit(Semaphore& from) : from_(from) {
    from_.acquire();
  }
  permit(const permit&) = delete;
  permit& operator=(const permit&) = delete;
  /// Gives it back.
  ~permit() {
    try {
      from_.release();
    } catch (...) {
      detail::report_unhandled(std::current_exception());
    }
  }

private:
  Semaphore& from_;
};

}  // namespace spool::inline SPOOL_ABI
