// spool/detail/pool/worker_loop.hpp · a worker's life: take, search, park
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/platform/thread.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/worker.hpp>
#include <spool/detail/registry/threads.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/hand_off.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline worker::worker(scheduler& pool, std::size_t index)
    : task_thread(pool), pool_(pool), index_(index), next_lane_(index), next_victim_(index + 1) {}

/// Throws  what ends the thread in a task, by pthread_exit() or pthread_cancel().
inline void worker::work() {
  bool is_over = false;
  const at_scope_end gone([this, &is_over] { is_over ? pool_.leave(*this) : end_early(); });
  stack_base_ = stack_position();
  std::string name;
  {
    word_guard held(pool_.lock_);
    name = std::move(name_);
  }
  name_native_thread(name);
  {
    thread_record record(std::move(name));
    current_task_thread = this;
    thread_relied_on = this;
    const at_scope_end no_task_thread([] {
      thread_relied_on = nullptr;
      current_task_thread = nullptr;
    });
    if (pool_.initializer_) {
      const auto end_initializer = [this](std::exception_ptr thrown) {
        const at_scope_end over([this] {
          word_guard held(pool_.lock_);
          --pool_.in_initializer_;
        });
        if (thrown) pool_.break_by(std::move(thrown), *this);
      };
      end_initializer(caught_from([this] { pool_.initializer_(); }, [&] { end_initializer(ended_its_thread()); }));
      start_searching();
    }
    searching_ = true;
    run_until_the_end();
  }
  is_over = true;
}

/// A task has ended the thread, and counts as ended itself: another thread takes the place, if there is work.
inline void worker::end_early() noexcept {
  scheduler& pool = pool_;
  const scheduler_hold kept(pool);
  if (searching_) stop_searching();
  pool.leave(*this);
  const pool_word before = pool.add_to_word(0 - pool_word::one_awake);
  while (pool.any_work() && !pool.summon() && pool.worker_count() == 0) {
    const atomic<std::uint32_t> nobody_wakes{0};
    futex_wait(nobody_wakes, 0, deadline::after(std::chrono::milliseconds(2)));
  }
  pool.look_for_the_end(before);
}

inline void worker::run_until_the_end() {
  while (task* t = next_task()) {
    if (pool_.decided() != nullptr) {
      pool_.discard(*t);
    } else {
      t->run(*this);
    }
  }
}

/// What a waiting task waits for; else a task in the usual order; else what a search finds.
///
/// Invariant  While more are awake than may be, as some have returned from a wait, nothing starts, except in the one worker
///            that a pool which stands still was granted, and there only what is waited for.
/// Returns  null when the thread is to end.
inline task* worker::next_task() {
  for (;;) {
    const bool too_many = pool_.has_too_many_awake();
    const bool extra = too_many && pool_.take_grant();
    if (too_many && !extra) {
      if (!(searching_ ? park() : give_way())) return nullptr;
      continue;
    }
    const bool strangers_turn = !extra && awaited_in_a_row_ >= most_awaited_in_a_row;
    if (!strangers_turn) {
      const at_scope_end over([this, extra] {
        if (extra) pool_.return_grant();
      });
      if (run_awaited() || extra) continue;
    }
    awaited_in_a_row_ = 0;
    if (!searching_) {
      if (pool_.debt_.may_be_owed()) pool_.pay_debt();
      if (task* t = take_in_usual_order()) return t;
      if (task* t = strangers_turn ? steal_from_others(few_victims) : nullptr) return t;
      start_searching();
    }
    task* found = nullptr;
    if (!search(found)) return nullptr;
    if (found != nullptr) return found;
  }
}

/// Its own newest task, or one from outside; in a fair turn what has waited longer.
inline task* worker::take_in_usual_order() noexcept {
  if (turns_.due()) {
    if (task* t = take_in_fair_turn()) return t;
  }
  if (task* t = own_.pop()) return t;
  return take_from_lanes(scheduler::largest_take);
}

