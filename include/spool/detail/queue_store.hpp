// spool/detail/queue_store.hpp · floor 3 · the order in which items leave: first in, last in, or smallest first
// SPDX-License-Identifier: MIT
//
// A store holds cells; it is guarded by its queue's lock. All three have the same members:
//
//   plan_push(item)   finds the place for an item; may throw what a comparison throws, and has changed nothing then
//   push(cell)        puts it there                                         Preconditions  planned; size() < capacity()
//   plan_pop()        finds out what taking the next one means; may throw likewise
//   next()            the item to leave next                                Preconditions  not empty
//   pop()             takes it out                                          Preconditions  planned
//   push_back_in(e)   puts an entry that was popped back to where it was    Preconditions  the same
//   adopt(array)      goes on in that array if it is larger, and leaves the old one there
//
// Memory is allocated and freed by the queue, without its lock.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <spool/detail/queue_item.hpp>

namespace spool::detail {

/// What the stores have in common: an array whose entries begin at first_, and go round; its capacity is a power of two.
template <class T, class Entry>
class queue_store {
public:
  using entry = Entry;
  using array = cell_array<Entry>;

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return array_.capacity(); }

  void adopt(array& larger) noexcept {
    if (larger.capacity() <= array_.capacity()) return;
    for (std::size_t i = 0; i < size_; ++i) larger.set(i, at(i));
    array_.swap(larger);
    first_ = 0;
  }

  /// Whether it is empty, and keeps more memory than an empty one should.
  bool has_surplus() const noexcept { return size_ == 0 && array_.capacity() > kept_bytes / sizeof(Entry) + 16; }

  /// Leaves its memory to the caller.      Preconditions  empty.
  void shed(array& surplus) noexcept { array_.swap(surplus); }

  /// Leaves its items to the caller, who calls destroy_items() there.
  void give_all(queue_store& other) noexcept {
    array_.swap(other.array_);
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
  }

  void destroy_items() noexcept {
    while (size_ != 0) {
      --size_;
      queue_item<T>::destroy(cell_of(at(size_)));
    }
  }

  static typename queue_item<T>::cell& cell_of(Entry& e) noexcept {
    if constexpr (std::is_same_v<Entry, typename queue_item<T>::cell>) {
      return e;
    } else {
      return e.item;
    }
  }

  queue_store() noexcept = default;

protected:
  static constexpr std::size_t kept_bytes = 64 * 1024;

  Entry& at(std::size_t i) noexcept { return array_[(first_ + i) & (array_.capacity() - 1)]; }
  void set(std::size_t i, Entry& e) noexcept { array_.set((first_ + i) & (array_.capacity() - 1), e); }

  array array_;
  std::size_t first_ = 0;  // counts on and on, also below 0; stays 0 but in a ring
  std::size_t size_ = 0;
};

/// First in, first out: a ring.
template <class T>
class fifo_store : public queue_store<T, typename queue_item<T>::cell> {
public:
  using cell = typename queue_item<T>::cell;

  void plan_push(const T&) noexcept {}
  void push(cell& c) noexcept { this->set(this->size_++, c); }
  void plan_pop() noexcept {}
  T& next() noexcept { return queue_item<T>::value_of(this->at(0)); }
  cell pop() noexcept {
    cell& taken = this->at(0);
    ++this->first_;
    --this->size_;
    return std::move(taken);
  }
  void push_back_in(cell& c) noexcept {
    --this->first_;
    ++this->size_;
    this->set(0, c);
  }
};

/// Last in, first out: a stack.
template <class T>
class lifo_store : public queue_store<T, typename queue_item<T>::cell> {
public:
  using cell = typename queue_item<T>::cell;

  void plan_push(const T&) noexcept {}
  void push(cell& c) noexcept { this->set(this->size_++, c); }
  void plan_pop() noexcept {}
  T& next() noexcept { return queue_item<T>::value_of(this->array_[this->size_ - 1]); }
  cell pop() noexcept { return std::move(this->array_[--this->size_]); }
  void push_back_in(cell& c) noexcept { push(c); }
};

