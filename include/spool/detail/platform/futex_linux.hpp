// spool/detail/platform/futex_linux.hpp · the futex contract on Linux's own futex
// SPDX-License-Identifier: MIT
#pragma once

#include <linux/futex.h>
#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <limits>

#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline constexpr const char* futex_name = "linux";

/// A time as the system call reads it. Not a timespec: that of a program of 32 bits has a time_t of 32 or of 64 bits, as
/// the program likes, of which the call knows nothing.
template <class Number>
struct futex_time {
  Number seconds;
  Number nanoseconds;
};

template <class Number>
long futex_call_timed(long number, const atomic<std::uint32_t>* word, int operation, std::uint32_t value,
                      deadline until) noexcept {
  futex_time<Number> absolute{};
  if (!until.is_never()) {
    constexpr Number most = (std::numeric_limits<Number>::max)();  // 32 bits: when the system has run for 68 years
    const std::int64_t seconds = until.steady_ns() / 1'000'000'000;
    absolute.seconds = seconds < most ? static_cast<Number>(seconds) : most;
    absolute.nanoseconds = static_cast<Number>(until.steady_ns() % 1'000'000'000);
  }
  return ::syscall(number, word, operation | FUTEX_PRIVATE_FLAG, value, until.is_never() ? nullptr : &absolute, nullptr,
                   FUTEX_BITSET_MATCH_ANY);
}

inline long futex_call(const atomic<std::uint32_t>* word, int operation, std::uint32_t value, deadline until) noexcept {
  long rc = futex_call_timed<__kernel_long_t>(SYS_futex, word, operation, value, until);
#if defined(SYS_futex_time64)
  // Of 32 bits only, for kernels built without all that has times of 32 bits.
  if (rc < 0 && errno == ENOSYS) rc = futex_call_timed<std::int64_t>(SYS_futex_time64, word, operation, value, until);
#endif
  return rc;
}

inline bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  if (until.passed()) return false;
  // The bitset form is the one that takes an absolute time; without FUTEX_CLOCK_REALTIME it is CLOCK_MONOTONIC.
  return futex_call(&word, FUTEX_WAIT_BITSET, expected, until) >= 0 || errno != ETIMEDOUT;
}

inline void futex_wake_one(const atomic<std::uint32_t>* word) noexcept {
  futex_call(word, FUTEX_WAKE, 1, deadline::never());
}

inline void futex_wake_all(const atomic<std::uint32_t>* word) noexcept {
  futex_call(word, FUTEX_WAKE, INT_MAX, deadline::never());
}

}  // namespace spool::inline SPOOL_ABI::detail
