// spool/detail/task_thread.hpp · floor 4 · what a thread that runs tasks does while one of them waits
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <spool/detail/deadline.hpp>

namespace spool::detail {

/// The side of a pool's worker that a waiting future sees: it knows no pool, only that someone may stand in.
class task_thread {
public:
  /// The pool that the thread belongs to, to be compared only.
  const void* pool() const noexcept { return pool_; }

  /// The calling task is about to sleep until other tasks are done: its pool may let another thread run meanwhile.
  /// Returns  false if one is needed and the system refused it: ask again soon.
  virtual bool begin_wait() noexcept = 0;
  /// Asks again for what begin_wait() could not get.
  virtual bool ask_again() noexcept = 0;
  /// The calling task goes on.
  virtual void end_wait() noexcept = 0;

protected:
  explicit task_thread(const void* pool) noexcept : pool_(pool) {}
  ~task_thread() = default;

private:
  const void* const pool_;
};

/// The calling thread as a runner of tasks; null in all other threads.
inline constinit thread_local task_thread* current_task_thread = nullptr;

/// A sleep of the calling thread, in which a pool's worker lets another stand in for it.
class task_wait {
public:
  task_wait() noexcept : self_(current_task_thread), helped_(self_ == nullptr || self_->begin_wait()) {}
  ~task_wait() {
    if (self_ != nullptr) self_->end_wait();
  }
  task_wait(const task_wait&) = delete;
  task_wait& operator=(const task_wait&) = delete;

  /// Until when to sleep now: the deadline given, or sooner, while a stand-in is needed that the system refuses.
  deadline nap(deadline until) noexcept {
    if (!helped_) helped_ = self_->ask_again();
    return helped_ ? until : earlier(until, deadline::after(std::chrono::milliseconds(10)));
  }

private:
  task_thread* const self_;
  bool helped_;
};

}  // namespace spool::detail
