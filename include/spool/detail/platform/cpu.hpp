// spool/detail/platform/cpu.hpp · what the processor is told and asked (a seam)
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Tells the processor that this is a spin loop: it saves power and lets the other hyper-thread run.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
  __asm__ __volatile__("isb");
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#endif
}

/// Lets another thread run on this processor, if one is ready.
inline void cpu_yield() noexcept { std::this_thread::yield(); }

/// Sleeps for some 50 us, so that another thread runs here, even one that a yield would not choose.
inline void cpu_nap() noexcept { std::this_thread::sleep_for(std::chrono::microseconds(50)); }

/// Whether two threads can run at the same time here; if not, spinning only delays what is waited for.
inline bool has_several_cpus() noexcept {
  static const bool several = std::thread::hardware_concurrency() != 1;
  return several;
}

/// An address in the frame of the caller, or of what it is inlined into: how far the stack has grown.
inline std::uintptr_t stack_position() noexcept {
#if defined(__GNUC__) || defined(__clang__)
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
#else
  return reinterpret_cast<std::uintptr_t>(_AddressOfReturnAddress());
#endif
}

}  // namespace spool::inline SPOOL_ABI::detail
