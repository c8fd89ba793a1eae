// spool/detail/pool/scheduler.hpp · the queues and workers of a pool, and who is woken when
// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/shared_function.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/os_thread.hpp>
#include <spool/detail/platform/signal_mask.hpp>
#include <spool/detail/pool/blocked_waits.hpp>
#include <spool/detail/pool/lane.hpp>
#include <spool/detail/pool/pending_limit.hpp>
#include <spool/detail/pool/spent_entries.hpp>
#include <spool/detail/pool/task.hpp>
#include <spool/detail/pool/thread_debt.hpp>
#include <spool/detail/pool/word.hpp>
#include <spool/detail/pool/worker.hpp>
#include <spool/detail/pool/worker_set.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a pool that was shut down has for those who cannot catch. Made before there is a pool, as there may be no memory
/// when it is needed; never destroyed.
inline std::exception_ptr const& pool_is_shut_down() {
  static const auto* const error = new std::exception_ptr(std::make_exception_ptr(pool_shutdown_error()));
  return *error;
}

/// A running task that takes a stop token, in the list of its pool from its start to its end.
struct stoppable_entry : list_node {
  std::stop_source source;
  std::uint64_t asked = 0;  // the last round of requests that it was in; guarded by the list's lock
};

/// Everything of a pool but its face. Kept alive by the pool and by each worker thread, whoever is last.
///
/// The path of a task  admit() → made by the caller → push() → a lane, or the worker's own deque → next_task() → run().
/// Who is woken        See pool_word: at most one worker searches on behalf of those who submit; it wakes the next when
///                     it has found a task and more are there. Workers that park are woken last in, first out.
/// When all is done    Every task is counted once where it enters (a lane's admitted, a worker's spawned) and once where
///                     it ends (a worker's finished, discarded_), each counter only growing. If the sum of the ends,
///                     read first, equals the sum of the entries, read then, every task counted as entered has ended:
///                     each end read implies its entry, and a child enters before its parent ends. A worker that
///                     parks leaves its counts to the pool, under the lock that those who add up hold.
class scheduler final : public task_host {
public:
  /// Shape  max_pending 0: no bound.
  scheduler(std::size_t max_workers, std::string name_prefix, shared_function<void()> initializer,
            std::size_t max_pending)
      : max_workers_(max_workers),
        most_awake_(max_workers),
        name_prefix_(std::move(name_prefix)),
        initializer_(std::move(initializer)),
        lane_count_(max_workers == 1 ? 1 : most_lanes),
        bound_(max_pending == 0 ? 0 : max_workers + max_pending),
        broken_{initializer_ ? std::make_exception_ptr(broken_pool_error()) : nullptr} {
    pool_is_shut_down();
  }
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // ── tasks come in ──

  /// Room for one task: it will be pushed, or withdrawn, and the pool does not end before.
  class [[nodiscard]] admission {
  public:
    /// Waits for room until the deadline; without any, finds none.
    /// Throws  pool_shutdown_error, broken_pool_error; std::system_error if there is no worker and can be none.
    explicit admission(scheduler& pool, deadline until = deadline::never());
    /// The same for who can neither wait nor catch: takes room whether there is some or not. Who yields queues up as if
    /// it came from outside, behind all that a worker has already.
    /// Returns  in `refusal` what the first constructor would throw, if there is no admission.
    admission(scheduler& pool, std::exception_ptr& refusal, bool yields = false) noexcept;
    /// Whether there is room.
    explicit operator bool() const noexcept { return here_ != nullptr || lane_ != nullptr; }
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    ~admission() {
      if (lane_ != nullptr) pool_.count_discarded();
    }
    /// Gives the task in.
    void push(task& t) noexcept;

  private:
    scheduler& pool_;
    worker* here_ = nullptr;  // the calling worker of this pool; null for a thread from outside ...
    lane* lane_ = nullptr;    // ... which has a lane instead, until it has pushed
  };

  /// Throws  pool_shutdown_error or broken_pool_error, if a task of the caller's would be refused now.
  void must_accept() const {
    if (!accepts()) refuse();
  }
  /// Whether it was broken by an initializer.
  bool is_broken() const noexcept { return decided() != nullptr && decided()->why != nullptr; }

  /// Whether what has not started will not start any more.
  bool is_decided() const noexcept { return decided() != nullptr; }

