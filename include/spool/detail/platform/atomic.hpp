// spool/detail/platform/atomic.hpp · the atomics of every algorithm (a seam)
// SPDX-License-Identifier: MIT
//
// No other header includes <atomic>. A test that wants to choose the interleavings puts its own
// spool/detail/platform/atomic.hpp first on the include path, and likewise clock.hpp, futex.hpp, os_thread.hpp and
// platform/cpu.hpp: these files are all that the algorithms see of time, threads and memory order.
#pragma once

#include <atomic>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

template <class T>
using atomic = std::atomic<T>;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

}  // namespace spool::inline SPOOL_ABI::detail
