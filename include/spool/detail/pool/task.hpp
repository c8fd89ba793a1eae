// spool/detail/pool/task.hpp · what queues hold and workers run
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

class scheduler;
class worker;

/// One piece of work, seen from the pool: it knows nothing of results. Whoever takes it out of a queue calls one of the
/// two functions, once; the task then looks after its own end.
class task {
public:
  /// Runs it, or nothing if someone has cancelled or run it meanwhile.
  /// Throws  what ends the thread by pthread_exit() or pthread_cancel(): the task has ended then, too.
  virtual void run(worker& here) = 0;

  /// Lets it end without running: with the error given, as cancelled if that is null; nothing if someone has cancelled
  /// or run it meanwhile. Counts it as discarded before anything of the user's runs.
  /// Throws  what ends the thread in a callback of its result: the task has ended then, too.
  virtual void discard(scheduler& from, std::exception_ptr const& why) = 0;

  /// Whether someone has cancelled or run it meanwhile: then the entry is good for nothing but to be discarded, which
  /// runs no code of the user's. Never true before false.
  virtual bool is_spent() const noexcept { return false; }
  /// How much memory goes with the entry.
  virtual std::size_t size_in_bytes() const noexcept = 0;

  task* next = nullptr;       // in a lane, guarded by its lock
  bool from_outside = false;  // constant once it is pushed

protected:
  task() = default;
  ~task() = default;
};

}  // namespace spool::inline SPOOL_ABI::detail
