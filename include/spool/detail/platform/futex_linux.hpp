// spool/detail/platform/futex_linux.hpp · floor 0 · the futex contract on Linux's own futex
// SPDX-License-Identifier: MIT
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>

#include <spool/detail/atomic.hpp>
#include <spool/detail/deadline.hpp>

namespace spool::detail {

inline constexpr const char* futex_name = "linux";

inline bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  timespec absolute{};
  timespec* timeout = nullptr;
  if (!until.is_never()) {
    if (until.passed()) return false;
    absolute.tv_sec = static_cast<time_t>(until.steady_ns() / 1'000'000'000);
    absolute.tv_nsec = static_cast<long>(until.steady_ns() % 1'000'000'000);
    timeout = &absolute;
  }
  // The bitset form is the one that takes an absolute time; without FUTEX_CLOCK_REALTIME it is CLOCK_MONOTONIC.
  const long rc = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, timeout, nullptr,
                            FUTEX_BITSET_MATCH_ANY);
  return rc == 0 || errno != ETIMEDOUT;
}

inline void futex_wake_one(const atomic<std::uint32_t>* word) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
}

inline void futex_wake_all(const atomic<std::uint32_t>* word) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace spool::detail
