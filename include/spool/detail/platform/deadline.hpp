// spool/detail/platform/deadline.hpp · any duration or time point as one steady instant, saturating
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>

#include <spool/detail/platform/clock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Whether a count may be beyond int64.
template <class Rep>
inline constexpr bool exceeds_int64 = sizeof(Rep) > sizeof(std::int64_t)
                                          ? std::is_constructible_v<Rep, std::int64_t>
                                          : sizeof(Rep) == sizeof(std::int64_t) && std::is_unsigned_v<Rep>;

/// The same number in int64, or what comes closest.
template <class Rep>
constexpr std::int64_t saturated_count(const Rep& count) {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  constexpr std::int64_t least = (std::numeric_limits<std::int64_t>::min)();
  if constexpr (exceeds_int64<Rep>) {
    // Type traits may know nothing of a 128 bit integer: it is signed if least is smaller.
    if (count > static_cast<Rep>(most)) return most;
    if (static_cast<Rep>(least) < static_cast<Rep>(most) && count < static_cast<Rep>(least)) return least;
  }
  return static_cast<std::int64_t>(count);
}

/// How often a divisor goes into a count, saturating, and what is left over; both rounded to zero.
struct division {
  std::int64_t whole;
  std::int64_t rest;
};

/// Preconditions  0 < divisor.
template <class Rep>
constexpr division divided(const Rep& count, std::int64_t divisor) {
  if constexpr (exceeds_int64<Rep>) {
    const Rep by = static_cast<Rep>(divisor);
    const Rep whole = count / by;
    return {saturated_count(whole), static_cast<std::int64_t>(count - whole * by)};
  } else {
    const auto n = static_cast<std::int64_t>(count);
    return {n / divisor, n % divisor};
  }
}

/// a * b / divisor, rounded down, and what is left over; saturating, and exact whatever a * b may be.
/// Preconditions  0 < divisor < 2^63.
constexpr std::uint64_t times_over(std::uint64_t a, std::uint64_t b, std::uint64_t divisor, std::uint64_t& left) {
  constexpr std::uint64_t most = (std::numeric_limits<std::uint64_t>::max)();
  std::uint64_t result = 0;
  left = 0;
  for (int bit = 63; bit >= 0; --bit) {  // Horner's scheme: the bits of a, the highest first
    const std::uint64_t added = (a >> bit) % 2;
    left = 2 * left;
    const std::uint64_t carry = left >= divisor ? 1 : 0;
    left = left - carry * divisor + added * (b % divisor);
    const std::uint64_t second_carry = left >= divisor ? 1 : 0;
    left -= second_carry * divisor;
    const std::uint64_t more = added * (b / divisor);
    if (result > most / 2 - 1 || 2 * result + carry + second_carry > most - more) return most;
    result = 2 * result + carry + second_carry + more;
  }
  return result;
}

/// Without its sign.
constexpr std::uint64_t magnitude(std::int64_t n) {
  return n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
}

/// A period as a number of nanoseconds, count * (num * scale) / den, where num * scale need not fit int64: for
/// exaseconds it does not.
template <class Period>
struct period_in_ns {
  static constexpr std::int64_t common = std::gcd(Period::den, std::int64_t{1'000'000'000});
  static constexpr std::int64_t num = Period::num;
  static constexpr std::int64_t scale = 1'000'000'000 / common;
  static constexpr std::int64_t den = Period::den / common;
  /// Whether all that is multiplied below fits int64.
  static constexpr bool is_small = num <= (std::numeric_limits<std::int64_t>::max)() / scale / den;
};

/// Rounds a duration up to nanoseconds, so that no timeout fires early; what is too long becomes
/// int64's largest value, what is too short its smallest. A NaN counts as zero.
template <class Rep, class Period>
constexpr std::int64_t saturated_ns(std::chrono::duration<Rep, Period> d) {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  constexpr std::int64_t least = (std::numeric_limits<std::int64_t>::min)();
  using in_ns = period_in_ns<typename Period::type>;
  if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
    const long double exact = static_cast<long double>(d.count()) * static_cast<long double>(in_ns::num) *
                              static_cast<long double>(in_ns::scale) / static_cast<long double>(in_ns::den);
    if (exact >= 9.2233720368547758e18L) return most;
    if (exact <= -9.2233720368547758e18L) return least;
    if (!(exact >= 0 || exact < 0)) return 0;
    const auto whole = static_cast<std::int64_t>(exact);
    return static_cast<long double>(whole) < exact ? whole + 1 : whole;
  } else if constexpr (in_ns::is_small) {
    constexpr std::int64_t num = in_ns::num * in_ns::scale;
    const auto [whole, rest] = divided(d.count(), in_ns::den);
    if (whole >= most / num) return most;
    if (whole <= least / num) return least;
    // rest < den, so the second product is below num: it cannot leave the range that the lines above kept free.
    const std::int64_t part = rest * num;
    const std::int64_t rounded_up = part / in_ns::den + (part % in_ns::den > 0 ? 1 : 0);
    return whole * num + rounded_up;
  } else {
    const division count = divided(d.count(), in_ns::den);
    const bool negative = count.whole < 0 || count.rest < 0;
    const std::uint64_t turns = magnitude(count.whole);
    constexpr auto num = static_cast<std::uint64_t>(in_ns::num);
    constexpr auto scale = static_cast<std::uint64_t>(in_ns::scale);
    constexpr auto den = static_cast<std::uint64_t>(in_ns::den);
    constexpr auto limit = static_cast<std::uint64_t>(most);
    std::uint64_t left = 0;
    const std::uint64_t more = times_over(magnitude(count.rest), num, den, left);
    if (turns > limit / scale / num || more > limit / scale - turns * num) return negative ? least : most;
    const std::uint64_t ns = (turns * num + more) * scale + times_over(left, scale, den, left);
    if (ns >= limit) return negative ? least : most;
    if (negative) return -static_cast<std::int64_t>(ns);
    return static_cast<std::int64_t>(ns) + (left != 0 ? 1 : 0);
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
