// spool/detail/queue/batch.hpp · items on their way out of a queue, several at a time
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <spool/detail/queue/item.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Room for entries of a store; a few need no memory from the heap.
template <class Entry>
class queue_batch {
public:
  queue_batch() noexcept {}
  queue_batch(const queue_batch&) = delete;
  queue_batch& operator=(const queue_batch&) = delete;

  std::size_t capacity() const noexcept { return many_.capacity() != 0 ? many_.capacity() : few; }
  std::size_t size() const noexcept { return size_; }
  Entry* data() noexcept { return std::launder(place(0)); }

  /// Makes room for n.      Preconditions  empty.
  void make_room(std::size_t n) {
    if (n > capacity()) many_ = cell_array<Entry>(n);
  }

  /// Preconditions  size() < capacity().
  void push_back(Entry&& e) noexcept { std::construct_at(place(size_++), std::move(e)); }

  /// Says that n entries have been made at data().      Preconditions  empty.
  void filled(std::size_t n) noexcept { size_ = n; }

private:
  static constexpr std::size_t few = sizeof(Entry) <= 32 ? 1024 / sizeof(Entry) : 32;

  Entry* place(std::size_t i) noexcept {
    return many_.capacity() != 0 ? std::addressof(many_[i]) : reinterpret_cast<Entry*>(few_) + i;
  }

  cell_array<Entry> many_;
  std::size_t size_ = 0;
  alignas(Entry) unsigned char few_[few * sizeof(Entry)];
};

}  // namespace spool::inline SPOOL_ABI::detail
