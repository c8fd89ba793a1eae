// spool/detail/platform/deadline.hpp · any duration or time point as one steady instant, saturating
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <spool/detail/platform/clock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// The same number in int64, or what comes closest.
template <class Rep>
constexpr std::int64_t saturated_count(const Rep& count) {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  constexpr std::int64_t least = (std::numeric_limits<std::int64_t>::min)();
  if constexpr (sizeof(Rep) > sizeof(most) && std::is_constructible_v<Rep, std::int64_t>) {
    // Type traits may know nothing of a 128 bit integer: it is signed if least is smaller.
    if (count > static_cast<Rep>(most)) return most;
    if (static_cast<Rep>(least) < static_cast<Rep>(most) && count < static_cast<Rep>(least)) return least;
  } else if constexpr (sizeof(Rep) == sizeof(most) && std::is_unsigned_v<Rep>) {
    if (count > static_cast<Rep>(most)) return most;
  }
  return static_cast<std::int64_t>(count);
}

/// Rounds a duration up to nanoseconds, so that no timeout fires early; what is too long becomes
/// int64's largest value, what is too short its smallest. A NaN counts as zero.
template <class Rep, class Period>
constexpr std::int64_t saturated_ns(std::chrono::duration<Rep, Period> d) {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  constexpr std::int64_t least = (std::numeric_limits<std::int64_t>::min)();
  using to_ns = std::ratio_divide<Period, std::nano>;
  if constexpr (std::is_floating_point_v<Rep>) {
    const long double exact = static_cast<long double>(d.count()) * static_cast<long double>(to_ns::num) /
                              static_cast<long double>(to_ns::den);
    if (exact != exact) return 0;
    if (exact >= 9.2233720368547758e18L) return most;
    if (exact <= -9.2233720368547758e18L) return least;
    const auto whole = static_cast<std::int64_t>(exact);
    return static_cast<long double>(whole) < exact ? whole + 1 : whole;
  } else {
    const std::int64_t count = saturated_count(d.count());
    const std::int64_t whole = count / to_ns::den;
    const std::int64_t rest = count % to_ns::den;
    if (whole >= most / to_ns::num) return most;
    if (whole <= least / to_ns::num) return least;
    // rest < den, so the second product is below num: it cannot leave the range that the lines above kept free
    // unless num and den are both huge, which no period of a clock is.
    const std::int64_t part = rest * to_ns::num;
    const std::int64_t rounded_up = part / to_ns::den + (part % to_ns::den > 0 ? 1 : 0);
    return whole * to_ns::num + rounded_up;
  }
}

/// An instant on the steady clock until which a call may wait, or never.
///
/// Made once, at the call; every loop that waits compares with it and so waits for one total time.
class deadline {
public:
  /// Waits for ever.
  static constexpr deadline never() noexcept { return deadline{forever}; }
  /// Has passed already: the call polls once.
  static constexpr deadline passed_already() noexcept { return deadline{long_ago}; }

  /// Shape  d <= 0 polls once; a duration beyond the clock's range never ends.
  template <class Rep, class Period>
  static deadline after(std::chrono::duration<Rep, Period> d) {
    return after_ns(saturated_ns(d));
  }

  /// A time point of any clock; another clock than the steady one is read once, here.
  template <class Clock, class Duration>
  static deadline at(std::chrono::time_point<Clock, Duration> t) {
    const std::int64_t then = saturated_ns(t.time_since_epoch());
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
      return deadline{then};
    } else {
      if (then == forever) return never();
      const std::int64_t now = saturated_ns(Clock::now().time_since_epoch());
      if (then <= now) return passed_already();
      // then > now: the difference overflows only for a clock whose now is before its epoch.
      if (now < 0 && then > forever + now) return never();
      return after_ns(then - now);
    }
  }

  constexpr bool is_never() const noexcept { return ns_ == forever; }
  bool passed() const noexcept { return ns_ == long_ago || (ns_ != forever && steady_now_ns() >= ns_); }

  /// The earlier of the two.
  friend constexpr deadline earlier(deadline a, deadline b) noexcept { return a.ns_ < b.ns_ ? a : b; }

  /// Since the steady clock's epoch.
  /// Preconditions  not is_never().
  constexpr std::int64_t steady_ns() const noexcept { return ns_; }

  /// How long until then, never negative.
  /// Preconditions  not is_never().
  std::int64_t remaining_ns() const noexcept {
    if (ns_ == long_ago) return 0;
    const std::int64_t now = steady_now_ns();
    return ns_ > now ? ns_ - now : 0;
  }

private:
  static constexpr std::int64_t forever = (std::numeric_limits<std::int64_t>::max)();
  static constexpr std::int64_t long_ago = (std::numeric_limits<std::int64_t>::min)();

  constexpr explicit deadline(std::int64_t ns) noexcept : ns_(ns) {}

  static deadline after_ns(std::int64_t ns) {
    if (ns <= 0) return passed_already();
    if (ns == forever) return never();
    const std::int64_t now = steady_now_ns();
    return ns > forever - now ? never() : deadline{now + ns};
  }

  std::int64_t ns_;
};

}  // namespace spool::inline SPOOL_ABI::detail