  /// Takes a task from outside out of the queue of a single worker, if its turn has come.
  bool take_in_turn(const task& t) noexcept { return lanes_[0].take_if_oldest(t); }

  /// One task ended without running: it was cancelled or discarded.
  void count_discarded() noexcept;

  /// A task was cancelled, or ran, while its entry stays in a queue; that has been taken out. If there are many of them
  /// they are taken out now: what is cancelled is gone, memory included, though all workers are busy.
  /// Preconditions  of the first: the pool has not seen the task end.
  void count_spent(std::uint32_t weight) noexcept;
  void count_spent_removed(std::uint32_t weight) noexcept { spent_.remove(weight); }

  // ── what is asked of it ──

  std::size_t max_workers() const noexcept { return max_workers_; }
  std::size_t worker_count() const noexcept { return thread_count_.load(memory_order_relaxed); }
  std::size_t pending() noexcept {
    word_guard held(lock_);
    return pending_now();
  }
  /// Waits until all tasks have ended.      Returns  false if the deadline passed first.
  bool wait_idle(deadline until) noexcept;

  /// Takes no more tasks from outside.
  void close() noexcept;
  /// Lets all that has not started end now, and what comes later: cancelled, unless the pool broke before.
  void cancel_pending() { discard_pending(cancelled_); }
  void request_stop() noexcept;
  /// Waits until it is closed, all is done, and the threads have been joined.
  bool wait_end(deadline until) noexcept;

  /// Whether the calling thread is one of its workers.
  bool is_here() const noexcept { return current_task_thread != nullptr && &current_task_thread->host() == this; }

  void add_owner() noexcept { owners_.fetch_add(1, memory_order_relaxed); }
  void drop_owner() noexcept {
    if (owners_.fetch_sub(1, memory_order_acq_rel) == 1) delete this;
  }

  // ── for who waits, see task_host ──

  inline void begin_wait(pool_wait& wait) noexcept override;
  inline deadline ask_again(pool_wait& wait) noexcept override;
  inline void end_wait(pool_wait& wait) noexcept override;
  void hold() noexcept override { add_owner(); }
  void let_go() noexcept override { drop_owner(); }

  // ── for running tasks ──

  /// Whether a task may begin on top of the one that waits for it. Not while more are at work than may be: that one makes
  /// way. Save where the pool has stood still of late: those at work may all be blocked by a lock that the waiting task
  /// holds, and each of its children would have to wait until the pool counts as standing still again.
  bool lets_begin_in_waiter() const noexcept {
    const std::size_t may_be = most_awake_.load(memory_order_relaxed) + extras_.load(memory_order_relaxed) / one_extra;
    return pool_word{word_.load(memory_order_relaxed)}.awake() <= may_be || has_stood_still_of_late();
  }

  void add_stoppable(stoppable_entry& entry) noexcept;
  void remove_stoppable(stoppable_entry& entry) noexcept {
    word_guard held(stoppables_lock_);
    stoppables_.erase(entry);
  }

private:
  friend class worker;

  static constexpr std::size_t most_lanes = 4;     // more than the threads that usually submit at the same time
  static constexpr std::size_t largest_take = 32;  // tasks moved from a lane at once, to be shared by stealing

  /// Why nothing is run any more.
  struct verdict {
    std::exception_ptr why;  // null: cancelled
  };
  enum class ending : std::uint32_t { not_yet, all_left, joining, joined };
  enum class breaking : std::uint32_t { not_yet, telling, done };  // telling: the excepthook is being called

  ~scheduler();
  void drop_leftovers() noexcept;

  pool_word load_word() const noexcept { return {word_.load(memory_order_seq_cst)}; }
  pool_word add_to_word(std::uint64_t delta) noexcept { return {word_.fetch_add(delta, memory_order_seq_cst)}; }

  lane& my_lane() noexcept;
  bool any_lane_work() const noexcept;
  bool any_work() const noexcept;
  bool all_ended() noexcept {
    word_guard held(lock_);
    return all_ended_by_now();
  }
  void look_for_the_end(pool_word seen) noexcept;
  std::uint64_t started_so_far() noexcept {
    word_guard held(lock_);
    return started_by_now();
  }
  // These are for who holds lock_.
  std::size_t pending_now() const noexcept;
  std::uint64_t come_by_now() const noexcept;
  std::uint64_t gone_by_now() const noexcept;
  std::uint64_t started_by_now() const noexcept;
  bool all_ended_by_now() const noexcept;

