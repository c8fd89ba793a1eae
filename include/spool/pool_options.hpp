// spool/pool_options.hpp · floor 5 · how a pool is made, mapped with, and shut down
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <spool/detail/base/count.hpp>
#include <spool/detail/base/shared_function.hpp>
#include <spool/detail/platform/time_limit.hpp>
#include <spool/detail/platform/usable_cpus.hpp>

namespace spool::inline SPOOL_ABI {

/// How many processors this process may keep busy: by its affinity and by its control group's quota, rounded up; at
/// least 1.      Throws  nothing.
inline std::size_t usable_cpus() { return detail::count_usable_cpus(); }

/// How a pool is made.
struct pool_options {
  detail::count max_workers = usable_cpus();  ///< how many tasks run at once, those that wait for others apart
  std::string thread_name_prefix = {};        ///< workers are named PREFIX_0, PREFIX_1 ...; default pool-1, pool-2 ...
  detail::shared_function<void()> initializer = {};  ///< called in each worker before its first task
  detail::count max_pending = 0;                     ///< how many tasks may wait before submit() does; 0: no bound
};

/// How a pool is shut down.
struct shutdown_options {
  bool wait = true;             ///< return when all tasks have ended and the threads are gone
  bool cancel_pending = false;  ///< cancel what has not started
  bool request_stop = false;    ///< ask the tasks that take a stop token to stop
};

/// How a map is made, see thread_pool::map.
struct map_options {
  detail::count chunk_size = 1;     ///< how many calls are one task
  detail::count buffer_size = 0;    ///< how many inputs may be taken and not yet yielded; 0: no bound
  detail::time_limit timeout = {};  ///< how long it may take, a duration of any type; unless given, for ever
};

}  // namespace spool::inline SPOOL_ABI
