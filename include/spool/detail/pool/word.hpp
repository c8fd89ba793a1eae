// spool/detail/pool/word.hpp · the one word in which a pool decides whether to wake a worker
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/platform/atomic.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Counts of a pool's workers, read and changed together.
///
///  bits  0..19  searching  awake and looking for a task, or just about to
///  bits 20..39  awake      not parked, and not in a task that waits for other tasks
///  bits 40..59  watchers   threads that wait for the pool to be idle
///  bit  60      closing    no more tasks from outside: when all are finished, the workers end
///
/// Invariant (no task is left lying)   Whoever makes a task visible looks here afterwards; if nobody searches and fewer
///   than max_workers are awake, it makes one more worker search. Whoever stops searching as the last one looks for
///   tasks afterwards and does the same. Both writes and both looks are sequentially consistent: one sees the other.
/// Invariant (nobody waits in vain)    A worker that runs out of tasks changes this word after it counted them
///   finished; a watcher changes it before it reads those counts: one sees the other.
struct pool_word {
  static constexpr std::uint64_t one_searching = 1;
  static constexpr std::uint64_t one_awake = std::uint64_t{1} << 20;
  static constexpr std::uint64_t one_watcher = std::uint64_t{1} << 40;
  static constexpr std::uint64_t closing_bit = std::uint64_t{1} << 60;
  static constexpr std::uint64_t field = one_awake - 1;
  static constexpr std::uint64_t most_workers = field / 2;               // room for those that stand in
  static constexpr std::uint64_t most_pending = std::uint64_t{1} << 62;  // more is no bound

  std::uint64_t bits;

  std::uint64_t searching() const noexcept { return bits & field; }
  std::uint64_t awake() const noexcept { return bits / one_awake & field; }
  bool watched() const noexcept { return (bits / one_watcher & field) != 0; }
  bool closing() const noexcept { return (bits & closing_bit) != 0; }
};

}  // namespace spool::inline SPOOL_ABI::detail
