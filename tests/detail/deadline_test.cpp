// tests/detail/deadline_test.cpp · any duration, any clock, never early, never overflowing
// SPDX-License-Identifier: MIT
#include <spool/detail/platform/deadline.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using spool::detail::deadline;
using spool::detail::saturated_ns;
using std::chrono::duration;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

using picoseconds = duration<std::int64_t, std::pico>;
using attoseconds = duration<std::int64_t, std::atto>;
using exaseconds = duration<std::int64_t, std::exa>;
using unsigned_exaseconds = duration<std::uint64_t, std::exa>;
using float_exaseconds = duration<float, std::exa>;
/// About a second, of which neither the numerator in nanoseconds nor the product with the denominator fits.
using odd_seconds = duration<std::int64_t, std::ratio<9'223'372'036'854'775'807, 9'223'372'036'854'775'783>>;
using thirds = duration<std::int64_t, std::ratio<1, 3>>;
using frames = duration<std::int64_t, std::ratio<1001, 30000>>;
using tiny_hours = duration<std::int8_t, std::ratio<3600>>;
using unsigned_ns = duration<std::uint64_t, std::nano>;
using unsigned_hours = duration<std::uint64_t, std::ratio<3600>>;
using unsigned_ps = duration<std::uint64_t, std::pico>;
using float_seconds = duration<float>;
using double_hours = duration<double, std::ratio<3600>>;
using wide_seconds = duration<long double>;

/// A clock that shows what it is told to.
template <class Duration>
struct fake_clock {
  using duration = Duration;
  using rep = typename Duration::rep;
  using period = typename Duration::period;
  using time_point = std::chrono::time_point<fake_clock>;
  static constexpr bool is_steady = false;
  static inline Duration shown{};
  static time_point now() { return time_point(shown); }
};

bool about(deadline d, std::chrono::nanoseconds expected) {
  const std::int64_t left = d.remaining_ns();
  return left <= expected.count() && left > (expected - 5min).count();
}

}  // namespace

TEMPLATE_TEST_CASE("the largest duration never ends and the smallest polls once", "", std::chrono::nanoseconds,
                   std::chrono::microseconds, std::chrono::milliseconds, std::chrono::seconds, std::chrono::minutes,
                   std::chrono::hours, std::chrono::years, frames, float_seconds, double_hours, wide_seconds) {
  CHECK(saturated_ns(TestType::max()) == most);
  CHECK(saturated_ns(TestType::min()) == least);
  CHECK(deadline::after(TestType::max()).is_never());
  CHECK_FALSE(deadline::after(TestType::max()).passed());
  CHECK(deadline::after(TestType::min()).passed());
  CHECK_FALSE(deadline::after(TestType::min()).is_never());
  CHECK(deadline::after(TestType::min()).remaining_ns() == 0);
  CHECK(deadline::after(TestType::zero()).passed());
}

