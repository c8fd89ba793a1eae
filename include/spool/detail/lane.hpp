// spool/detail/lane.hpp · floor 6 · one of the queues for tasks from outside the pool
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <spool/detail/atomic.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/task.hpp>
#include <spool/detail/word_lock.hpp>

namespace spool::detail {

/// First in, first out, linked through the tasks themselves: a push allocates nothing and so cannot fail.
///
/// Each thread outside keeps to one lane, so that its tasks start in its order; threads on different lanes do not meet.
/// The lock's note says how many tasks there are; lock and note are one word, sequentially consistent, which is what the
/// pool's protocol of sleeping needs (pool_word.hpp).
class alignas(cache_line) lane {
public:
  /// Registers a task that will be pushed, or withdrawn. Counted apart, as the task is still to be made.
  void admit() noexcept { admitted_.fetch_add(1, memory_order_seq_cst); }
  std::uint64_t admitted() const noexcept { return admitted_.load(memory_order_seq_cst); }

  // A push in three steps, so that the pusher can look at the pool while the lane, and with it the pool, cannot end.
  void lock() noexcept { lock_.lock(); }
  void append(task& t) noexcept {
    t.next = nullptr;
    (size_ == 0 ? first_ : last_->next) = &t;
    last_ = &t;
    ++size_;
  }
  void unlock() noexcept { lock_.unlock(note_of(size_)); }

  /// False also while someone is at work inside: a task may just be coming.
  bool empty() const noexcept { return lock_.untouched(); }

  /// Takes up to `most` of the oldest tasks: one while there are few, so that they start in the order they came; of many,
  /// a quarter of a fair share.
  /// Returns  the oldest, the others linked behind it; null if there is none.
  task* take(std::size_t most, std::size_t sharers) noexcept {
    if (empty()) return nullptr;
    lock();
    if (size_ == 0) {
      unlock();
      return nullptr;
    }
    task* const oldest = first_;
    std::size_t wanted = std::max<std::size_t>(1, std::min(most, size_ / (4 * sharers)));
    size_ -= wanted;
    task* last = oldest;
    while (--wanted != 0) last = last->next;
    first_ = last->next;
    last->next = nullptr;
    unlock();
    return oldest;
  }

private:
  static std::uint32_t note_of(std::size_t size) noexcept {
    return static_cast<std::uint32_t>(std::min<std::size_t>(size, (1U << 30) - 1));
  }

  word_lock lock_;
  std::size_t size_ = 0;  // this and the next two guarded by lock_
  task* first_ = nullptr;
  task* last_ = nullptr;
  atomic<std::uint64_t> admitted_{0};
};

}  // namespace spool::detail
