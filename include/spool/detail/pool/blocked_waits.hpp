// spool/detail/pool/blocked_waits.hpp · the threads that wait for a pool, and what is to be run first for them
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/future/task_wait.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A task that waits may hold a lock that the next task in the queue wants: who stands in for it must not begin with that
/// one, but with what is waited for.
///
/// Invariant  In the first list are the waits of which something may start; the lock's note is their number. A wait
///            joins before its worker counts as not awake, so that whoever comes for its place finds it, and leaves
///            after it counts as awake again, so that whoever finds it gone knows that the place is taken.
///            In the second list are all waits; the lookout is one of them, see thread_debt.
class awaited_board {
public:
  /// What the pool can do for a wait.
  enum class outlook : std::uint8_t {
    nothing,  // all of it has started, or is no task of the pool
    later,    // something is not in the pool yet
    now       // something may start
  };

  bool empty() const noexcept { return lock_.note() == 0; }
  /// The same as !empty(), with the order that the lock gives.
  bool has_startable() noexcept {
    word_guard held(lock_);
    return lock_.note() != 0;
  }

  void add(pool_wait& wait, const task_host& pool) noexcept {
    wait.out_of_turn = wait.is_lookout = false;
    wait.next_look = deadline::never();
    wait.asleep.store(0, memory_order_relaxed);
    lock_.lock();
    sleepers_.push_back(wait);
    unlock(wait.role != wait_role::visitor && list_if_something_may_start(wait, pool));
  }

  /// Returns  whether it was the lookout.
  bool remove(pool_wait& wait) noexcept {
    wait.asleep.store(0, memory_order_relaxed);
    lock_.lock();
    sleepers_.erase(wait);
    const bool was_lookout = lookout_ == &wait;
    if (was_lookout) lookout_ = nullptr;
    const bool listed = static_cast<awaited_entry&>(wait).linked();
    if (listed) waits_.erase(wait);
    lock_.unlock(lock_.note() - (listed ? 1 : 0));
    return was_lookout;
  }

  /// What may be done for it, in its turn or not; the next to come finds it if something may start in its turn.
  outlook look(pool_wait& wait, const task_host& pool) noexcept {
    if (wait.awaited->count == 0) return outlook::nothing;
    lock_.lock();
    const bool joins = list_if_something_may_start(wait, pool);
    outlook found = outlook::now;
    if (find(wait, pool, true, wait.next_look.is_never() ? short_way : any_way) == nullptr) {
      found = wait.at->next < wait.awaited->count ? outlook::later : outlook::nothing;
    }
    unlock(joins);
    return found;
  }

  /// What it waits for may be run before tasks that were submitted earlier.
  void let_overtake(pool_wait& wait, const task_host& pool) noexcept {
    lock_.lock();
    wait.out_of_turn = true;
    unlock(list_if_something_may_start(wait, pool));
  }

  /// The next that may start, with a handle for the caller; null if there is none.
  future_state_base* take(const task_host& pool) noexcept {
    if (empty()) return nullptr;
    lock_.lock();
    future_state_base* found = nullptr;
    auto left = lock_.note();
    while (found == nullptr && !waits_.empty()) {
      pool_wait& wait = static_cast<pool_wait&>(waits_.front());
      found = find(wait, pool, wait.out_of_turn, way_for(wait), true);
      if (found != nullptr) break;
      waits_.erase(wait);
      --left;
    }
    lock_.unlock(left);
    return found;
  }

  // ── while a thread is owed ──

  /// Makes it the lookout if there is none.      Returns  whether it is now.
  bool become_lookout(pool_wait& wait) noexcept {
    word_guard held(lock_);
    if (lookout_ == nullptr) lookout_ = &wait;
    return lookout_ == &wait;
  }
  bool has_lookout() noexcept {
    word_guard held(lock_);
    return lookout_ != nullptr;
  }
  /// Preconditions  it is the lookout.
  void resign(pool_wait& wait) noexcept {
    word_guard held(lock_);
    if (lookout_ == &wait) lookout_ = nullptr;
  }
  /// What a thread sleeps on that may become the lookout; null if none sleeps, or there is one already.
  const atomic<std::uint32_t>* sleeping_candidate() noexcept {
    word_guard held(lock_);
    if (lookout_ != nullptr || sleepers_.empty()) return nullptr;
    for (sleeper_entry* s = &sleepers_.front(); s != nullptr; s = sleepers_.after(*s)) {
      const pool_wait& wait = static_cast<pool_wait&>(*s);
      if (wait.asleep.load(memory_order_seq_cst) != 0) return wait.word;
    }
    return nullptr;
  }

private:
  static constexpr std::size_t most_looked_at = 64;  // of those that are not in the pool yet
  // Of many results each may continue the one before. Where the pool stands still they are gone through all the same.
  static constexpr std::size_t short_way = 4'096;
  static constexpr std::size_t any_way = static_cast<std::size_t>(-1);

  static std::size_t way_for(const pool_wait& wait) noexcept { return wait.out_of_turn ? any_way : short_way; }

  void unlock(bool one_more) noexcept { lock_.unlock(lock_.note() + (one_more ? 1 : 0)); }

  /// Preconditions  lock_ is held.      Returns  whether it has joined the list just now.
  bool list_if_something_may_start(pool_wait& wait, const task_host& pool) noexcept {
    if (static_cast<awaited_entry&>(wait).linked() || find(wait, pool, wait.out_of_turn, way_for(wait)) == nullptr)
      return false;
    waits_.push_back(wait);
    return true;
  }

  /// Something that may start, be it the origin of what is waited for; null if nothing may. With a handle for the caller,
  /// if that one takes it.
  /// `way`  how many results to pass on the way to origins, save for the first that is not there: that one's is found.
  static future_state_base* find(pool_wait& wait, const task_host& pool, bool out_of_turn, std::size_t way,
                                 bool takes_it = false) noexcept {
    const awaited_results& all = *wait.awaited;
    if (wait.at->host != &pool) *wait.at = {&pool, 0};
    std::size_t& next = wait.at->next;
    const auto is_through = [&](const future_state_base* s) { return s == nullptr || s->needs_no_start_by(pool); };
    const auto take_if_startable = [&](future_state_base& s) -> future_state_base* {
      if (s.current_phase() != future_state_base::pending || s.its_host() != &pool) return nullptr;
      if (!s.may_start_now(out_of_turn)) return nullptr;
      if (takes_it) s.add_handle();
      return &s;
    };
    while (next < all.count && is_through(all.first[next])) ++next;
    const std::size_t end = next + smaller_of(all.count - next, most_looked_at);
    for (std::size_t i = next; i < end; ++i) {
      future_state_base* const s = all.first[i];
      if (is_through(s)) continue;
      std::size_t as_far_as_it_goes = static_cast<std::size_t>(-1);
      future_state_base* const found = s->with_origin(take_if_startable, i == next ? as_far_as_it_goes : way);
      if (found == nullptr) continue;
      if (takes_it && found == all.first[next]) ++next;
      return found;
    }
    return nullptr;
  }

  word_lock lock_;  // guards what follows, and the waits in the lists
  intrusive_list<awaited_entry> waits_;
  intrusive_list<sleeper_entry> sleepers_;
  pool_wait* lookout_ = nullptr;
};

}  // namespace spool::inline SPOOL_ABI::detail
