// spool/detail/platform/futex_choice.hpp · whether the portable futex is used
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/config.hpp>

#define SPOOL_FUTEX_IS_portable 1
#define SPOOL_FUTEX_NAMED_(name) SPOOL_FUTEX_IS_##name
#define SPOOL_FUTEX_NAMED(name) SPOOL_FUTEX_NAMED_(name)

// -DSPOOL_FUTEX=portable selects the fallback for a whole program; so does a system with no futex of its own.
#if defined(SPOOL_FUTEX)
#if SPOOL_FUTEX_NAMED(SPOOL_FUTEX)
#define SPOOL_FUTEX_PORTABLE 1
#endif
#endif
#if !defined(SPOOL_FUTEX_PORTABLE) && !defined(__linux__) && !defined(_WIN32)
#if !defined(__APPLE__) || !__has_include(<os/os_sync_wait_on_address.h>)
#define SPOOL_FUTEX_PORTABLE 1
#endif
#endif

namespace spool::inline SPOOL_ABI::detail {

#if defined(SPOOL_FUTEX_PORTABLE)
inline constexpr bool futex_is_portable = true;
#else
inline constexpr bool futex_is_portable = false;
#endif

}  // namespace spool::inline SPOOL_ABI::detail
