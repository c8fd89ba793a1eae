// spool/detail/config.hpp · compiler attributes and layout constants
// SPDX-License-Identifier: MIT
//
// Every header that includes no other one of spool includes this one. So what it refuses is refused before anything else
// of spool is read, and what would follow is not: where a compiler goes on after #error, the missing file stops it.
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "spool needs C++20: compile with -std=c++20 or later"
#include <see_the_error_above>
#elif !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error "spool needs exceptions, which bring failures to who asks for a result: compile without -fno-exceptions"
#include <see_the_error_above>
#endif

#include <cstddef>
#include <version>

#if !defined(__cpp_lib_jthread)
#error "spool needs std::stop_token: with libc++ before version 20 compile with -fexperimental-library"
#include <see_the_error_above>
#endif

#include <spool/version.hpp>

/// Marks a path that is seldom taken: kept out of line, so that the fast path around it inlines well.
#if defined(__GNUC__) || defined(__clang__)
#define SPOOL_COLD [[gnu::cold, gnu::noinline]]
#elif defined(_MSC_VER)
#define SPOOL_COLD __declspec(noinline)
#else
#define SPOOL_COLD
#endif

/// Marks a class that is thrown in one image and caught in another: one class in all, whatever visibility an image is
/// compiled with.
#if defined(__ELF__) || defined(__MACH__)
#define SPOOL_VISIBLE [[gnu::visibility("default")]]
#else
#define SPOOL_VISIBLE
#endif

/// Memory checkers see a use after free only if freed blocks really go back to the heap. With MinGW's g++ nothing else will
/// do: a thread's end comes too late to give back what is kept for it (see platform/thread_end.hpp).
#if defined(__SANITIZE_ADDRESS__) || (defined(__MINGW32__) && defined(__GLIBCXX__))
#define SPOOL_CHECKS_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPOOL_CHECKS_MEMORY 1
#endif
#endif
#ifndef SPOOL_CHECKS_MEMORY
#define SPOOL_CHECKS_MEMORY 0
#endif

namespace spool::inline SPOOL_ABI::detail {

/// Distance that keeps two words from sharing a cache line. A constant, not the compiler's
/// hardware_destructive_interference_size: the layout may not depend on a flag.
inline constexpr std::size_t cache_line = 64;

}  // namespace spool::inline SPOOL_ABI::detail
