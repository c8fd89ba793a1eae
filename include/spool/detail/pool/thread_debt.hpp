// spool/detail/pool/thread_debt.hpp · whether the system has refused a thread that a pool still needs
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/platform/atomic.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A thread was refused, and nobody has succeeded since: somebody must ask again.
///
///  bit 0       owed
///  bits 1..31  refusal   a number, new with each refusal
///
/// Invariant  While a thread is owed and threads sleep of which the pool knows, one of them is the lookout, which asks again
///            in short naps. Those are the threads that wait for something of the pool (awaited_board), and its workers
///            whose tasks sleep in locks, queues, events, joins of the library (blocked_thread). A refused thread writes
///            here and then looks for sleepers; a sleeper says that it is asleep and then looks here, all sequentially
///            consistent: one sees the other. A success settles only the refusals that it had seen before it tried: who
///            was refused later may have been refused for another task.
///            Besides, whoever submits asks, and a worker between two tasks (pay_debt).
/// Gap        If all workers are busy or blocked by other means (a std::mutex, a system call), nobody waits for anything
///            of the pool, and nobody submits, then no thread of the pool's is there to ask, and none can be made for it:
///            the task for which a thread was refused starts when one of these things changes.
class thread_debt {
public:
  bool is_owed() const noexcept { return (word_.load(memory_order_seq_cst) & owed) != 0; }
  bool may_be_owed() const noexcept { return (word_.load(memory_order_relaxed) & owed) != 0; }

  std::uint32_t seen() const noexcept { return word_.load(memory_order_seq_cst); }

  /// The system has refused a thread.
  void incur() noexcept {
    std::uint32_t word = word_.load(memory_order_relaxed);
    while (
        !word_.compare_exchange_weak(word, (word | owed) + next_refusal, memory_order_seq_cst, memory_order_relaxed)) {
    }
  }

  /// There is a thread, or nothing to do for one, since `before` was seen.
  void settle(std::uint32_t before) noexcept {
    if ((before & owed) == 0) return;
    word_.compare_exchange_strong(before, before & ~owed, memory_order_seq_cst, memory_order_relaxed);
  }

private:
  static constexpr std::uint32_t owed = 1;
  static constexpr std::uint32_t next_refusal = 2;

  atomic<std::uint32_t> word_{0};
};

}  // namespace spool::inline SPOOL_ABI::detail
