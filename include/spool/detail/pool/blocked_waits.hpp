// spool/detail/pool/blocked_waits.hpp · what the waiting tasks of a pool wait for, to be run first
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A task that waits may hold a lock that the next task in the queue wants: who stands in for it must not begin with that
/// one, but with what is waited for.
///
/// Invariant  In the list are the waits of which something may not have started; the lock's note is their number. A wait
///            joins before its worker counts as not awake, so that whoever comes for its place finds it, and leaves
///            after it counts as awake again, so that whoever finds it gone knows that the place is taken.
class awaited_board {
public:
  bool empty() const noexcept { return lock_.untouched(); }

  /// Adds what may start in this pool, if anything may.
  void add(awaited_results& wait, const void* pool) noexcept {
    while (wait.front < wait.count && !next_may_start(wait, pool)) ++wait.front;
    if (wait.front == wait.count) return;
    lock_.lock();
    waits_.push_back(wait);
    lock_.unlock(lock_.note() + 1);
  }

  void remove(awaited_results& wait) noexcept {
    if (wait.count == 0) return;
    lock_.lock();
    const bool listed = wait.linked();
    if (listed) waits_.erase(wait);
    lock_.unlock(lock_.note() - (listed ? 1 : 0));
  }

  /// Whether something of it may start still.
  bool may_start(awaited_results& wait, const void* pool) noexcept {
    if (wait.count == 0) return false;
    word_guard held(lock_);
    while (wait.front < wait.count && !next_may_start(wait, pool)) ++wait.front;
    return wait.front < wait.count;
  }

  /// The next that may start, with a handle for the caller; null if there is none.
  future_state_base* take(const void* pool) noexcept {
    if (empty()) return nullptr;
    lock_.lock();
    future_state_base* found = nullptr;
    auto left = lock_.note();
    while (found == nullptr && !waits_.empty()) {
      awaited_results& wait = waits_.front();
      while (wait.front < wait.count && !next_may_start(wait, pool)) ++wait.front;
      if (wait.front < wait.count) {
        found = wait.first[wait.front++];
        found->add_handle();  // whoever waits has one, and cannot leave before we unlock
      } else {
        waits_.erase(wait);
        --left;
      }
    }
    lock_.unlock(left);
    return found;
  }

private:
  static bool next_may_start(const awaited_results& wait, const void* pool) noexcept {
    const future_state_base* s = wait.first[wait.front];
    return s != nullptr && s->may_start_in(pool);
  }

  word_lock lock_;  // guards the list and the waits in it
  intrusive_list<awaited_results> waits_;
};

}  // namespace spool::inline SPOOL_ABI::detail