/// By turns: one from outside, its own oldest, another worker's oldest; null if there is none where the turn is. Whatever
/// lies in one of these queues has only so many before it, each turn takes one of them, and none comes to be before it
/// later: it will be taken.
inline task* worker::take_in_fair_turn() noexcept {
  switch (turn_++ % 3) {
    case 0:
      return take_from_lanes(1);
    case 1:
      return own_.steal();
    default:
      return steal_from_others(few_victims);
  }
}

/// Runs one result that a thread waits for, if one has not started.
inline bool worker::run_awaited() {
  if (pool_.awaited_.empty()) return false;
  future_state_base* const s = pool_.awaited_.take(pool_);
  if (s == nullptr) return false;
  if (searching_) stop_searching();
  ++awaited_in_a_row_;
  s->run_awaited(*this);
  return true;
}

/// Takes from the lanes, each time from another if it can: one task to run, the others into its own deque, where they can
/// be stolen.
inline task* worker::take_from_lanes(std::size_t most) noexcept {
  // A single worker takes them one by one: whoever stands in for it must find the oldest first.
  // Nor may the deque have to grow for them: it is empty, or only one is taken.
  if (pool_.max_workers_ == 1 || !own_.empty()) most = 1;
  for (std::size_t i = 0; i < pool_.lane_count_; ++i) {
    const std::size_t looked_at = next_lane_++ % pool_.lane_count_;
    task* const oldest = pool_.lanes_[looked_at].take(most, pool_.max_workers_);
    if (oldest == nullptr) continue;
    if (oldest->next == nullptr) return oldest;
    task* behind[scheduler::largest_take];
    task** const end = behind + scheduler::largest_take;
    task** newest_first = end;
    for (task* t = oldest->next; t != nullptr; t = t->next) *--newest_first = t;  // so that the oldest is popped first
    own_.push_all(newest_first, static_cast<std::size_t>(end - newest_first));
    // On their way from queue to queue nobody saw them: who looked just then has gone to sleep.
    if (pool_.wants_another(pool_.load_word())) pool_.summon();
    return oldest;
  }
  return nullptr;
}

inline task* worker::find_task() noexcept {
  if (task* t = take_from_lanes(scheduler::largest_take)) return t;
  return steal_from_others(std::size_t(-1));
}

/// Steals one task, looking at so many others at most, each time beginning with the next.
inline task* worker::steal_from_others(std::size_t most_victims) noexcept {
  task* found = nullptr;
  const worker* const last = pool_.active_.find(
      [&](worker& victim) {
        if (&victim == this) return false;
        found = victim.own_.steal();
        if (found == nullptr) pool_.set_aside_if_parked(victim);
        return found != nullptr || --most_victims == 0;
      },
      next_victim_);
  if (last != nullptr) next_victim_ = last->index_ + 1;
  return found;
}

inline void worker::start_searching() noexcept {
  searching_ = true;
  pool_.add_to_word(pool_word::one_searching);
}

/// The last one who stops searching leaves another in its place, if there is more to do.
inline void worker::stop_searching() noexcept {
  searching_ = false;
  const pool_word seen = pool_.add_to_word(0 - pool_word::one_searching);
  if (seen.searching() == 1 && seen.awake() < pool_.most_awake() && pool_.any_work()) pool_.summon();
}

/// Looks for a task, parking if there is none.
/// Returns  false when the thread is to end; nothing found means that something is waited for.
inline bool worker::search(task*& found) noexcept {
  constexpr unsigned rounds = 64;  // some 10 us in all; measured against the 30 us of a wake-up
  constexpr unsigned pauses_a_round = 4;
  do {
    for (unsigned round = 0; round < rounds; ++round) {
      if (pool_.may_run_awaited()) return true;
      if (pool_.has_too_many_awake()) break;
      found = find_task();
      if (found != nullptr) {
        stop_searching();
        return true;
      }
      const pool_word seen = pool_.load_word();
      if (seen.watched() || seen.closing()) pool_.look_for_the_end(pool_.add_to_word(0));
      // One may spin in the hope of a task that comes soon; more would only take the processor from those who make it.
      if (seen.searching() > 1 || seen.closing() || !has_several_cpus()) break;
      for (unsigned i = 0; i < pauses_a_round; ++i) cpu_pause();
    }
  } while (park());
  return false;
}