/// An item and when it was put.
template <class Cell>
struct aged_cell {
  Cell item;
  std::uint64_t age;  // the smaller, the older
};

/// Smallest first, of equal ones the oldest: a binary heap.
///
/// Its invariant: no entry comes before its parent. Comparisons may throw: so a plan compares and remembers the path, and
/// only then the entries are moved along that path.
template <class T, class Compare>
class priority_store : public queue_store<T, aged_cell<typename queue_item<T>::cell>> {
public:
  using cell = typename queue_item<T>::cell;
  using entry = aged_cell<cell>;

  explicit priority_store(Compare compare) : compare_(std::move(compare)) {}

  void plan_push(const T& item) {
    std::size_t hole = this->size_;
    while (hole != 0 && compare_(item, value_at((hole - 1) / 2))) hole = (hole - 1) / 2;
    hole_ = hole;
  }
  void push(cell& c) noexcept {
    entry e{std::move(c), next_age_++};
    fill_hole(e);
  }

  /// The gap that the first one leaves sinks to the bottom, each time to the child that leaves first, then climbs to where
  /// the last entry fits in: most often that is near the bottom.
  void plan_pop() {
    const std::size_t last = this->size_ - 1;
    std::size_t hole = 0;
    for (std::size_t child = 1; child < last; child = 2 * hole + 1) {
      if (child + 1 < last) child += before(child + 1, child) ? 1 : 0;
      hole = child;
    }
    while (hole != 0 && before(last, hole)) hole = (hole - 1) / 2;
    hole_ = hole;
  }
  T& next() noexcept { return value_at(0); }
  entry pop() noexcept {
    entry taken = std::move(this->array_[0]);
    // Counted from 1, the way from the root to a node is the node's number, bit by bit.
    const std::size_t end = hole_ + 1;
    for (int level = static_cast<int>(std::bit_width(end)) - 1; level > 0; --level) {
      this->array_.set((end >> level) - 1, this->array_[(end >> (level - 1)) - 1]);
    }
    if (--this->size_ != 0) this->array_.set(hole_, this->array_[this->size_]);
    return taken;
  }

  void push_back_in(entry& e) noexcept {
    hole_ = this->size_;
    try {
      std::size_t hole = this->size_;
      while (hole != 0 && before(e, this->array_[(hole - 1) / 2])) hole = (hole - 1) / 2;
      hole_ = hole;
    } catch (...) {
      // At the end of the heap it may leave later than it should, but is not lost.
    }
    fill_hole(e);
  }

private:
  T& value_at(std::size_t i) noexcept { return queue_item<T>::value_of(this->array_[i].item); }

  /// Whether a leaves before b: one comparison, whichever is older.
  bool before(entry& a, entry& b) {
    const T& x = queue_item<T>::value_of(a.item);
    const T& y = queue_item<T>::value_of(b.item);
    if constexpr (std::is_arithmetic_v<T>) {  // two comparisons cost less than a wrong guess
      const unsigned less = compare_(x, y) ? 1 : 0;
      const unsigned greater = compare_(y, x) ? 1 : 0;
      const unsigned older = a.age < b.age ? 1 : 0;
      return (less | (~greater & older)) != 0;
    }
    return a.age < b.age ? !compare_(y, x) : static_cast<bool>(compare_(x, y));
  }
  bool before(std::size_t a, std::size_t b) { return before(this->array_[a], this->array_[b]); }

  /// Moves the entries on the way from hole_ to the end down by one, and puts e there.
  void fill_hole(entry& e) noexcept {
    for (std::size_t at = this->size_++; at != hole_; at = (at - 1) / 2) {
      this->array_.set(at, this->array_[(at - 1) / 2]);
    }
    this->array_.set(hole_, e);
  }

  [[no_unique_address]] Compare compare_;
  std::uint64_t next_age_ = 0;
  std::size_t hole_ = 0;  // planned: where the new one goes; or the last one, when the first has left
};

}  // namespace spool::detail
