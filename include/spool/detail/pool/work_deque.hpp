// spool/detail/pool/work_deque.hpp · a worker's own tasks: it works at one end, thieves at the other
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/pool/task.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// One owner pushes and pops at the bottom, newest first; any thread steals at the top, oldest first.
///
/// Invariant  The tasks are at the indices top <= i < bottom, each in slot i modulo the ring's size. Only the owner
///            moves bottom; top only grows, by CAS, and who moves it past i has taken task i. The owner takes the last
///            task by the same CAS, so that it has one taker.
/// Orders     All of top and bottom is sequentially consistent: the owner writes bottom and then reads top, a thief reads
///            top and then bottom. (A) the write of bottom releases the task, (B) the thief's read of it acquires.
/// Shape      Grows without bound; old rings stay until the end, as thieves may still read them.
/// Source     Chase and Lev, "Dynamic circular work-stealing deque"; without fences, which TSan cannot see.
class work_deque {
public:
  work_deque() {
    rings_.push_back(std::make_unique<ring>(256)), ring_.store(rings_.back().get(), memory_order_relaxed);
  }
  work_deque(const work_deque&) = delete;
  work_deque& operator=(const work_deque&) = delete;

  /// Whether a thief would find nothing. Any thread.
  bool empty() const noexcept { return top_.load(memory_order_seq_cst) >= bottom_.load(memory_order_seq_cst); }

  /// How many tasks there are, or were a moment ago. Any thread.
  std::size_t size() const noexcept {
    const std::int64_t top = top_.load(memory_order_seq_cst);  // first, as both only grow while nobody pops
    const std::int64_t bottom = bottom_.load(memory_order_seq_cst);
    return bottom > top ? static_cast<std::size_t>(bottom - top) : 0;
  }

  /// Owner only.      Returns  false, nothing pushed, if there is no memory to grow.
  bool push(task& t) noexcept {
    const std::int64_t bottom = bottom_.load(memory_order_relaxed);
    ring* r = ring_.load(memory_order_relaxed);
    if (bottom - top_seen_ >= r->size()) {
      top_seen_ = top_.load(memory_order_acquire);
      if (bottom - top_seen_ >= r->size() && (r = grow(*r, bottom)) == nullptr) return false;
    }
    r->at(bottom).store(&t, memory_order_relaxed);
    bottom_.store(bottom + 1, memory_order_seq_cst);  // (A)
    return true;
  }

  /// Owner only. Pushes a few in one write.      Preconditions  empty() for the owner, and n at most the first ring's size.
  void push_all(task* const* first, std::size_t n) noexcept {
    const std::int64_t bottom = bottom_.load(memory_order_relaxed);
    ring* r = ring_.load(memory_order_relaxed);
    for (std::size_t i = 0; i < n; ++i) {
      r->at(bottom + static_cast<std::int64_t>(i)).store(first[i], memory_order_relaxed);
    }
    bottom_.store(bottom + static_cast<std::int64_t>(n), memory_order_seq_cst);  // (A)
  }

  /// Owner only.      Returns  the newest task; null if there is none.
  task* pop() noexcept {
    const std::int64_t last = bottom_.load(memory_order_relaxed) - 1;
    if (last < top_seen_) return nullptr;  // top never falls: surely empty
    bottom_.store(last, memory_order_seq_cst);
    const std::int64_t top = top_.load(memory_order_seq_cst);
    top_seen_ = top;
    if (top < last) return ring_.load(memory_order_relaxed)->at(last).load(memory_order_relaxed);
    task* taken = nullptr;
    if (top == last) {
      std::int64_t expected = top;
      taken = ring_.load(memory_order_relaxed)->at(last).load(memory_order_relaxed);
      if (!top_.compare_exchange_strong(expected, top + 1, memory_order_seq_cst, memory_order_relaxed)) taken = nullptr;
      top_seen_ = top + 1;
    }
    bottom_.store(last + 1, memory_order_relaxed);
    return taken;
  }

  /// Owner only. Takes the newest task if it is this one.      Returns  whether it did.
  bool pop_if(const task& wanted) noexcept {
    const std::int64_t last = bottom_.load(memory_order_relaxed) - 1;
    if (last < top_seen_ || ring_.load(memory_order_relaxed)->at(last).load(memory_order_relaxed) != &wanted)
      return false;
    return pop() != nullptr;
  }

  /// Any thread.      Returns  the oldest task; null if there is none, or if another took it just now.
  task* steal() noexcept {
    std::int64_t top = top_.load(memory_order_seq_cst);
    if (top >= bottom_.load(memory_order_seq_cst)) return nullptr;  // (B)
    task* t = ring_.load(memory_order_acquire)->at(top).load(memory_order_relaxed);
    if (!top_.compare_exchange_strong(top, top + 1, memory_order_seq_cst, memory_order_relaxed)) return nullptr;
    return t;
  }

private:
  class ring {
  public:
    explicit ring(std::int64_t size) : mask_(size - 1), slots_(new atomic<task*>[static_cast<std::size_t>(size)]) {}
    std::int64_t size() const noexcept { return mask_ + 1; }
    atomic<task*>& at(std::int64_t i) noexcept { return slots_[static_cast<std::size_t>(i & mask_)]; }

  private:
    const std::int64_t mask_;
    const std::unique_ptr<atomic<task*>[]> slots_;
  };

  SPOOL_COLD ring* grow(ring& old, std::int64_t bottom) noexcept {
    try {
      auto larger = std::make_unique<ring>(2 * old.size());
      for (std::int64_t i = top_seen_; i < bottom; ++i) {
        larger->at(i).store(old.at(i).load(memory_order_relaxed), memory_order_relaxed);
      }
      rings_.push_back(std::move(larger));
    } catch (std::bad_alloc const&) {
      return nullptr;
    }
    ring_.store(rings_.back().get(), memory_order_release);
    return rings_.back().get();
  }

  alignas(cache_line) atomic<std::int64_t> top_{0};     // written by thieves
  alignas(cache_line) atomic<std::int64_t> bottom_{0};  // written by the owner, as all below
  atomic<ring*> ring_{nullptr};
  std::int64_t top_seen_ = 0;  // no larger than top: spares the owner a look at the thieves' line
  std::vector<std::unique_ptr<ring>> rings_;
};

}  // namespace spool::inline SPOOL_ABI::detail
