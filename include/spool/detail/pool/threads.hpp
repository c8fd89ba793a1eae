// spool/detail/pool/threads.hpp · how a pool's threads start, stand in, retire and end
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/pool/scheduler.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A worker object without a thread, made if there is none.      Preconditions  lock_ is held.
inline worker& scheduler::idle_slot() {
  if (!idle_.empty()) return idle_.front();
  const std::size_t index = workers_.size();
  active_.make_room(index);
  workers_.push_back(std::make_unique<worker>(*this, index));
  active_.add(index, *workers_.back());
  idle_.push_back(*workers_.back());
  return *workers_.back();
}

/// Starts one more thread.      Preconditions  lock_ is held.
/// Throws   std::system_error or std::bad_alloc, nothing changed.
inline void scheduler::start_worker() {
  join_some();
  worker& w = idle_slot();
  const std::size_t will_have_left = ended_.size() + threads_alive_ + 1;
  if (ended_.capacity() < will_have_left) ended_.reserve(2 * will_have_left);  // leave() cannot fail
  std::string name = name_prefix_ + '_' + std::to_string(w.index_);
  // It starts with this lock, so it sees what is written below.
  const signal_mask_scope those_of_the_pool(signals_);
  w.thread_ = start_os_thread([&w] { w.work(); });
  add_owner();
  idle_.erase(w);
  active_.mark(w.index_);
  w.name_ = std::move(name);
  ++threads_alive_;
  thread_count_.store(thread_count_.load(memory_order_relaxed) + 1, memory_order_relaxed);
  if (initializer_) ++in_initializer_;
}

/// Joins a few of the threads that have left, if they have ended: nobody waits for the user's thread-locals here.
/// Preconditions  lock_ is held.
inline void scheduler::join_some() noexcept {
  for (int tries = 4; tries != 0 && !ended_.empty(); --tries) {
    if (next_ended_ >= ended_.size()) next_ended_ = 0;
    if (try_join(ended_[next_ended_])) {
      std::swap(ended_[next_ended_], ended_.back());
      ended_.pop_back();
    } else {
      ++next_ended_;
    }
  }
}

