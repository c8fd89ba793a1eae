// spool/detail/pool/lane.hpp · one of the queues for tasks from outside the pool
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/pool/spent_entries.hpp>
#include <spool/detail/pool/task.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// First in, first out, linked through the tasks themselves: a push allocates nothing and so cannot fail.
///
/// Each thread outside keeps to one lane, so that its tasks start in its order; threads on different lanes do not meet.
/// A lane is two queues: tasks come into `in`, whose lock is held for a few instructions only, and leave from `out`, to
/// which a taker moves all of `in` at once. To walk a batch, whose cache lines are the producer's, keeps no producer
/// waiting that way: measured, 0.2 to 0.8 of the time of one queue.
///
/// Each lock and its note, which says how many tasks there are, are one word, sequentially consistent, which is what the
/// pool's protocol of sleeping needs (word.hpp). Tasks move from `in` to `out` while both are locked, and who looks
/// whether the lane is empty looks at `in` first: a task that moves is seen in one of the two.
class alignas(cache_line) lane {
public:
  /// Registers a task that will be pushed, or withdrawn. Counted apart, as the task is still to be made.
  void admit() noexcept { admitted_.fetch_add(1, memory_order_seq_cst); }
  std::uint64_t admitted() const noexcept { return admitted_.load(memory_order_seq_cst); }

  // A push in three steps, so that the pusher can look at the pool while the lane, and with it the pool, cannot end.
  void lock() noexcept { in_.lock.lock(); }
  void append(task& t) noexcept {
    t.next = nullptr;
    in_.append(&t, &t, 1);
  }
  void unlock() noexcept { in_.unlock(); }

  /// False also while someone is at work inside: a task may just be coming.
  bool empty() const noexcept { return in_.lock.untouched() && out_.lock.untouched(); }

  /// Takes up to `most` of the oldest tasks: one while there are few, so that they start in the order they came; of many,
  /// a quarter of a fair share.
  /// Returns  the oldest, the others linked behind it; null if there is none.
  task* take(std::size_t most, std::size_t sharers) noexcept {
    if (empty()) return nullptr;
    out_.lock.lock();
    if (out_.size < 4 * sharers * most && in_.lock.note() != 0) fetch();
    task* const oldest = out_.first;
    if (out_.size != 0) {
      std::size_t wanted = larger_of<std::size_t>(1, smaller_of(most, out_.size / (4 * sharers)));
      out_.size -= wanted;
      task* last = oldest;
      while (--wanted != 0) last = last->next;
      out_.first = std::exchange(last->next, nullptr);
    }
    out_.unlock();
    return oldest;
  }

  /// Takes this task if it is the oldest.      Returns  whether it did.
  bool take_if_oldest(const task& wanted) noexcept {
    if (empty()) return false;
    out_.lock.lock();
    if (out_.size == 0) fetch();
    const bool oldest = out_.size != 0 && out_.first == &wanted;
    if (oldest) {
      out_.first = std::exchange(out_.first->next, nullptr);
      --out_.size;
    }
    out_.unlock();
    return oldest;
  }

  /// Takes out all entries that are spent; the others stay in their order. Holds up those who take, not those who push.
  void remove_spent(spent_entry_list& found) noexcept {
    if (empty()) return;
    out_.lock.lock();
    fetch();
    task** link = &out_.first;
    task* last = nullptr;
    while (task* const t = *link) {
      task* const behind = t->next;
      if (found.add_if_spent(*t)) {
        *link = behind;
        --out_.size;
      } else {
        last = t;
        link = &t->next;
      }
    }
    out_.last = last;
    out_.unlock();
  }

private:
  struct list {
    void append(task* head, task* tail, std::size_t n) noexcept {
      (size == 0 ? first : last->next) = head;
      last = tail;
      size += n;
    }
    void unlock() noexcept { lock.unlock(static_cast<std::uint32_t>(smaller_of<std::size_t>(size, (1U << 30) - 1))); }

    word_lock lock;  // guards the rest
    std::size_t size = 0;
    task* first = nullptr;  // null if there is none
    task* last = nullptr;   // meaningless if there is none
  };

  /// Moves all that has come in.      Preconditions  out_ is locked.
  void fetch() noexcept {
    in_.lock.lock();
    task* const first = std::exchange(in_.first, nullptr);
    const std::size_t size = std::exchange(in_.size, 0);
    task* const last = in_.last;
    in_.unlock();
    if (size != 0) out_.append(first, last, size);
  }

  list in_;
  atomic<std::uint64_t> admitted_{0};  // with in_, as the same threads write it
  alignas(cache_line) list out_;
};

}  // namespace spool::inline SPOOL_ABI::detail
