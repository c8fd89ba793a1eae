// spool/thread_info.hpp · floor 0 · what is known of a thread
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI {

/// A thread as it was at one moment: a copy, valid for as long as you keep it.
struct thread_info {
  std::string name;             ///< "MainThread", "Thread-1", a worker's "pool_0", or "Dummy-1" if not made by spool
  std::thread::id ident;        ///< the standard's id; used again for a later thread once this one has ended
  std::uint64_t native_id = 0;  ///< the kernel's id, as a debugger shows it
  bool daemon = false;          ///< whether the program ends without waiting for it
};

}  // namespace spool::inline SPOOL_ABI
