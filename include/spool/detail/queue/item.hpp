// spool/detail/queue/item.hpp · how an item lies in a queue: itself, or in a block of its own
// SPDX-License-Identifier: MIT
//
// What a queue moves about under its lock are cells, which are trivial to copy: so no store ever throws while it moves
// them, nor runs a line of the user's. Ints and other trivial items are their own cells. Any other item lies in a
// block, where it stays until it is taken, and its cell is the block's address.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <spool/detail/registry/block_cache.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Not one that is const or volatile: there is no memory to be allocated for such.
template <class T>
inline constexpr bool is_its_own_cell =
    std::is_trivially_copyable_v<T> && std::is_trivially_move_constructible_v<T> &&
    std::is_trivially_destructible_v<T> && sizeof(T) <= 64 && std::is_same_v<T, std::remove_cv_t<T>>;

/// Whether this is one lvalue of an item, of a type that cannot be copied.
template <class T, class... Given>
concept uncopied =
    sizeof...(Given) == 1 && (std::is_same_v<std::remove_const_t<Given>, T> && ...) && !std::is_copy_constructible_v<T>;

/// Whether items can be assigned to *out++.
template <class Out, class T>
concept takes_items = requires(Out& out, T&& item) {
  *out = std::move(item);
  ++out;
};

/// A place for one item that is about to be put: made before the lock, filled before it or under it.
template <class T, bool = is_its_own_cell<T>>
class queue_item {
public:
  using cell = T;

  queue_item() noexcept {}
  queue_item(const queue_item&) = delete;
  queue_item& operator=(const queue_item&) = delete;

  template <class... Args>
  void fill(Args&&... args) {
    std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
  }
  const T& value() const noexcept { return value_; }

  /// What to put into the store; then released() follows.      Preconditions  filled.
  cell& as_cell() noexcept { return value_; }
  void released() noexcept {}

  static T& value_of(cell& c) noexcept { return c; }
  static void destroy(cell&) noexcept {}

private:
  union {
    T value_;
  };
};

template <class T>
class queue_item<T, false> {
  struct block : recycled_block {
    block() noexcept {}
    ~block() {}
    union {
      T value;
    };
  };

public:
  using cell = block*;

  queue_item() : block_(new block) {}
  queue_item(const queue_item&) = delete;
  queue_item& operator=(const queue_item&) = delete;
  ~queue_item() {
    if (filled_) std::destroy_at(std::addressof(block_->value));
    delete block_;
  }

  template <class... Args>
  void fill(Args&&... args) {
    std::construct_at(std::addressof(block_->value), std::forward<Args>(args)...);
    filled_ = true;
  }
  const T& value() const noexcept { return block_->value; }

  cell& as_cell() noexcept { return block_; }
  void released() noexcept {
    filled_ = false;
    block_ = nullptr;
  }

  static T& value_of(cell c) noexcept { return c->value; }
  static void destroy(cell c) noexcept {
    std::destroy_at(std::addressof(c->value));
    delete c;
  }

private:
  block* block_;
  bool filled_ = false;
};

/// An array of cells that are not there yet; owns the memory only.
template <class Cell>
class cell_array {
public:
  cell_array() noexcept = default;
  explicit cell_array(std::size_t capacity) : cells_(std::allocator<Cell>().allocate(capacity)), capacity_(capacity) {}
  cell_array(cell_array&& other) noexcept { swap(other); }
  cell_array& operator=(cell_array&& other) noexcept {
    swap(other);
    return *this;
  }
  ~cell_array() {
    if (cells_ != nullptr) std::allocator<Cell>().deallocate(cells_, capacity_);
  }

  std::size_t capacity() const noexcept { return capacity_; }
  Cell& operator[](std::size_t i) noexcept { return cells_[i]; }
  void set(std::size_t i, Cell& c) noexcept { std::construct_at(cells_ + i, std::move(c)); }

  /// Puts `n` cells that lie in a row elsewhere at i and behind; the same the other way.
  void set_row(std::size_t i, const Cell* from, std::size_t n) noexcept {
    move_row(cells_ + i, const_cast<Cell*>(from), n);
  }
  void get_row(std::size_t i, Cell* to, std::size_t n) noexcept { move_row(to, cells_ + i, n); }

  void swap(cell_array& other) noexcept {
    std::swap(cells_, other.cells_);
    std::swap(capacity_, other.capacity_);
  }

private:
  static void move_row(Cell* to, Cell* from, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) std::construct_at(to + i, std::move(from[i]));
  }

  Cell* cells_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace spool::inline SPOOL_ABI::detail
