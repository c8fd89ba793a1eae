// spool/version.hpp · floor 0 · the version of the headers in use
// SPDX-License-Identifier: MIT
#pragma once

/// Grows when programs may have to change; before 1.0 the minor number does.
#define SPOOL_VERSION_MAJOR 0
/// Grows when something is added.
#define SPOOL_VERSION_MINOR 1
/// Grows when something is mended.
#define SPOOL_VERSION_PATCH 0

/// One number that grows with every release: major * 10000 + minor * 100 + patch.
#define SPOOL_VERSION (SPOOL_VERSION_MAJOR * 10000 + SPOOL_VERSION_MINOR * 100 + SPOOL_VERSION_PATCH)

/// The inline namespace that holds all of spool, as `v0_1_0`. Code of two versions in one process never mixes: a call from
/// one to the other doesn't link, and they share nothing. Write `spool::NAME`, without it.
#define SPOOL_ABI SPOOL_ABI_OF(SPOOL_VERSION_MAJOR, SPOOL_VERSION_MINOR, SPOOL_VERSION_PATCH)
/// A step of SPOOL_ABI, so that its parts are expanded first.
#define SPOOL_ABI_OF(major, minor, patch) SPOOL_ABI_JOINED(major, minor, patch)
/// A step of SPOOL_ABI: joins its parts.
#define SPOOL_ABI_JOINED(major, minor, patch) v##major##_##minor##_##patch

namespace spool::inline SPOOL_ABI {

// ── the same as constants, for code that prefers them to macros ──

/// SPOOL_VERSION_MAJOR.
inline constexpr int version_major = SPOOL_VERSION_MAJOR;
/// SPOOL_VERSION_MINOR.
inline constexpr int version_minor = SPOOL_VERSION_MINOR;
/// SPOOL_VERSION_PATCH.
inline constexpr int version_patch = SPOOL_VERSION_PATCH;
/// SPOOL_VERSION.
inline constexpr int version = SPOOL_VERSION;

}  // namespace spool::inline SPOOL_ABI
