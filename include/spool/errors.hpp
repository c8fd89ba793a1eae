// spool/errors.hpp · floor 0 · the exceptions that spool defines
// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI {

/// The program is wrong: it unlocks what it does not hold, takes a result twice, uses an empty future.
///
/// The object that was misused stays as it was and stays usable. Bad arguments to a constructor or a
/// count are std::invalid_argument instead, and a thread that the system refuses is std::system_error.
class SPOOL_VISIBLE usage_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

/// What can happen to a right program: the base of all the errors below.
class SPOOL_VISIBLE error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The task was cancelled before it started.
class SPOOL_VISIBLE cancelled_error : public error {
public:
  cancelled_error() : error("spool: the task was cancelled before it started: ask cancelled() first, or catch this") {}
  using error::error;
};

/// The time given ran out first.
class SPOOL_VISIBLE timeout_error : public error {
public:
  timeout_error() : error("spool: the time given ran out: wait again, or cancel() what takes too long") {}
  using error::error;
};

/// The barrier was broken by a timeout, an abort() or a throwing action; reset() makes it whole.
class SPOOL_VISIBLE broken_barrier_error : public error {
public:
  broken_barrier_error()
      : error(
            "spool::barrier: broken by a timeout, abort() or its action, or reset meanwhile: reset() makes it whole") {}
  using error::error;
};

/// The queue was shut down: it takes no more items, and gives none once it is drained.
class SPOOL_VISIBLE queue_shutdown_error : public error {
public:
  queue_shutdown_error()
      : error("spool::queue: it is shut down, and there is nothing left to get: let this be the end of the work") {}
  using error::error;
};

/// The pool was shut down: it takes no more tasks from outside.
class SPOOL_VISIBLE pool_shutdown_error : public error {
public:
  pool_shutdown_error()
      : error("spool::thread_pool: it is shut down: submit before that, or from its own tasks while it drains") {}
  using error::error;
};

/// A worker's initializer threw: the pool runs nothing any more.
class SPOOL_VISIBLE broken_pool_error : public error {
public:
  broken_pool_error()
      : error(
            "spool::thread_pool: broken, as a worker's initializer threw what the excepthook got: mend that, make a "
            "new pool") {}
  using error::error;
};

/// The promise went away without a result.
class SPOOL_VISIBLE broken_promise_error : public error {
public:
  broken_promise_error()
      : error("spool::promise: it was destroyed without a result: call set_value() or set_exception() on every path") {}
  using error::error;
};

}  // namespace spool::inline SPOOL_ABI
