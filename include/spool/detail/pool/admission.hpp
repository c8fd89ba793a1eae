// spool/detail/pool/admission.hpp · how tasks come into a pool, and how they are refused or discarded
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/narrowed.hpp>
#include <spool/detail/pool/scheduler.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline scheduler::admission::admission(scheduler& pool, deadline until) : pool_(pool) {
  if (pool.is_here()) {
    // A running task may add work while the pool drains: it has not ended itself, so the pool has not either.
    pool.must_accept();
    here_ = static_cast<worker*>(current_task_thread);
    return;
  }
  if (!pool.bound_.try_enter()) {
    const auto refused = [&pool] { return pool.decided() != nullptr || pool.load_word().closing(); };
    if (until.passed() || !pool.bound_.enter(pool, until, refused)) {
      pool.must_accept();
      return;
    }
  }
  lane& mine = pool.my_lane();
  mine.admit();  // before the look at the word: either we see that it is closing, or its end sees this task
  try {
    pool.must_accept();
    if (pool.worker_count() == 0) pool.ensure_a_worker();
  } catch (...) {
    pool.count_discarded();
    throw;
  }
  lane_ = &mine;
}

inline scheduler::admission::admission(scheduler& pool, std::exception_ptr& refusal, bool yields) noexcept
    : pool_(pool) {
  const bool here = !yields && pool.is_here();
  lane* mine = nullptr;
  if (!here) {
    pool.bound_.enter_anyway();
    mine = &pool.my_lane();
    mine->admit();  // before the look at the word, as above
  }
  if (!pool.accepts()) {
    refusal = pool.is_broken() ? pool.broken_.why : pool_is_shut_down();
  } else if (here) {
    here_ = static_cast<worker*>(current_task_thread);
    return;
  } else {
    try {
      if (pool.worker_count() == 0) pool.ensure_a_worker();
      lane_ = mine;
      return;
    } catch (...) {
      refusal = std::current_exception();
    }
  }
  if (!here) pool.count_discarded();
}

inline void scheduler::admission::push(task& t) noexcept {
  t.from_outside = here_ == nullptr;
  if (here_ == nullptr) {
    pool_.push_from_outside(*std::exchange(lane_, nullptr), t);
    return;
  }
  here_->count_spawned();  // before it can end
  pool_.bound_.enter_anyway();
  if (!here_->own().push(t)) pool_.push_into_lane(t);
  if (pool_.wants_another(pool_.load_word())) pool_.summon();
}

/// The task may run, and the pool be destroyed, as soon as the lane is unlocked: what must be known of the pool is read
/// before, and only who has to wake a worker keeps the pool alive for that.
inline void scheduler::push_from_outside(lane& to, task& t) noexcept {
  to.lock();
  to.append(t);
  const bool wake = wants_another(load_word());
  if (wake) add_owner();
  to.unlock();
  if (!wake) return;
  summon();
  drop_owner();
}

/// Preconditions  the caller looks afterwards whether a worker is to be called.
SPOOL_COLD inline void scheduler::push_into_lane(task& t) noexcept {
  lane& to = my_lane();
  to.lock();
  to.append(t);
  to.unlock();
}

inline void scheduler::refuse() const {
  if (is_broken()) throw broken_pool_error();
  throw pool_shutdown_error();
}

inline lane& scheduler::my_lane() noexcept {
  static constinit atomic<std::uint32_t> threads{0};
  static constinit thread_local std::uint32_t mine = 0;
  if (mine == 0) mine = threads.fetch_add(1, memory_order_relaxed) + 1;
  return lanes_[mine % lane_count_];
}

inline void scheduler::count_discarded() noexcept {
  add_owner();  // the pool has not ended before this one is counted, but may at once afterwards
  bound_.leave();
  discarded_.fetch_add(1, memory_order_seq_cst);
  look_for_the_end(add_to_word(0));
  drop_owner();
}

/// All counters only grow. If none of those that have gone moves while the others are added up, the difference was the
/// truth at one moment. Where they never stand still for so long it is less than it was, not more: no bound seems broken.
inline std::size_t scheduler::pending_now() const noexcept {
  std::uint64_t gone = gone_by_now();
  for (int tries = 16;; --tries) {
    const std::uint64_t come = come_by_now();
    const std::uint64_t before = std::exchange(gone, gone_by_now());
    if (before == gone || tries == 0) return come > gone ? narrowed<std::size_t>(come - gone) : 0;
  }
}

/// Tasks that have been submitted or spawned.
inline std::uint64_t scheduler::come_by_now() const noexcept {
  std::uint64_t come = set_aside_.spawned;
  active_.for_each([&come](const worker& w) { come += w.spawned_.load(memory_order_acquire); });
  for (std::size_t i = 0; i < lane_count_; ++i) come += lanes_[i].admitted();
  return come;
}

/// Tasks that have started or been discarded.
inline std::uint64_t scheduler::gone_by_now() const noexcept {
  const std::uint64_t discarded = discarded_.load(memory_order_acquire);
  return discarded + started_by_now();
}

inline std::uint64_t scheduler::started_by_now() const noexcept {
  std::uint64_t started = set_aside_.started;
  active_.for_each([&started](const worker& w) { started += w.started_.load(memory_order_acquire); });
  return started;
}

inline void scheduler::discard(task& t) { t.discard(*this, decided()->why); }

/// After it the caller runs no task any more: one verdict is there, its own or an earlier one.
/// Throws  what ends the thread in a callback of one, all being discarded.
inline void scheduler::discard_pending(const verdict& sentence) {
  const verdict* none = nullptr;
  if (verdict_.compare_exchange_strong(none, &sentence, memory_order_seq_cst)) bound_.look_again();
  sweeping_.lock();  // whoever sweeps just now has tasks in its hands, and puts them back
  sweeping_.unlock();
  bool all = false;
  const at_scope_end others([this, &all] {
    if (!all) discard_what_is_left();
  });
  discard_what_is_left();
  all = true;
}

inline void scheduler::discard_what_is_left() {
  for (std::size_t i = 0; i < lane_count_; ++i) {
    while (task* t = lanes_[i].take(1, 1)) discard(*t);
  }
  active_.for_each([this](worker& w) {
    while (!w.own_.empty()) {
      if (task* t = w.own_.steal()) discard(*t);
    }
  });
}

}  // namespace spool::inline SPOOL_ABI::detail