/// Joins all until the deadline.      Preconditions  all have left, and nobody else does this.
/// Returns  whether none is left.
inline bool scheduler::join_threads(deadline until) noexcept {
  for (auto nap = std::chrono::microseconds(20);; nap = smaller_of(2 * nap, std::chrono::microseconds(5'000))) {
    for (std::size_t i = 0; i < ended_.size();) {
      os_thread& t = ended_[i];
      if (t.get_id() == std::this_thread::get_id()) {
        t.detach();  // one of its thread-local destructors has come back to the pool
      } else if (until.is_never()) {
        t.join();
      } else if (!try_join(t)) {
        ++i;
        continue;
      }
      std::swap(t, ended_.back());
      ended_.pop_back();
    }
    if (ended_.empty() || until.passed()) return ended_.empty();
    futex_wait(ending_, static_cast<std::uint32_t>(ending::joining), earlier(until, deadline::after(nap)));
  }
}

/// A worker that parks leaves its counts to the pool, and nobody passes by it until it is woken, unless it leaves tasks
/// behind, too.      Preconditions  lock_ is held; it is parked, or it is the caller.
inline void scheduler::set_aside(worker& w) noexcept {
  if (!w.own_.empty()) return;
  const auto take = [](atomic<std::uint64_t>& count) {
    const std::uint64_t n = count.load(memory_order_relaxed);
    count.store(0, memory_order_relaxed);
    return n;
  };
  set_aside_.spawned += take(w.spawned_);
  set_aside_.started += take(w.started_);
  set_aside_.finished += take(w.finished_);
  active_.unmark(w.index_);
}

/// The same for one that others have found empty since.
inline void scheduler::set_aside_if_parked(worker& w) noexcept {
  if (w.parked_.load(memory_order_relaxed) == 0 || !w.own_.empty()) return;
  word_guard held(lock_);
  if (w.linked()) set_aside(w);
}

/// Starts the first worker, if no other thread just does.
inline void scheduler::ensure_a_worker() {
  const std::uint64_t counted = pool_word::one_awake + (initializer_ ? 0 : pool_word::one_searching);
  lock_.lock();
  if (worker_count() == 0 && !terminating_) {
    add_to_word(counted);
    try {
      start_worker();
    } catch (...) {
      add_to_word(0 - counted);
      lock_.unlock();
      throw;
    }
  }
  lock_.unlock();
}

/// Makes one more worker search, if nobody searches and there is room: the last that parked, else a new thread.
/// Returns  false if one is needed and the system refuses it.
inline bool scheduler::summon_once(room r) noexcept {
  for (;;) {
    std::uint64_t seen = word_.load(memory_order_relaxed);
    do {
      if (!wants_another({seen}, r)) return true;
    } while (!word_.compare_exchange_weak(seen, seen + pool_word::one_searching + pool_word::one_awake,
                                          memory_order_seq_cst, memory_order_relaxed));
    lock_.lock();
    if (worker* w = parked_.pop_back()) {
      active_.mark(w->index_);
      lock_.unlock();
      w->unpark();
      return true;
    }
    const thread_start outcome = start_if_needed(r);
    // Who came while we were counted as searching has relied on us.
    bool again = false;
    if (outcome != thread_start::started) {
      const pool_word before = add_to_word(0 - pool_word::one_searching - pool_word::one_awake);
      again = outcome == thread_start::nothing_to_do && before.searching() == 1 && any_work();
    }
    // In its initializer a worker is not searching yet: others must not rely on it.
    if (outcome == thread_start::started && initializer_) add_to_word(0 - pool_word::one_searching);
    again = again || (initializer_ && (outcome == thread_start::started || outcome == thread_start::needless) &&
                      pending_now() > in_initializer_);
    lock_.unlock();
    if (!again) return outcome != thread_start::refused;
    r = room::for_max_workers;
  }
}

/// Starts one more thread, if it would have a task.      Preconditions  lock_ is held.
inline scheduler::thread_start scheduler::start_if_needed(room r) noexcept {
  if (terminating_) return thread_start::needless;
  if (r == room::for_one_too_many && in_initializer_ != 0) return thread_start::needless;
  // Each worker in its initializer will take a task afterwards.
  if (initializer_ && pending_now() <= in_initializer_) return thread_start::needless;
  // Another whom the same task has called has taken it meanwhile.
  if (!any_work()) return thread_start::nothing_to_do;
  try {
    start_worker();
    return thread_start::started;
  } catch (...) {
    return thread_start::refused;  // those that are there will do the work
  }
}

/// The first initializer that throws decides: nothing runs any more.
///
/// Invariant  The excepthook has been called before anyone can see the pool broken: the verdict comes after it. Workers
///            whose initializer throws meanwhile wait for the verdict, as they may run no task.
inline void scheduler::break_by(std::exception_ptr why, worker& w) {
  std::uint32_t seen = static_cast<std::uint32_t>(breaking::not_yet);
  if (break_.compare_exchange_strong(seen, static_cast<std::uint32_t>(breaking::telling), memory_order_acq_rel,
                                     memory_order_acquire)) {
    w.tells_of_break_ = true;
    const at_scope_end told([this, &w] {
      w.tells_of_break_ = false;
      be_broken();
    });
    call_excepthook(std::move(why));
    return;
  }
  for (; seen == static_cast<std::uint32_t>(breaking::telling); seen = break_.load(memory_order_acquire)) {
    futex_wait(break_, seen, deadline::never());
  }
}

/// Called once the excepthook has returned, or sooner, if it waits for a task: that one will never run.
inline void scheduler::be_broken() noexcept {
  discard_pending(broken_);
  break_.store(static_cast<std::uint32_t>(breaking::done), memory_order_release);
  futex_wake_all(&break_);
}

/// A parked worker that stood in for another, and is needed no more.
/// Returns  false if it was unparked, or is no surplus.
inline bool scheduler::retire(worker& w) noexcept {
  word_guard held(lock_);
  // Not linked: someone is about to unpark it. Nor may it leave tasks behind.
  if (!w.linked() || worker_count() <= max_workers_ || !w.own_.empty()) return false;
  parked_.erase(w);
  set_aside(w);
  w.retired_ = true;
  thread_count_.store(worker_count() - 1,
                      memory_order_relaxed);  // now, so that another does not retire for the same reason
  return true;
}

/// The thread's last deed as this worker.
inline void scheduler::leave(worker& w) noexcept {
  lock_.lock();
  set_aside(w);
  idle_.push_front(w);
  ended_.push_back(std::move(w.thread_));
  join_some();
  --threads_alive_;
  if (!w.retired_) thread_count_.store(worker_count() - 1, memory_order_relaxed);
  w.retired_ = false;
  const bool last = threads_alive_ == 0 && terminating_;
  lock_.unlock();
  if (last) all_have_left();
  drop_owner();
}

inline void scheduler::all_have_left() noexcept {
  ending_.store(static_cast<std::uint32_t>(ending::all_left), memory_order_release);
  futex_wake_all(&ending_);
}

/// The pool is closed: lets every worker go, if all is done.
///
/// Invariant  Once this is decided, nobody is in an initializer, where a worker may submit, and nobody will be. A worker
///            that is in one now looks for the end afterwards.
inline void scheduler::terminate() noexcept {
  lock_.lock();
  if (in_initializer_ != 0 || !all_ended_by_now()) return lock_.unlock();
  const bool first = !std::exchange(terminating_, true);
  const bool nobody = first && threads_alive_ == 0;
  while (worker* w = parked_.pop_back()) {
    active_.mark(w->index_);
    add_to_word(pool_word::one_searching + pool_word::one_awake);
    w->unpark();
  }
  lock_.unlock();
  if (nobody) all_have_left();
}

inline scheduler::~scheduler() {
  // None is left if someone has waited for the end. Else the pool was destroyed in one of its own tasks, and nobody waits.
  for (os_thread& t : ended_) {
    if (!try_join(t)) t.detach();
  }
  drop_leftovers();
}

/// What lies in the queues still has been cancelled, or run by those who waited for it: only the entries are left.
inline void scheduler::drop_leftovers() noexcept {
  for (std::size_t i = 0; i < lane_count_; ++i) {
    lanes_[i].lock();  // a submit that pushed may just be leaving
    lanes_[i].unlock();
    while (task* t = lanes_[i].take(1, 1)) t->discard(*this, nullptr);
  }
  for (const std::unique_ptr<worker>& w : workers_) {
    while (task* t = w->own_.steal()) t->discard(*this, nullptr);
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
