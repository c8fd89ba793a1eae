// spool/detail/timer/heap.hpp · timers that wait, the earliest first
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a timer derives from to wait in a timer_queue. All members belong to the queue, and are guarded by its lock.
struct timer_node {
  static constexpr std::uint32_t nowhere = 0;
  static constexpr std::uint32_t in_row = 1;

  std::int64_t due_ns = 0;        // on the steady clock; never before the time has come
  std::uint64_t order = 0;        // in which they came: the older of two that are due together goes first
  timer_node* earlier = nullptr;  // its neighbours, if it is in the row
  timer_node* later = nullptr;
  std::uint32_t place = nowhere;  // in_row, or its index in the heap

  friend bool operator<(const timer_node& a, const timer_node& b) noexcept {
    return a.due_ns != b.due_ns ? a.due_ns < b.due_ns : a.order < b.order;
  }
};

/// Timers by the time when they are due. Allocates nothing but in reserve(). Guarded by its owner's lock.
///
/// Most programs ask for the same delay again and again, or for none: such timers come in the order in which they are
/// due. They stand in a row, where coming and going touches only the neighbours. A newcomer that is due before the last
/// of the row sends that one to the heap and so takes its place, or follows it: a single one far in the future does not
/// spoil the row for the others.
///
/// Shape       The heap has four children to a parent, all in one cache line, and beside each node the time when it is
///             due: only nodes that move are touched themselves.
/// Complexity  In the row O(1), in the heap O(log n); each timer goes to the heap once at most.
class timer_queue {
public:
  struct entry {
    std::int64_t due_ns;
    timer_node* node;
  };
  /// Four entries that are the children of one.
  struct alignas(cache_line) family {
    entry members[4];
  };
  using storage = std::unique_ptr<family[]>;

  constexpr timer_queue() noexcept = default;
  timer_queue(const timer_queue&) = delete;
  timer_queue& operator=(const timer_queue&) = delete;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// How many have ever been put in.
  std::uint64_t arrivals() const noexcept { return arrivals_; }

  /// Whether that many more may be put in.
  bool has_room(std::size_t more) const noexcept { return size_ + more <= capacity_; }
  /// How many families the storage should have that is to be adopted when there is no room.
  std::size_t wanted_families() const noexcept { return families_ == 0 ? 16 : 2 * families_; }

  /// Uses the new storage, if it is larger than its own.      Returns  the one that is not used, to be freed without
  /// lock.
  storage adopt(storage fresh, std::size_t families) noexcept {
    if (families <= families_) return fresh;
    for (std::uint32_t i = root; i < heap_end_; ++i) at(fresh.get(), i) = at(heap_, i);
    return exchange_storage(std::move(fresh), families);
  }
  /// Gives all storage back.      Preconditions  empty().
  storage release() noexcept { return exchange_storage(nullptr, 0); }

  /// The one that is due first, null if there is none.
  timer_node* front() const noexcept {
    if (heap_end_ == root) return row_front_;
    timer_node* const top = at(heap_, root).node;
    return row_front_ != nullptr && *row_front_ < *top ? row_front_ : top;
  }

  /// Preconditions  has_room(1); the node is in no queue.
  void insert(timer_node& n) noexcept {
    n.order = ++arrivals_;
    ++size_;
    if (row_back_ != nullptr && n.due_ns < row_back_->due_ns) {
      timer_node& last = *row_back_;
      unlink(last);
      push_heap(last);
      if (row_back_ != nullptr && n.due_ns < row_back_->due_ns) {
        push_heap(n);
        return;
      }
    }
    append(n);
  }

  /// Preconditions  the node is in this queue.
  void erase(timer_node& n) noexcept {
    --size_;
    if (n.place == timer_node::in_row) {
      unlink(n);
    } else {
      erase_heap(n);
    }
    n.place = timer_node::nowhere;
  }

private:
  //  The heap's indices begin at 3, so that the children of i, 4(i-2) to 4(i-2)+3, are one family. Those below are
  //  unused, so a node's place tells where it is.
  static constexpr std::uint32_t root = 3;
  static std::uint32_t first_child(std::uint32_t i) noexcept { return 4 * (i - 2); }
  static std::uint32_t parent(std::uint32_t i) noexcept { return i / 4 + 2; }

  static entry& at(family* heap, std::uint32_t i) noexcept { return heap[i / 4].members[i % 4]; }

  static bool before(const entry& a, const entry& b) noexcept {
    return a.due_ns != b.due_ns ? a.due_ns < b.due_ns : a.node->order < b.node->order;
  }

  storage exchange_storage(storage fresh, std::size_t families) noexcept {
    storage old(heap_);
    heap_ = fresh.release();
    families_ = families;
    capacity_ = families == 0 ? 0 : 4 * families - root;
    return old;
  }

  void append(timer_node& n) noexcept {
    n.place = timer_node::in_row;
    n.earlier = row_back_;
    n.later = nullptr;
    (row_back_ != nullptr ? row_back_->later : row_front_) = &n;
    row_back_ = &n;
  }
  void unlink(timer_node& n) noexcept {
    (n.earlier != nullptr ? n.earlier->later : row_front_) = n.later;
    (n.later != nullptr ? n.later->earlier : row_back_) = n.earlier;
  }

  void put(std::uint32_t i, const entry& e) noexcept {
    at(heap_, i) = e;
    e.node->place = i;
  }
  void push_heap(timer_node& n) noexcept { sift_up(heap_end_++, {n.due_ns, &n}); }

  void sift_up(std::uint32_t i, const entry& e) noexcept {
    while (i != root) {
      const std::uint32_t up = parent(i);
      const entry above = at(heap_, up);
      if (!before(e, above)) break;
      put(i, above);
      i = up;
    }
    put(i, e);
  }

  void sift_down(std::uint32_t i, const entry& e) noexcept {
    for (;;) {
      const std::uint32_t first = first_child(i);
      if (first >= heap_end_) break;
      std::uint32_t least = first;
      for (std::uint32_t c = first + 1; c < first + 4 && c < heap_end_; ++c) {
        if (before(at(heap_, c), at(heap_, least))) least = c;
      }
      const entry below = at(heap_, least);
      if (!before(below, e)) break;
      put(i, below);
      i = least;
    }
    put(i, e);
  }

  /// The last entry takes the place of the one that goes.
  void erase_heap(timer_node& n) noexcept {
    const std::uint32_t i = n.place;
    const entry last = at(heap_, --heap_end_);
    if (last.node == &n) return;
    if (i != root && before(last, at(heap_, parent(i)))) {
      sift_up(i, last);
    } else {
      sift_down(i, last);
    }
  }

  timer_node* row_front_ = nullptr;
  timer_node* row_back_ = nullptr;
  family* heap_ = nullptr;  // owned; kept for as long as the process, if nobody calls release()
  std::size_t families_ = 0;
  std::size_t capacity_ = 0;  // so many fit in, should all of them be in the heap
  std::uint32_t heap_end_ = root;
  std::size_t size_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace spool::inline SPOOL_ABI::detail
