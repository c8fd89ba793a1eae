// spool/detail/task_thread.hpp · floor 4 · what a thread that runs tasks does while one of them waits
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <spool/detail/deadline.hpp>

namespace spool::detail {

/// The side of a pool's worker that a waiting future sees: it knows no pool, only that someone may stand in.
class task_thread {
public:
  /// The pool that the thread belongs to, to be compared only.
  const void* pool() const noexcept { return pool_; }

  /// How long a task that waits may sleep before it must ask again.
  enum class patience : std::uint8_t {
    unlimited,  // other threads of the pool are awake and will do its work
    long_nap,   // none is awake: should work come, and the system refuse a thread for it, nobody else would ask again
    short_nap   // a thread was refused just now
  };

  /// The calling task is about to sleep until other tasks are done: its pool may start or wake another thread meanwhile.
  virtual patience begin_wait() noexcept = 0;
  /// Asks again whether another thread is needed, and for it.
  virtual patience ask_again() noexcept = 0;
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
  task_wait() noexcept : self_(current_task_thread) {
    if (self_ != nullptr) patience_ = self_->begin_wait();
  }
  ~task_wait() {
    if (self_ != nullptr) self_->end_wait();
  }
  task_wait(const task_wait&) = delete;
  task_wait& operator=(const task_wait&) = delete;

  /// Until when to sleep now: the deadline given, or sooner, if the pool may need to be asked again.
  deadline nap(deadline until) noexcept {
    if (patience_ == task_thread::patience::unlimited) return until;
    patience_ = self_->ask_again();
    switch (patience_) {
      case task_thread::patience::short_nap:
        return earlier(until, deadline::after(std::chrono::milliseconds(10)));
      case task_thread::patience::long_nap:
        return earlier(until, deadline::after(std::chrono::seconds(1)));
      default:
        return until;
    }
  }

private:
  task_thread* const self_;
  task_thread::patience patience_ = task_thread::patience::unlimited;
};

}  // namespace spool::detail
