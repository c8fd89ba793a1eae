// spool/detail/platform/futex_windows.hpp · the futex contract on WaitOnAddress
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>

// Declared by hand, to the letter: <windows.h> brings thousands of names and macros, and may come before or after.
// Link with `synchronization`.
#if defined(_WIN64)
#define SPOOL_WINDOWS_SIZE_T unsigned long long
#else
#define SPOOL_WINDOWS_SIZE_T unsigned long
#endif
extern "C" {
int __stdcall WaitOnAddress(volatile void* address, void* compare, SPOOL_WINDOWS_SIZE_T size,
                            unsigned long milliseconds);
void __stdcall WakeByAddressSingle(void* address);
void __stdcall WakeByAddressAll(void* address);
}
#undef SPOOL_WINDOWS_SIZE_T
#if defined(_MSC_VER)
#pragma comment(lib, "synchronization")
#endif

namespace spool::inline SPOOL_ABI::detail {

inline constexpr const char* futex_name = "windows";

inline bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  constexpr std::int64_t longest_ms = 0x7fff'ffff;  // a later deadline is waited for in parts: a return without reason
  unsigned long milliseconds = 0xffff'ffffUL;       // INFINITE
  if (!until.is_never()) {
    const std::int64_t ns = until.remaining_ns();
    if (ns == 0) return false;
    const std::int64_t ms = ns / 1'000'000 + (ns % 1'000'000 != 0 ? 1 : 0);
    milliseconds = static_cast<unsigned long>(ms < longest_ms ? ms : longest_ms);
  }
  auto* address = const_cast<atomic<std::uint32_t>*>(&word);
  if (WaitOnAddress(static_cast<volatile void*>(address), &expected, sizeof expected, milliseconds) != 0) return true;
  return !until.passed();
}

inline void futex_wake_one(const atomic<std::uint32_t>* word) noexcept {
  WakeByAddressSingle(const_cast<atomic<std::uint32_t>*>(word));
}

inline void futex_wake_all(const atomic<std::uint32_t>* word) noexcept {
  WakeByAddressAll(const_cast<atomic<std::uint32_t>*>(word));
}

}  // namespace spool::inline SPOOL_ABI::detail
