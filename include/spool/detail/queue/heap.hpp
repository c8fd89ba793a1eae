// spool/detail/queue/heap.hpp · the order in which items leave a priority_queue: smallest first
// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>  // std::less, too
#include <type_traits>
#include <utility>

#include <spool/detail/queue/item.hpp>
#include <spool/detail/queue/store.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Whether Compare says which of two items is the smaller; std::less claims so of all types, and asks for their <.
template <class T, class Compare>
concept is_order = requires(Compare& compare, const T& a, const T& b) { static_cast<bool>(compare(a, b)); } &&
                   (!(std::is_same_v<Compare, std::less<T>> || std::is_same_v<Compare, std::less<>>) ||
                    requires(const T& a, const T& b) { static_cast<bool>(a < b); });

/// An item and when it was put.
template <class Cell>
struct aged_cell {
  Cell item;
  std::uint64_t age;  // the smaller, the older
};

/// Numbers in their own order: equal ones cannot be told apart, so that it does not matter which of them leaves first.
template <class T, class Compare>
inline constexpr bool equal_is_same =
    std::is_integral_v<T> && (std::is_same_v<Compare, std::less<T>> || std::is_same_v<Compare, std::less<>>);

template <class Cell>
struct ageless_cell {
  Cell item;
};

template <class T, class Compare, class Cell = typename queue_item<T>::cell>
using ranked_cell = std::conditional_t<equal_is_same<T, Compare>, ageless_cell<Cell>, aged_cell<Cell>>;

/// Smallest first, of equal ones the oldest: a binary heap.
///
/// Its invariant: no entry comes before its parent. Comparisons may throw: so a plan compares and remembers the path, and
/// only then the entries are moved along that path.
template <class T, class Compare>
class priority_store : public queue_store<T, ranked_cell<T, Compare>> {
public:
  using cell = typename queue_item<T>::cell;
  using entry = ranked_cell<T, Compare>;

  explicit priority_store(Compare compare) : compare_(std::move(compare)) {}

  void plan_push(const T& item) {
    std::size_t hole = this->size_;
    while (hole != 0 && leaves_before(item, value_at((hole - 1) / 2))) hole = (hole - 1) / 2;
    hole_ = hole;
  }
  void push(cell& c) noexcept {
    if constexpr (equal_is_same<T, Compare>) {
      entry e{std::move(c)};
      fill_hole(e);
    } else {
      entry e{std::move(c), next_age_++};
      fill_hole(e);
    }
  }

  /// The gap that the first one leaves sinks to the bottom, each time to the child that leaves first, then climbs to where
  /// the last entry fits in: most often that is near the bottom.
  void plan_pop() {
    const std::size_t last = this->size_ - 1;
    std::size_t hole = 0;
    for (std::size_t child = 1; child < last; child = 2 * hole + 1) {
      if (child + 1 < last) child += before(child + 1, child) ? 1U : 0U;
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

  bool leaves_before(const T& a, const T& b) {
    static_assert(
        is_order<T, Compare>,
        "spool: priority_queue<T, Compare> needs a Compare that can be called with two T const& and gives a bool, "
        "by default T's operator<");
    if constexpr (is_order<T, Compare>) return static_cast<bool>(compare_(a, b));
    return false;
  }

  /// Whether a leaves before b: one comparison, whichever is older.
  bool before(entry& a, entry& b) {
    const T& x = queue_item<T>::value_of(a.item);
    const T& y = queue_item<T>::value_of(b.item);
    if constexpr (equal_is_same<T, Compare>) {
      return leaves_before(x, y);
    } else if constexpr (std::is_arithmetic_v<T>) {  // two comparisons cost less than a wrong guess
      const unsigned less = leaves_before(x, y) ? 1 : 0;
      const unsigned greater = leaves_before(y, x) ? 1 : 0;
      const unsigned older = a.age < b.age ? 1 : 0;
      return (less | (~greater & older)) != 0;
    } else {
      return a.age < b.age ? !leaves_before(y, x) : leaves_before(x, y);
    }
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

}  // namespace spool::inline SPOOL_ABI::detail
