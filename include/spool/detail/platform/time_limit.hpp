// spool/detail/platform/time_limit.hpp · a duration of any type, as a field of options
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

#include <spool/detail/platform/deadline.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// How long something may take, counted from the call that gets it; for ever, unless said otherwise.
///
/// Shape  Any duration converts to it: what is beyond int64's nanoseconds is for ever, zero and less polls once.
class time_limit {
public:
  constexpr time_limit() noexcept = default;
  template <class Rep, class Period>
  constexpr time_limit(std::chrono::duration<Rep, Period> d) : ns_(saturated_ns(d)) {}

  deadline from_now() const { return deadline::after(std::chrono::duration<std::int64_t, std::nano>(ns_)); }

private:
  std::int64_t ns_ = (std::numeric_limits<std::int64_t>::max)();
};

}  // namespace spool::inline SPOOL_ABI::detail
