// spool/detail/platform/futex_darwin.hpp · the futex contract on macOS 14.4's os_sync_wait_on_address
// SPDX-License-Identifier: MIT
//
// Older systems have only private calls for this, which app stores may reject: a program that must run there
// is compiled with -DSPOOL_FUTEX=portable, or with a deployment target below 14.4, which selects it too.
#pragma once

#include <AvailabilityMacros.h>

#if !defined(MAC_OS_X_VERSION_MIN_REQUIRED) || MAC_OS_X_VERSION_MIN_REQUIRED < 140400
#define SPOOL_FUTEX_PORTABLE 1  // to the chooser: take that one
#else

#include <os/clock.h>
#include <os/os_sync_wait_on_address.h>

#include <cerrno>
#include <cstdint>

#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline constexpr const char* futex_name = "darwin";

inline bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  auto* address = const_cast<atomic<std::uint32_t>*>(&word);
  if (until.is_never()) {
    ::os_sync_wait_on_address(address, expected, sizeof expected, OS_SYNC_WAIT_ON_ADDRESS_NONE);
    return true;
  }
  const std::int64_t ns = until.remaining_ns();
  if (ns == 0) return false;
  const int rc =
      ::os_sync_wait_on_address_with_timeout(address, expected, sizeof expected, OS_SYNC_WAIT_ON_ADDRESS_NONE,
                                             OS_CLOCK_MACH_ABSOLUTE_TIME, static_cast<std::uint64_t>(ns));
  return rc >= 0 || errno != ETIMEDOUT || !until.passed();
}

inline void futex_wake_one(const atomic<std::uint32_t>* word) noexcept {
  ::os_sync_wake_by_address_any(const_cast<atomic<std::uint32_t>*>(word), sizeof(std::uint32_t),
                                OS_SYNC_WAKE_BY_ADDRESS_NONE);
}

inline void futex_wake_all(const atomic<std::uint32_t>* word) noexcept {
  ::os_sync_wake_by_address_all(const_cast<atomic<std::uint32_t>*>(word), sizeof(std::uint32_t),
                                OS_SYNC_WAKE_BY_ADDRESS_NONE);
}

}  // namespace spool::inline SPOOL_ABI::detail

#endif
