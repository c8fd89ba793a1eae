// spool/detail/platform/clock.hpp · the one clock that deadlines are measured on (a seam)
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Nanoseconds on the steady clock. On Linux this is CLOCK_MONOTONIC, on which futexes wait.
inline std::int64_t steady_now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace spool::inline SPOOL_ABI::detail
