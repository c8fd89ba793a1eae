// spool/detail/sync/blocking.hpp · what a thread that runs tasks does while one of them waits
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/thread_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

class future_state_base;

/// The results that a task is about to sleep for, so that its pool can run those first which have not started. Belongs to
/// the one who waits, and from begin_wait() to end_wait() to the pool.
struct awaited_results : list_node {
  awaited_results() noexcept : awaited_results(nullptr, 0) {}  // a wait for something else
  awaited_results(future_state_base* const* f, std::size_t n) noexcept : first(f), count(n) {}

  future_state_base* const* first;  // null where there is nothing (any more)
  std::size_t count;
  std::size_t front = 0;  // those before were looked at; guarded by the pool
  // For the one who waits, to see whether its pool stands still.
  deadline next_look = deadline::never();
  std::uint64_t started = 0;  // how many tasks had at its last look
};

/// The side of a pool's worker that a waiting future sees: it knows no pool, only that someone may stand in.
class task_thread {
public:
  /// The pool that the thread belongs to, to be compared only.
  const void* pool() const noexcept { return pool_; }

  /// How long a task that waits may sleep before it must ask again.
  enum class patience : std::uint8_t {
    unlimited,  // other threads of the pool are awake and will do its work
    watch,      // others are awake, but may be blocked for ever by a lock that this task holds
    long_nap,   // none is awake: should work come, and the system refuse a thread for it, nobody else would ask again
    short_nap   // a thread was refused just now
  };

  /// The calling task is about to sleep until other tasks are done: its pool may start or wake another thread meanwhile.
  virtual patience begin_wait(awaited_results& awaited) noexcept = 0;
  /// Asks again whether another thread is needed, and for it.
  virtual patience ask_again(awaited_results& awaited) noexcept = 0;
  /// The calling task goes on.
  virtual void end_wait(awaited_results& awaited) noexcept = 0;

protected:
  explicit task_thread(const void* pool) noexcept : pool_(pool) {}
  ~task_thread() = default;

private:
  const void* const pool_;
};

/// The calling thread as a runner of tasks; null in all other threads.
struct task_thread_slot {
  static constexpr std::string_view process_name = "task thread";
  task_thread* pointer = nullptr;
};
inline constexpr thread_pointer<task_thread_slot> current_task_thread{};
inline const bool task_thread_found_at_start = (thread_wide<task_thread_slot>::get(), true);

/// A sleep of the calling thread, in which a pool's worker lets another stand in for it.
class task_wait {
public:
  explicit task_wait(awaited_results& awaited) noexcept : self_(current_task_thread), awaited_(awaited) {
    if (self_ != nullptr) patience_ = self_->begin_wait(awaited_);
  }
  ~task_wait() {
    if (self_ != nullptr) self_->end_wait(awaited_);
  }
  task_wait(const task_wait&) = delete;
  task_wait& operator=(const task_wait&) = delete;

  /// Until when to sleep now: the deadline given, or sooner, if the pool may need to be asked again.
  deadline nap(deadline until) noexcept {
    if (patience_ == task_thread::patience::unlimited) return until;
    patience_ = self_->ask_again(awaited_);
    switch (patience_) {
      case task_thread::patience::short_nap:
        return earlier(until, deadline::after(std::chrono::milliseconds(10)));
      case task_thread::patience::watch:
        return earlier(until, awaited_.next_look);
      case task_thread::patience::long_nap:
        return earlier(until, deadline::after(std::chrono::seconds(1)));
      case task_thread::patience::unlimited:
      default:
        return until;
    }
  }

private:
  task_thread* const self_;
  awaited_results& awaited_;
  task_thread::patience patience_ = task_thread::patience::unlimited;
};

}  // namespace spool::inline SPOOL_ABI::detail
