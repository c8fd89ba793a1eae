// spool/detail/platform/os_thread.hpp · a thread of the system (a seam)
// SPDX-License-Identifier: MIT
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Joined or detached by hand.
using os_thread = std::thread;

/// Starts one that calls f.      Throws  std::system_error when the system refuses; std::bad_alloc.
template <class F>
os_thread start_os_thread(F&& f) {
  try {
    return os_thread(std::forward<F>(f));
  } catch (std::system_error const& refused) {
    throw std::system_error(refused.code(),
                            "spool: the system refused a thread: let others end first, or raise the limit (ulimit -u)");
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
