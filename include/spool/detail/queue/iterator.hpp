// spool/detail/queue/iterator.hpp · what `for (auto& item : q)` goes along
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// An input iterator that takes items from a queue until that is shut down and drained.
///
/// It takes one as late as possible, when it is compared with the end or dereferenced: so a loop over the first n takes
/// no more than n. The item goes as soon as the iterator is incremented, before it waits for the next one.
template <class Queue>
class queue_iterator {
public:
  using value_type = typename Queue::value_type;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  queue_iterator() noexcept = default;
  explicit queue_iterator(Queue& from) noexcept : queue_(&from) {}
  queue_iterator(queue_iterator&&) = default;
  /// Also for items that can be made but not assigned.
  queue_iterator& operator=(queue_iterator&& other) noexcept(std::is_nothrow_move_constructible_v<value_type>) {
    if (this == &other) return *this;
    queue_ = other.queue_;
    item_.reset();
    if (other.item_) item_.emplace(std::move(*other.item_));
    return *this;
  }

  /// Preconditions  not at the end.
  value_type& operator*() const {
    fetch();
    return *item_;
  }
  value_type* operator->() const { return std::addressof(**this); }

  queue_iterator& operator++() {
    fetch();
    item_.reset();
    return *this;
  }
  void operator++(int) { ++*this; }

  friend bool operator==(const queue_iterator& it, std::default_sentinel_t) {
    it.fetch();
    return !it.item_;
  }

private:
  void fetch() const {
    if (item_ || queue_ == nullptr) return;
    // Into its place at once: moving it there could throw, and the item be lost.
    std::destroy_at(std::addressof(item_));
    void* const place = static_cast<void*>(std::addressof(item_));
    try {
      ::new (place) std::optional<value_type>(queue_->wait_and_take());
    } catch (queue_shutdown_error const&) {
      ::new (place) std::optional<value_type>();
      queue_ = nullptr;
    } catch (...) {
      ::new (place) std::optional<value_type>();
      throw;
    }
  }

  mutable Queue* queue_ = nullptr;  // null at the end
  mutable std::optional<value_type> item_;
};

}  // namespace spool::inline SPOOL_ABI::detail