TEST_CASE("the largest duration of a type too small or too fine to be for ever is what it says") {
  CHECK(saturated_ns(tiny_hours::max()) == 127 * 3'600'000'000'000);
  CHECK(saturated_ns(tiny_hours::min()) == -128 * 3'600'000'000'000);
  CHECK(saturated_ns(picoseconds::max()) == most / 1000 + 1);
  CHECK(saturated_ns(picoseconds::min()) == least / 1000);
  CHECK(saturated_ns(attoseconds::max()) == 9'223'372'037);
  CHECK(saturated_ns(unsigned_ps(most)) == most / 1000 + 1);
}

TEST_CASE("unsigned counts beyond the signed range saturate") {
  CHECK(saturated_ns(unsigned_ns::max()) == most);
  CHECK(saturated_ns(unsigned_ns(std::uint64_t{1} << 63)) == most);
  CHECK(saturated_ns(unsigned_hours::max()) == most);
  CHECK(saturated_ns(unsigned_ns::min()) == 0);
  CHECK(saturated_ns(duration<std::uint32_t>::max()) == 4'294'967'295 * 1'000'000'000);
  CHECK(deadline::after(unsigned_ns::max()).is_never());
  CHECK(deadline::after(unsigned_ns::min()).passed());
}

TEST_CASE("a count beyond the signed range is what it says, where its unit is fine") {
  using unsigned_as = duration<std::uint64_t, std::atto>;
  using finest = duration<std::uint64_t, std::ratio<3, std::int64_t{1} << 62>>;
  CHECK(saturated_ns(unsigned_as::max()) == 18'446'744'074);
  CHECK(saturated_ns(unsigned_ps::max()) == 18'446'744'073'709'552);
  CHECK(saturated_ns(finest(std::uint64_t{1} << 63)) == 6'000'000'000);
  CHECK(saturated_ns(finest((std::uint64_t{1} << 63) + 1)) == 6'000'000'001);
}

#if defined(__SIZEOF_INT128__)
TEST_CASE("counts of more than 64 bits are what they say, where their unit is fine") {
  __extension__ typedef __int128 wide;
  using wide_as = duration<wide, std::atto>;
  using wide_finest = duration<wide, std::ratio<3, std::int64_t{1} << 62>>;
  constexpr wide an_hour = wide{3'600} * 1'000'000'000'000'000'000;
  CHECK(saturated_ns(wide_as(an_hour)) == 3'600'000'000'000);
  CHECK(saturated_ns(wide_as(an_hour + 1)) == 3'600'000'000'001);
  CHECK(saturated_ns(wide_as(-an_hour)) == -3'600'000'000'000);
  CHECK(saturated_ns(wide_as(an_hour * 1'000'000'000)) == most);
  CHECK(saturated_ns(wide_as(-an_hour * 1'000'000'000)) == least);
  CHECK(saturated_ns(wide_finest(wide{1} << 70)) == 768'000'000'000);
  CHECK(saturated_ns(wide_finest(-(wide{1} << 70))) == -768'000'000'000);
  CHECK(saturated_ns(wide_finest(wide{1} << 120)) == most);
  CHECK(saturated_ns(wide_finest(-(wide{1} << 120))) == least);
}

TEST_CASE("counts of more than 64 bits saturate, too") {
  __extension__ typedef __int128 wide;
  __extension__ typedef unsigned __int128 wide_unsigned;
  using wide_ns = duration<wide, std::nano>;
  using wide_hours = duration<wide, std::ratio<3600>>;
  using wide_unsigned_ns = duration<wide_unsigned, std::nano>;
  CHECK(saturated_ns(wide_ns(wide{1} << 100)) == most);
  CHECK(saturated_ns(wide_ns(-(wide{1} << 100))) == least);
  CHECK(saturated_ns(wide_ns((wide{1} << 64) + 1)) == most);
  CHECK(saturated_ns(wide_ns(most)) == most);
  CHECK(saturated_ns(wide_ns(wide{least})) == least);
  CHECK(saturated_ns(wide_ns(-1)) == -1);
  CHECK(saturated_ns(wide_ns(1'500)) == 1'500);
  CHECK(saturated_ns(wide_hours(wide{1} << 100)) == most);
  CHECK(saturated_ns(wide_hours(-(wide{1} << 100))) == least);
  CHECK(saturated_ns(wide_unsigned_ns(wide_unsigned{1} << 100)) == most);
  CHECK(saturated_ns(wide_unsigned_ns(7)) == 7);
  CHECK(deadline::after(wide_ns(wide{1} << 100)).is_never());
  CHECK(deadline::after(wide_ns(-(wide{1} << 100))).passed());
  CHECK(about(deadline::at(std::chrono::time_point<std::chrono::steady_clock, wide_ns>(
                  std::chrono::steady_clock::now() + std::chrono::hours(1))),
              1h));
}
#endif

TEST_CASE("floating point: infinity is for ever, not-a-number polls once") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const volatile float not_a_number = std::numeric_limits<float>::quiet_NaN();  // volatile: known at run time only
  CHECK(saturated_ns(float_seconds(infinity)) == most);
  CHECK(saturated_ns(float_seconds(-infinity)) == least);
  CHECK(saturated_ns(float_seconds(not_a_number)) == 0);
  CHECK(saturated_ns(double_hours(static_cast<double>(not_a_number))) == 0);
  CHECK(deadline::after(float_seconds(infinity)).is_never());
  CHECK(deadline::after(float_seconds(not_a_number)).passed());
  CHECK(saturated_ns(duration<double>(9.3e9)) == most);
  CHECK(saturated_ns(duration<double>(-9.3e9)) == least);
  CHECK(saturated_ns(duration<double>(1.5)) == 1'500'000'000);
}

TEST_CASE("what is finer than a nanosecond is rounded up, so that no timeout is early") {
  CHECK(saturated_ns(picoseconds(1)) == 1);
  CHECK(saturated_ns(picoseconds(1000)) == 1);
  CHECK(saturated_ns(picoseconds(1001)) == 2);
  CHECK(saturated_ns(picoseconds(-1)) == 0);
  CHECK(saturated_ns(picoseconds(-1000)) == -1);
  CHECK(saturated_ns(picoseconds(-1001)) == -1);
  CHECK(saturated_ns(thirds(1)) == 333'333'334);
  CHECK(saturated_ns(thirds(2)) == 666'666'667);
  CHECK(saturated_ns(thirds(3)) == 1'000'000'000);
  CHECK(saturated_ns(thirds(-1)) == -333'333'333);
  CHECK(saturated_ns(frames(30000)) == 1001 * std::int64_t{1'000'000'000});
  CHECK(saturated_ns(frames(1)) == 33'366'667);
  CHECK(saturated_ns(duration<double, std::nano>(0.1)) == 1);
  CHECK(saturated_ns(duration<double, std::nano>(1.0)) == 1);
  CHECK(saturated_ns(duration<double, std::nano>(1.5)) == 2);
  CHECK(saturated_ns(duration<double, std::nano>(-1.5)) == -1);
}

TEST_CASE("a range that is all but exhausted is kept exactly") {
  CHECK(saturated_ns(std::chrono::nanoseconds(most - 1)) == most - 1);
  CHECK(saturated_ns(std::chrono::nanoseconds(least + 1)) == least + 1);
  CHECK(saturated_ns(std::chrono::seconds(9'223'372'035)) == 9'223'372'035'000'000'000);
  CHECK(saturated_ns(std::chrono::seconds(9'223'372'037)) == most);
  CHECK(saturated_ns(std::chrono::seconds(-9'223'372'035)) == -9'223'372'035'000'000'000);
  CHECK(saturated_ns(std::chrono::seconds(-9'223'372'037)) == least);
  CHECK(deadline::after(std::chrono::nanoseconds(most - 1)).is_never());  // now + that is beyond the clock's range
}

TEST_CASE("a duration to come has not passed; zero and negative ones have") {
  CHECK(about(deadline::after(1h), 1h));
  CHECK(about(deadline::after(duration<double, std::ratio<3600>>(1.0)), 1h));
  CHECK_FALSE(deadline::after(1h).passed());
  CHECK_FALSE(deadline::after(1h).is_never());
  CHECK(deadline::after(0s).passed());
  CHECK(deadline::after(-1ns).passed());
  CHECK(deadline::after(-1h).remaining_ns() == 0);
}

TEST_CASE("a time point of the steady clock is kept as it is") {
  using std::chrono::steady_clock;
  CHECK(deadline::at(steady_clock::time_point::max()).is_never());
  CHECK(deadline::at(steady_clock::time_point::min()).passed());
  CHECK(deadline::at(steady_clock::time_point{}).passed());
  CHECK(deadline::at(steady_clock::now()).passed());
  CHECK(about(deadline::at(steady_clock::now() + 1h), 1h));
  const auto t = steady_clock::now() + 1h;
  CHECK(deadline::at(t).steady_ns() == std::chrono::nanoseconds(t.time_since_epoch()).count());
  CHECK(deadline::at(std::chrono::time_point<steady_clock, picoseconds>(picoseconds(1500))).steady_ns() == 2);
  CHECK(deadline::at(std::chrono::time_point<steady_clock, std::chrono::hours>(std::chrono::hours::max())).is_never());
}

TEST_CASE("a time point of the system clock is converted once") {
  using std::chrono::system_clock;
  CHECK(deadline::at(system_clock::time_point::max()).is_never());
  CHECK(deadline::at(system_clock::time_point::min()).passed());
  CHECK(deadline::at(system_clock::now()).passed());
  CHECK(deadline::at(system_clock::now() - 1h).passed());
  CHECK(about(deadline::at(system_clock::now() + 1h), 1h));
  CHECK(deadline::at(std::chrono::sys_days::max()).is_never());
}

TEST_CASE("a clock that shows a time before its epoch works, also where the difference overflows") {
  using clock = fake_clock<std::chrono::nanoseconds>;
  using point = clock::time_point;
  clock::shown = -10h;
  CHECK(about(deadline::at(point(-9h)), 1h));
  CHECK(deadline::at(point(-10h)).passed());
  CHECK(deadline::at(point(-11h)).passed());
  CHECK(deadline::at(point::max()).is_never());
  CHECK(deadline::at(point::max() - 1s).is_never());
  clock::shown = clock::duration::min();
  CHECK(deadline::at(point(0ns)).is_never());
  CHECK(deadline::at(point::min()).passed());
  CHECK(about(deadline::at(point::min() + 1h), 1h));
  CHECK(deadline::at(point::max()).is_never());
  clock::shown = clock::duration::max();
  CHECK(deadline::at(point::max() - 1ns).passed());
  CHECK(deadline::at(point::max()).is_never());  // the largest is for ever, even then
}

TEST_CASE("a clock that counts in floating point or coarse units works") {
  using doubles = fake_clock<duration<double>>;
  doubles::shown = duration<double>(1e6);
  CHECK(about(deadline::at(doubles::now() + 1h), 1h));
  CHECK(deadline::at(doubles::now()).passed());
  CHECK(deadline::at(doubles::time_point::max()).is_never());
  CHECK(deadline::at(doubles::time_point(duration<double>(std::numeric_limits<double>::infinity()))).is_never());
  using days = fake_clock<std::chrono::days>;
  days::shown = std::chrono::days(-1);
  CHECK(about(deadline::at(days::time_point(std::chrono::days(0))), 24h));
  CHECK(deadline::at(days::time_point::max()).is_never());
  CHECK(deadline::at(days::time_point::min()).passed());
}

TEST_CASE("the earlier of two deadlines is taken, never being the latest and the past the first") {
  const deadline hour = deadline::after(1h), day = deadline::after(24h);
  CHECK(earlier(hour, day).steady_ns() == hour.steady_ns());
  CHECK(earlier(day, hour).steady_ns() == hour.steady_ns());
  CHECK(earlier(deadline::never(), day).steady_ns() == day.steady_ns());
  CHECK(earlier(deadline::never(), deadline::never()).is_never());
  CHECK(earlier(day, deadline::passed_already()).passed());
}

TEST_CASE("a duration of any period is rounded up to nanoseconds, and saturates") {
  CHECK(saturated_ns(exaseconds(0)) == 0);
  CHECK(saturated_ns(exaseconds(1)) == most);
  CHECK(saturated_ns(exaseconds::max()) == most);
  CHECK(saturated_ns(exaseconds(-1)) == least);
  CHECK(saturated_ns(exaseconds::min()) == least);
  CHECK(saturated_ns(unsigned_exaseconds::max()) == most);
  CHECK(saturated_ns(float_exaseconds(1e-20F)) >= 9'999'999);
  CHECK(saturated_ns(float_exaseconds(1)) == most);
  CHECK(saturated_ns(odd_seconds(0)) == 0);
  CHECK(saturated_ns(odd_seconds(1)) == 1'000'000'001);
  CHECK(saturated_ns(odd_seconds(-1)) == -1'000'000'000);
  CHECK(saturated_ns(odd_seconds(9'223'372'036)) == 9'223'372'036'000'000'024);
  CHECK(saturated_ns(odd_seconds(9'223'372'037)) == most);
  CHECK(saturated_ns(odd_seconds::max()) == most);
  CHECK(saturated_ns(odd_seconds::min()) == least);
  static_assert(saturated_ns(exaseconds(1)) == most && saturated_ns(odd_seconds(2)) == 2'000'000'001);
}

namespace {

/// A number of the user's own, which converts only when told to.
template <class Number>
class boxed {
public:
  constexpr boxed(Number n = 0) : number_(n) {}
  template <class To>
    requires std::is_arithmetic_v<To>
  constexpr explicit operator To() const {
    return static_cast<To>(number_);
  }
  friend constexpr auto operator<=>(const boxed&, const boxed&) = default;

private:
  Number number_;
};

}  // namespace

template <>
struct std::chrono::treat_as_floating_point<boxed<double>> : std::true_type {};

TEST_CASE("a duration counted in a type of the user's own is taken as well") {
  CHECK(saturated_ns(duration<boxed<int>>(boxed<int>(2))) == 2'000'000'000);
  CHECK(saturated_ns(duration<boxed<int>, std::exa>(boxed<int>(-2))) == least);
  CHECK(saturated_ns(duration<boxed<double>, std::milli>(boxed<double>(0.5))) == 500'000);
}