  bool accepts() const noexcept { return decided() == nullptr && (is_here() || !load_word().closing()); }
  [[noreturn]] void refuse() const;
  void push_from_outside(lane& to, task& t) noexcept;
  void push_into_lane(task& t) noexcept;
  void sweep_if_worthwhile() noexcept;
  void sweep() noexcept;
  bool sweep_own_deque(spent_entry_list& found) noexcept;
  bool sweep_deque(work_deque& deque, spent_entry_list& found) noexcept;
  void discard_pending(const verdict& sentence);
  void discard_what_is_left();
  void discard(task& t);
  const verdict* decided() const noexcept { return verdict_.load(memory_order_seq_cst); }

  /// How many workers may be awake: as many as may, or one extra, granted before, that runs only what is waited for.
  enum class room : std::uint8_t { for_max_workers, for_one_too_many };

  /// How many may be awake, the extra ones apart: max_workers, and one for each guest that waits.
  std::size_t most_awake() const noexcept { return most_awake_.load(memory_order_seq_cst); }
  bool wants_another(pool_word seen, room r = room::for_max_workers) const noexcept {
    return seen.searching() == 0 && (r == room::for_one_too_many || seen.awake() < most_awake());
  }
  bool has_too_many_awake() const noexcept {
    return pool_word{word_.load(memory_order_relaxed)}.awake() > most_awake_.load(memory_order_relaxed);
  }
  /// Whether a searching worker would find something waited for that it may run.
  bool may_run_awaited() const noexcept {
    return !awaited_.empty() && (!has_too_many_awake() || (extras_.load(memory_order_relaxed) & extra_granted) != 0);
  }
  bool stands_still(pool_wait& wait) noexcept;
  bool grants_extra(pool_wait& wait) noexcept;
  bool has_stood_still_of_late() const noexcept {
    const std::int64_t until = stood_still_until_ns_.load(memory_order_relaxed);
    return until != 0 && steady_now_ns() < until;
  }
  bool take_grant() noexcept;
  void return_grant() noexcept { extras_.fetch_sub(one_extra, memory_order_seq_cst); }
  bool run_on_stack_of(pool_wait& wait) noexcept;

  void ensure_a_worker();
  bool summon(room r = room::for_max_workers) noexcept;
  bool try_summon(room r) noexcept;
  bool summon_once(room r) noexcept;
  void find_lookout() noexcept;
  const atomic<std::uint32_t>* blocked_candidate() const noexcept;
  bool keeps_lookout(pool_wait& wait) noexcept;
  deadline look_out_blocked(worker& w) noexcept;
  void resign_blocked(worker& w) noexcept;
  void ask_for_owed() noexcept;
  void pay_debt() noexcept;
  static void pause_for(std::chrono::microseconds d) noexcept;
  static deadline short_nap() noexcept;
  enum class thread_start { started, needless, nothing_to_do, refused };
  thread_start start_if_needed(room r) noexcept;
  void start_worker();
  worker& idle_slot();
  void break_by(std::exception_ptr why, worker& w);
  void be_broken() noexcept;

  bool retire(worker& w) noexcept;
  void leave(worker& w) noexcept;
  void all_have_left() noexcept;
  void terminate() noexcept;
  void join_some() noexcept;
  bool join_threads(deadline until) noexcept;

  /// What workers have counted that count no more for themselves.
  struct tally {
    std::uint64_t spawned = 0;
    std::uint64_t started = 0;
    std::uint64_t finished = 0;
  };
  void set_aside(worker& w) noexcept;
  void set_aside_if_parked(worker& w) noexcept;

  // Read by all, seldom written.
  const std::size_t max_workers_;
  atomic<std::size_t> most_awake_;                        // changes only while a guest waits
  thread_debt debt_;                                      // changes only when a thread is refused
  const signal_mask signals_ = signal_mask::of_caller();  // what each worker blocks, whoever starts it
  const std::string name_prefix_;
  const shared_function<void()> initializer_;  // called by each worker at its start, by several at once
  const std::size_t lane_count_;
  worker_set active_;  // those that are not parked, or have tasks in their deque: there alone thieves look for tasks,
                       // and who adds up for counts
  atomic<std::size_t> thread_count_{0};
  atomic<const verdict*> verdict_{nullptr};  // one of those below; once set, tasks end by it instead of running; all
                                             // sequentially consistent, as part of the protocol of intake_bound
  intake_bound bound_;
  const verdict cancelled_{nullptr};
  const verdict broken_;  // made ahead: there may be no memory for it when the pool breaks

