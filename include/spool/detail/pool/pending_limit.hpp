// spool/detail/pool/pending_limit.hpp · how many tasks a pool takes in before those who submit must wait
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/blocking.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Counts the tasks that wait for a worker or keep one busy; those that wait for other tasks keep none.
///
/// Invariant  Who waits for room announces itself and then looks at the count; who makes room lowers the count and then
///            looks for the announcement, all sequentially consistent: one of them sees the other. The same holds for
///            `refused`, which looks at what has to be written before look_again(). The epoch, read
///            before the look, changes with every room made, so that no wake-up between look and sleep is lost.
class intake_bound {
public:
  /// Shape  limit 0: no bound, and nothing is counted.
  explicit intake_bound(std::size_t limit) noexcept : limit_(static_cast<std::int64_t>(limit)) {}

  bool bounded() const noexcept { return limit_ != 0; }

  /// Takes a place if there is one.
  bool try_enter() noexcept {
    if (!bounded()) return true;
    std::int64_t seen = load_.load(memory_order_seq_cst);
    do {
      if (seen >= limit_) return false;
    } while (!load_.compare_exchange_weak(seen, seen + 1, memory_order_seq_cst, memory_order_seq_cst));
    return true;
  }

  /// Takes a place in that pool, sleeping until there is one, the deadline passes, or `refused` says that there will be
  /// none.
  /// Returns  whether it took one.
  template <class Refused>
  bool enter(task_host& pool, deadline until, Refused&& refused) noexcept {
    if (try_enter()) return true;
    task_wait sleep(pool, &epoch_);
    waiting_.fetch_add(1, memory_order_seq_cst);
    bool entered = false;
    for (;;) {
      const std::uint32_t seen = epoch_.load(memory_order_acquire);
      if ((entered = try_enter()) || refused() || until.passed()) break;
      futex_wait(epoch_, seen, sleep.nap(until));
    }
    waiting_.fetch_sub(1, memory_order_relaxed);
    return entered;
  }

  /// Takes a place beyond the bound: a task made by a task, or one that goes on after it has waited.
  void enter_anyway() noexcept {
    if (bounded()) load_.fetch_add(1, memory_order_seq_cst);
  }

  /// Gives a place back.
  void leave() noexcept {
    if (!bounded()) return;
    load_.fetch_sub(1, memory_order_seq_cst);
    look_again();
  }

  /// Has all who wait for room look again.
  void look_again() noexcept {
    if (!bounded() || waiting_.load(memory_order_seq_cst) == 0) return;
    epoch_.fetch_add(1, memory_order_acq_rel);
    futex_wake_all(&epoch_);
  }

private:
  const std::int64_t limit_;
  atomic<std::int64_t> load_{0};
  atomic<std::uint32_t> waiting_{0};
  atomic<std::uint32_t> epoch_{0};
};

}  // namespace spool::inline SPOOL_ABI::detail