/// Nothing to do: sleeps until it is unparked, as one who searches.      Returns  false when the thread is to end.
inline bool worker::park() noexcept {
  pool_.lock_.lock();
  if (pool_.terminating_) {
    pool_.lock_.unlock();
    return false;
  }
  parked_.store(1, memory_order_relaxed);
  pool_.parked_.push_back(*this);
  pool_.set_aside(*this);
  pool_.join_some();
  const pool_word seen = pool_.add_to_word(0 - pool_word::one_searching - pool_word::one_awake);
  pool_.lock_.unlock();
  searching_ = false;
  if (seen.searching() == 1 && pool_.any_work()) {
    pool_.summon();
    // If it has called this very worker back, the task may still be on its way in, by a thread that has lost its processor.
    if (parked_.load(memory_order_relaxed) == 0) let_another_run();
  }
  pool_.look_for_the_end(seen);
  return sleep_parked();
}

/// More are awake than may be, since one that waited goes on: parks, unless another has just done so.
/// Returns  false when the thread is to end.
inline bool worker::give_way() noexcept {
  pool_.lock_.lock();
  if (pool_.load_word().awake() <= pool_.most_awake()) {
    pool_.lock_.unlock();
    return true;
  }
  parked_.store(1, memory_order_relaxed);
  pool_.parked_.push_back(*this);
  pool_.set_aside(*this);
  pool_.join_some();
  const pool_word seen = pool_.add_to_word(0 - pool_word::one_awake);
  pool_.lock_.unlock();
  // One of the others may have begun to wait in between: then it was one too many that parked.
  if (pool_.any_work()) pool_.summon();
  pool_.look_for_the_end(seen);
  return sleep_parked();
}

inline bool worker::sleep_parked() noexcept {
  while (parked_.load(memory_order_acquire) != 0) {  // (B)
    const bool surplus = pool_.worker_count() > pool_.max_workers_;
    const deadline until = surplus ? deadline::after(std::chrono::milliseconds(100)) : deadline::never();
    if (!futex_wait(parked_, 1, until) && pool_.retire(*this)) return false;
  }
  searching_ = true;  // who unparked it has counted it so
  turns_.expect_anything();
  return true;
}

inline void worker::about_to_be_free() noexcept {
  if (pool_word{pool_.word_.load(memory_order_relaxed)}.awake() >= pool_.most_awake()) return;  // none can be started
  if (!searching_ && own_.empty() && !pool_.any_lane_work()) start_searching();
}

inline void worker::finished() noexcept {
  about_to_be_free();
  count(finished_);
  pool_.bound_.leave();
}

/// The one that waits gives its place to the one on top, whose own place is the other's again when it has ended.
inline void worker::started_on_top() noexcept { pool_.bound_.leave(); }

inline void worker::busy_again() noexcept {
  if (searching_) stop_searching();
}

/// A worker whose initializer has thrown runs none: if it comes to wait for one, in the excepthook, the pool breaks now.
inline bool worker::may_run_tasks() noexcept {
  if (tells_of_break_) pool_.be_broken();
  return !pool_.is_decided();
}

inline bool scheduler::any_lane_work() const noexcept {
  for (std::size_t i = 0; i < lane_count_; ++i) {
    if (!lanes_[i].empty()) return true;
  }
  return false;
}

inline bool scheduler::any_work() const noexcept {
  if (any_lane_work() || !awaited_.empty()) return true;
  return active_.find([](const worker& w) { return !w.own_.empty(); }) != nullptr;
}

}  // namespace spool::inline SPOOL_ABI::detail