  alignas(cache_line) atomic<std::uint64_t> word_{0};  // see pool_word

  alignas(
      cache_line) word_lock lock_;  // guards all up to terminating_, the marks of active_, and each worker's thread_
                                    // and name_
  intrusive_list<worker> parked_;   // last parked, first woken
  intrusive_list<worker> idle_;     // without a thread
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<os_thread> ended_;  // have left, but may still be in the destructors of their thread-locals: joined once
                                  // that does not block, or by who waits for the end of the pool
  std::size_t next_ended_ = 0;    // the first of them to be tried next
  tally set_aside_;               // of those that are not in active_
  std::size_t in_initializer_ = 0;  // workers that will search once their initializer has returned
  std::size_t threads_alive_ = 0;   // thread_count_ and those that have retired but not left
  bool terminating_ = false;        // workers leave when they would park

  atomic<std::uint32_t> break_{static_cast<std::uint32_t>(breaking::not_yet)};
  atomic<std::uint64_t> discarded_{0};
  spent_entry_count spent_;
  word_lock sweeping_;                   // held by the one thread that sweeps
  atomic<std::uint32_t> idle_epoch_{0};  // counts the moments at which watchers look again
  atomic<std::uint32_t> ending_{static_cast<std::uint32_t>(ending::not_yet)};
  atomic<std::uint32_t> owners_{1};

  word_lock stoppables_lock_;  // guards the next three, and the entries' `asked`
  intrusive_list<stoppable_entry> stoppables_;
  std::uint64_t stop_rounds_ = 0;
  bool stop_all_ = false;

  awaited_board awaited_;
  atomic<worker*> blocked_lookout_{nullptr};  // see thread_debt; set and reset by that worker

  // What a pool that stands still allows beyond most_awake: bit 0 says that one more may run something that is waited
  // for, the rest is the number of those that do.
  static constexpr std::uint32_t extra_granted = 1;
  static constexpr std::uint32_t one_extra = 2;
  atomic<std::uint32_t> extras_{0};
  // How long nothing may start before the pool counts as standing still: short where it has been so before.
  static constexpr std::int64_t least_patience_ns = 10'000'000;
  static constexpr std::int64_t most_patience_ns = 500'000'000;
  static constexpr std::int64_t patience_beside_extra_ns = 4'000'000'000;
  static constexpr std::int64_t longest_look_ns = 8'000'000'000;
  static constexpr std::uint64_t unknown_count = static_cast<std::uint64_t>(-1);
  /// The least time between the start of the last extra one and that of another beside so many: twice as long for every
  /// two. So the first few that are blocked in turn get help soon, but a pool whose tasks are all blocked for an hour has
  /// some 20 threads too many, and after a year 45.
  static constexpr std::int64_t pause_before_extra_ns(std::uint32_t extras) noexcept {
    return extras == 0 ? 0 : patience_beside_extra_ns << smaller_of((extras - 1) / 2, 24U);
  }
  atomic<std::int64_t> patience_ns_{most_patience_ns};
  // Whoever found it so has found out that a lock is in the way: for a while the next need not find it out again.
  atomic<std::int64_t> stood_still_until_ns_{0};
  atomic<std::int64_t> last_grant_ns_{0};
  atomic<std::int64_t> next_payment_ns_{0};  // when a task's end asks for an owed thread again

  lane lanes_[most_lanes];
};

/// Keeps what is behind a pool: the pool itself may go meanwhile.
class scheduler_hold {
public:
  explicit scheduler_hold(scheduler& s) noexcept : held_(s) { held_.add_owner(); }
  ~scheduler_hold() { held_.drop_owner(); }
  scheduler_hold(const scheduler_hold&) = delete;
  scheduler_hold& operator=(const scheduler_hold&) = delete;

private:
  scheduler& held_;
};

}  // namespace spool::inline SPOOL_ABI::detail

#include <spool/detail/pool/admission.hpp>
#include <spool/detail/pool/ending.hpp>
#include <spool/detail/pool/sweep.hpp>
#include <spool/detail/pool/threads.hpp>
#include <spool/detail/pool/waiting.hpp>
#include <spool/detail/pool/worker_loop.hpp>
