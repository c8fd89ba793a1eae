// spool/detail/queue/store.hpp · the order in which items leave: first in, or last in, first
// SPDX-License-Identifier: MIT
//
// A store holds cells; it is guarded by its queue's lock. These two and the heap have the same members:
//
//   plan_push(item)   finds the place for an item; may throw what a comparison throws, and has changed nothing then
//   push(cell)        puts it there                                         Preconditions  planned; size() < capacity()
//   plan_pop()        finds out what taking the next one means; may throw likewise
//   next()            the item to leave next                                Preconditions  not empty
//   pop()             takes it out                                          Preconditions  planned
//   push_row, pop_row (those without comparisons): the same for n cells that lie in a row elsewhere
//   push_back_in(e)   puts an entry that was popped back to where it was    Preconditions  the same
//   adopt(array)      goes on in that array if it is larger, and leaves the old one there
//
// Memory is allocated and freed by the queue, without its lock. An array that is full is exchanged for one of twice the
// size, one that is less than an eighth full for one that is then half full or less: so between two exchanges there are
// at least as many puts or gets as the exchange moves entries, and no alternation of the two makes it go to and fro.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/queue/item.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What the stores have in common: an array whose entries begin at first_, and go round; its capacity is a power of two.
template <class T, class Entry>
class queue_store {
public:
  using entry = Entry;
  using array = cell_array<Entry>;

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return array_.capacity(); }

  void adopt(array& larger) noexcept {
    if (larger.capacity() > array_.capacity()) move_to(larger);
  }

  /// Whether its memory is far too much for what lies in it and `more` entries.
  bool is_sparse(std::size_t more) const noexcept { return size_ + more < sparse_below_; }

  /// How large an array would do better.      Preconditions  is_sparse(more).
  std::size_t better_capacity(std::size_t more) const noexcept {
    return std::bit_ceil(larger_of(2 * (size_ + more), most_kept / 2));
  }

  /// Goes on in that array if it does better, and leaves the old one there. One without room says that there is no memory
  /// for such: then the store is sparse again only when half of what is there now has left.
  void adopt_smaller(array& smaller, std::size_t more) noexcept {
    if (!is_sparse(more)) return;
    if (smaller.capacity() == 0) {
      sparse_below_ = (size_ + more) / 2;
    } else if (size_ + more <= smaller.capacity() && smaller.capacity() < array_.capacity()) {
      move_to(smaller);
    }
  }

  /// Whether it is empty, and keeps more memory than an empty one should.
  bool has_surplus() const noexcept { return size_ == 0 && array_.capacity() > most_kept; }

  /// Leaves its memory to the caller.      Preconditions  empty.
  void shed(array& surplus) noexcept { move_to(surplus); }

  /// Leaves its items to the caller, who calls destroy_items() there.
  void give_all(queue_store& other) noexcept {
    array_.swap(other.array_);
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
    std::swap(sparse_below_, other.sparse_below_);
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
  /// An array of so many entries is kept, however few there are.
  static constexpr std::size_t most_kept = 64 * 1024 / sizeof(Entry) + 16;

  Entry& at(std::size_t i) noexcept { return array_[(first_ + i) & (array_.capacity() - 1)]; }
  void set(std::size_t i, Entry& e) noexcept { array_.set((first_ + i) & (array_.capacity() - 1), e); }

  array array_;
  std::size_t first_ = 0;  // counts on and on, also below 0; stays 0 but in a ring
  std::size_t size_ = 0;

private:
  void move_to(array& other) noexcept {
    for (std::size_t i = 0; i < size_; ++i) other.set(i, at(i));
    array_.swap(other);
    first_ = 0;
    sparse_below_ = array_.capacity() > most_kept ? array_.capacity() / 8 : 0;
  }

  std::size_t sparse_below_ = 0;  // with fewer entries a smaller array is looked for; 0: never
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
  void push_row(const cell* from, std::size_t n) noexcept {
    const std::size_t begin = (this->first_ + this->size_) & (this->capacity() - 1);
    const std::size_t before_end = smaller_of(n, this->capacity() - begin);
    this->array_.set_row(begin, from, before_end);
    this->array_.set_row(0, from + before_end, n - before_end);
    this->size_ += n;
  }
  void pop_row(cell* to, std::size_t n) noexcept {
    const std::size_t begin = this->first_ & (this->capacity() - 1);
    const std::size_t before_end = smaller_of(n, this->capacity() - begin);
    this->array_.get_row(begin, to, before_end);
    this->array_.get_row(0, to + before_end, n - before_end);
    this->first_ += n;
    this->size_ -= n;
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
  void push_row(const cell* from, std::size_t n) noexcept {
    this->array_.set_row(this->size_, from, n);
    this->size_ += n;
  }
  void pop_row(cell* to, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) std::construct_at(to + i, pop());
  }
  void push_back_in(cell& c) noexcept { push(c); }
};

}  // namespace spool::inline SPOOL_ABI::detail
