// spool/detail/pool/ending.hpp · when a pool is idle, and when it ends
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <utility>

#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/sync/blocking.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline bool scheduler::all_ended_by_now() const noexcept {
  std::uint64_t ended = discarded_.load(memory_order_seq_cst) + set_aside_.finished;
  active_.for_each([&ended](const worker& w) { ended += w.finished_.load(memory_order_acquire); });
  // From here on the entries: whatever was counted as ended has entered before.
  return ended == come_by_now();
}

/// For who has ended a task and changed the word since: tells those who wait for the pool, if that was the last one.
inline void scheduler::look_for_the_end(pool_word seen) noexcept {
  if ((!seen.watched() && !seen.closing()) || !all_ended()) return;
  if (seen.watched()) {
    idle_epoch_.fetch_add(1, memory_order_acq_rel);
    futex_wake_all(&idle_epoch_);
  }
  if (seen.closing()) terminate();
}

inline bool scheduler::wait_idle(deadline until) noexcept {
  if (all_ended()) return true;
  if (until.passed()) return false;
  add_to_word(pool_word::one_watcher);
  bool idle = false;
  {
    task_wait sleep(*this, &idle_epoch_);
    for (;;) {
      const std::uint32_t epoch = idle_epoch_.load(memory_order_acquire);
      idle = all_ended();
      if (idle || until.passed()) break;
      futex_wait(idle_epoch_, epoch, sleep.nap(until));
    }
  }
  add_to_word(0 - pool_word::one_watcher);
  return idle;
}

inline void scheduler::close() noexcept {
  pool_word seen{word_.fetch_or(pool_word::closing_bit, memory_order_seq_cst) | pool_word::closing_bit};
  bound_.look_again();
  look_for_the_end(seen);
}

inline bool scheduler::wait_end(deadline until) noexcept {
  if (ending_.load(memory_order_acquire) == static_cast<std::uint32_t>(ending::joined)) return true;
  std::optional<task_wait> sleep;
  for (;;) {
    std::uint32_t seen = ending_.load(memory_order_acquire);
    if (seen == static_cast<std::uint32_t>(ending::joined)) return true;
    if (seen == static_cast<std::uint32_t>(ending::all_left)) {
      if (!ending_.compare_exchange_strong(seen, static_cast<std::uint32_t>(ending::joining), memory_order_acq_rel,
                                           memory_order_relaxed)) {
        continue;
      }
      if (!sleep)
        sleep.emplace(*this, &ending_);  // destructors of thread_local objects may wait for tasks, and for long
      const bool joined = join_threads(until);
      ending_.store(static_cast<std::uint32_t>(joined ? ending::joined : ending::all_left), memory_order_release);
      futex_wake_all(&ending_);
      return joined;
    }
    if (until.passed()) return false;
    if (!sleep) sleep.emplace(*this, &ending_);
    futex_wait(ending_, seen, sleep->nap(until));
  }
}

/// Requests are made without the lock, as they run the user's stop callbacks; a round marks who had its turn.
inline void scheduler::request_stop() noexcept {
  stoppables_lock_.lock();
  stop_all_ = true;
  const std::uint64_t round = ++stop_rounds_;
  for (stoppable_entry* e = stoppables_.empty() ? nullptr : &stoppables_.front(); e != nullptr;) {
    if (e->asked >= round) {
      e = stoppables_.after(*e);
      continue;
    }
    e->asked = round;
    std::stop_source source = e->source;
    stoppables_lock_.unlock();
    source.request_stop();
    stoppables_lock_.lock();
    e = stoppables_.empty() ? nullptr : &stoppables_.front();  // the list may have changed
  }
  stoppables_lock_.unlock();
}

inline void scheduler::add_stoppable(stoppable_entry& entry) noexcept {
  stoppables_lock_.lock();
  stoppables_.push_back(entry);
  const bool at_once = stop_all_;
  stoppables_lock_.unlock();
  if (at_once) entry.source.request_stop();
}

}  // namespace spool::inline SPOOL_ABI::detail
