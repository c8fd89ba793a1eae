// spool/detail/pool/spent_entries.hpp · entries in a pool's queues whose tasks are cancelled, or ran elsewhere
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/pool/task.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// How many entries are spent, and when to look whether that is too many. An entry counts more the larger it is.
///
/// An entry is added by whoever spends it and removed by whoever takes it out of its queue, in any order: for a moment
/// the count may be one too low, even below zero.
class spent_entry_count {
public:
  static constexpr std::uint32_t few = 64;  // stay where they are

  /// What an entry of that size counts.
  static constexpr std::uint32_t weight_of(std::size_t bytes) noexcept {
    return static_cast<std::uint32_t>(1 + bytes / 256);
  }

  /// Returns  whether it is time to look at the count: once every few.
  bool add(std::uint32_t weight) noexcept {
    const std::uint64_t before = word_.fetch_add(weight * (one_ever + one_now), memory_order_relaxed);
    return (before / one_ever) / few != (before / one_ever + weight) / few;
  }
  void remove(std::uint32_t weight) noexcept { word_.fetch_sub(weight * one_now, memory_order_relaxed); }

  std::size_t count() const noexcept {
    const auto now = static_cast<std::int32_t>(static_cast<std::uint32_t>(word_.load(memory_order_relaxed)));
    return now < 0 ? 0 : static_cast<std::size_t>(now);
  }

private:
  static constexpr std::uint64_t one_now = 1;
  static constexpr std::uint64_t one_ever = std::uint64_t{1} << 32;

  atomic<std::uint64_t> word_{0};  // the lower half: now; the upper: ever, to tell every few
};

/// Entries that a sweep has taken out, until they are dropped with no lock held.
class spent_entry_list {
public:
  /// Takes an entry that the caller has taken out of its queue, if it is spent.
  bool add_if_spent(task& t) noexcept {
    if (!t.is_spent()) return false;
    weight_ += spent_entry_count::weight_of(t.size_in_bytes());
    t.next = first_;
    first_ = &t;
    return true;
  }
  task* pop() noexcept {
    task* const t = first_;
    if (t != nullptr) first_ = t->next;
    return t;
  }
  std::size_t weight() const noexcept { return weight_; }

private:
  task* first_ = nullptr;
  std::size_t weight_ = 0;
};

}  // namespace spool::inline SPOOL_ABI::detail
