// spool/detail/config.hpp · floor 0 · compiler attributes and layout constants
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

/// Marks a path that is seldom taken: kept out of line, so that the fast path around it inlines well.
#if defined(__GNUC__) || defined(__clang__)
#define SPOOL_COLD [[gnu::cold, gnu::noinline]]
#elif defined(_MSC_VER)
#define SPOOL_COLD __declspec(noinline)
#else
#define SPOOL_COLD
#endif

/// Memory checkers see a use after free only if freed blocks really go back to the heap.
#if defined(__SANITIZE_ADDRESS__)
#define SPOOL_CHECKS_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPOOL_CHECKS_MEMORY 1
#endif
#endif
#ifndef SPOOL_CHECKS_MEMORY
#define SPOOL_CHECKS_MEMORY 0
#endif

namespace spool::detail {

/// Distance that keeps two words from sharing a cache line. A constant, not the compiler's
/// hardware_destructive_interference_size: the layout may not depend on a flag.
inline constexpr std::size_t cache_line = 64;

}  // namespace spool::detail
