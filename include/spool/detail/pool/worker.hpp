// spool/detail/pool/worker.hpp · one thread of a pool: finds tasks, runs them, parks
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/cpu.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/os_thread.hpp>
#include <spool/detail/pool/fair_turns.hpp>
#include <spool/detail/pool/task.hpp>
#include <spool/detail/pool/work_deque.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/blocking.hpp>

namespace spool::inline SPOOL_ABI::detail {

class scheduler;

/// A worker's thread and what belongs to it. Made by its scheduler, never destroyed before it; the object is used again
/// when a thread that stood in has gone and another is needed.
///
/// A task being run calls the members of the second part.
class worker final : public task_thread, public blocked_thread, public list_node {
public:
  worker(scheduler& pool, std::size_t index);

  /// What the thread does, from its start to its end.
  void work();

  /// Lets a parked worker go on, as one who searches.      Preconditions  it was taken out of the list of the parked.
  void unpark() noexcept {
    parked_.store(0, memory_order_release);  // (A)
    futex_wake_one(&parked_);
  }

  // ── for the task that it runs ──

  scheduler& its_scheduler() const noexcept { return pool_; }

  /// A task starts; from here to finished() it is running.
  void started() noexcept { count(started_); }

  /// The callable has returned, and the result will be made visible next. Who sees it may submit at once: that task is
  /// for this worker, not for a new one, so it counts as searching from now on, if it has nothing else to do.
  void about_to_be_free() noexcept;

  /// It is not free yet, after all: more of the user's code has to run first.
  void busy_again() noexcept;

  /// All that belongs to the task is done. Who waits for the pool to be idle may submit at once, see above.
  void finished() noexcept;

  /// A task starts on top of one that waits for it, and then ends; the other goes on.
  void started_on_top() noexcept;
  void finished_on_top() noexcept { count(finished_); }

  /// Whether tasks may start, here at least.
  bool may_run_tasks() noexcept;

  /// Whether a task may be run on top of the one that waits for it.
  bool has_room_on_stack() const noexcept {
    const std::uintptr_t here = stack_position();
    const std::uintptr_t used = here < stack_base_ ? stack_base_ - here : here - stack_base_;
    return used < stack_for_waits;
  }

  work_deque& own() noexcept { return own_; }
  void count_spawned() noexcept { count(spawned_); }

private:
  friend class scheduler;

  deadline before_sleep() noexcept override;
  void after_sleep() noexcept override;

  /// What is waited for comes first, but not for ever: then one task in the usual order has its turn.
  static constexpr std::uint32_t most_awaited_in_a_row = 64;
  static constexpr std::size_t few_victims = 8;  // looked at in one turn; the next goes on behind them

  /// Tasks run by those who wait for them lie on top of each other; beyond this, another thread runs them. An eighth of
  /// the smallest usual stack of a thread, so that each of them still has a stack to speak of.
  static constexpr std::uintptr_t stack_for_waits = 64 * 1024;

  /// Written by this worker's thread alone, hence no read-modify-write; read by those who look whether all is done.
  static void count(atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(memory_order_relaxed) + 1, memory_order_release);
  }

  void run_until_the_end();
  void end_early() noexcept;
  task* next_task();
  task* find_task() noexcept;
  task* take_in_usual_order() noexcept;
  task* take_in_fair_turn() noexcept;
  task* take_from_lanes(std::size_t most) noexcept;
  task* steal_from_others(std::size_t most_victims) noexcept;
  bool search(task*& found) noexcept;
  bool run_awaited();
  void start_searching() noexcept;
  void stop_searching() noexcept;
  bool park() noexcept;
  bool give_way() noexcept;
  bool sleep_parked() noexcept;

  scheduler& pool_;
  const std::size_t index_;
  work_deque own_;

  // Written by the worker's thread only.
  alignas(cache_line) atomic<std::uint64_t> spawned_{0};  // tasks made inside the pool
  atomic<std::uint64_t> started_{0};
  atomic<std::uint64_t> finished_{0};
  fair_turns turns_;
  std::uint32_t turn_ = 0;              // whose the next fair turn is
  std::uint32_t awaited_in_a_row_ = 0;  // what others waited for, run since the last task in the usual order
  std::size_t next_lane_;               // each is looked at first as often as the others
  std::size_t next_victim_;             // likewise
  bool searching_ = false;              // counted as searching
  bool tells_of_break_ = false;         // its initializer has thrown, and it is in the excepthook
  std::uintptr_t stack_base_ = 0;

  // Shared with who wakes it.
  alignas(cache_line) atomic<std::uint32_t> parked_{0};  // 1 from before it joins the list of the parked until unpark()
  // Guarded by the scheduler's lock; thread_ is the joining thread's alone once all have left.
  os_thread thread_;
  std::string name_;      // for the thread about to start
  bool retired_ = false;  // whether that thread no longer counts as one of the pool's
};

}  // namespace spool::inline SPOOL_ABI::detail
