// spool/detail/os_thread.hpp · floor 0 · a thread of the system (a seam)
// SPDX-License-Identifier: MIT
#pragma once

#include <system_error>
#include <thread>

#include <spool/detail/config.hpp>

namespace spool::detail {

/// Started at construction, joined or detached by hand. Throws std::system_error when the system refuses.
using os_thread = std::thread;

}  // namespace spool::detail
