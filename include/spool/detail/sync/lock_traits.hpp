// spool/detail/sync/lock_traits.hpp · what a condition asks of a lock besides lock() and unlock()
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a condition can let go and take again.
template <class Guard>
concept basic_lockable = requires(Guard& guard) {
  guard.lock();
  guard.unlock();
};

/// The answers of a lock of which nothing is known. A lock that knows better specializes this in its own header, so
/// that condition.hpp need not know it.
template <class Lock>
struct lock_hooks {
  /// False only if the calling thread surely does not hold the lock.
  static bool held(const Lock&) noexcept { return true; }

  /// Makes one unlock() let go of the lock altogether, however often the caller has locked it.
  /// Preconditions  held.      Returns  what regain() needs, to be called after the next lock().
  static unsigned shed(Lock&) noexcept { return 0; }
  static void regain(Lock&, unsigned) noexcept {}
};

}  // namespace spool::inline SPOOL_ABI::detail
