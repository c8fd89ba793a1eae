// spool/detail/map/loop_parts.hpp · the parts of a range that the threads of a parallel loop take
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/range_access.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/mutex.hpp>

namespace spool::inline SPOOL_ABI::detail {

// Iterators are only copied, stepped, and read here. They need no default constructor and no assignment, which those that
// hold a lambda lack, and their differences need be no integers: those of 64-bit iota are classes.

/// Says of itself, in the way of C++17, that it is at least of this category.
template <class Iterator, class Tag>
concept claims_category = std::is_copy_constructible_v<Iterator> && requires(Iterator& i) {
  *i;
  ++i;
  requires std::is_base_of_v<Tag, typename std::iterator_traits<Iterator>::iterator_category>;
};

/// Copies of it go through the same elements again.
template <class Iterator>
concept multi_pass = std::forward_iterator<Iterator> || claims_category<Iterator, std::forward_iterator_tag>;

template <class Iterator>
concept reaches_any =
    std::random_access_iterator<Iterator> || claims_category<Iterator, std::random_access_iterator_tag>;

/// Any element can be reached at once, and how many there are is known.
template <class Iterator, class Sentinel>
concept indexable = (std::random_access_iterator<Iterator> && std::sized_sentinel_for<Sentinel, Iterator>) ||
                    (claims_category<Iterator, std::random_access_iterator_tag> && std::is_same_v<Iterator, Sentinel>);

/// Some elements in a row.
template <class Iterator>
struct loop_part {
  Iterator first;
  std::size_t count;
};

/// How many elements of `left` a thread takes: a share, smaller and smaller, so that all threads end at about the same
/// time; but a few more where so many are known to cost nothing, unless the end is near.
inline std::size_t part_size(std::size_t left, std::size_t sharers, std::size_t cheap) noexcept {
  return larger_of<std::size_t>(larger_of<std::size_t>(1, left / sharers), smaller_of(cheap, left / 4));
}

/// Elements still to be given out, where any of them can be reached at once.
template <class Iterator>
class indexed_parts {
public:
  template <class Sentinel>
  indexed_parts(Iterator first, Sentinel last) : first_(first), size_(static_cast<std::size_t>(last - first)) {}

  std::size_t size() const noexcept { return size_; }
  bool any_left() const noexcept { return next_.load(memory_order_relaxed) < size_; }

  /// Gives out a part of what is left to use(part).      Returns  false if nothing is left.
  template <class Use>
  bool take(std::size_t sharers, std::size_t cheap, Use&& use) {
    std::size_t at = next_.load(memory_order_relaxed);
    std::size_t count = 0;
    do {
      if (at >= size_) return false;
      count = part_size(size_ - at, sharers, cheap);
    } while (!next_.compare_exchange_weak(at, at + count, memory_order_relaxed, memory_order_relaxed));
    use(loop_part<Iterator>{first_ + static_cast<std::iter_difference_t<Iterator>>(at), count});
    return true;
  }

private:
  const Iterator first_;
  const std::size_t size_;
  alignas(cache_line) atomic<std::size_t> next_{0};  // what was given out; the elements themselves are synchronized by
                                                     // the start and the end of the loop
};

/// The same, where each must be reached from the one before.
template <class Iterator>
class walked_parts {
public:
  template <class Sentinel>
  walked_parts(Iterator first, Sentinel last) : next_(first), size_(count(first, last)), left_(size_) {}

  std::size_t size() const noexcept { return size_; }
  bool any_left() const noexcept { return left_.load(memory_order_relaxed) != 0; }

  template <class Use>
  bool take(std::size_t sharers, std::size_t cheap, Use&& use) {
    const std::size_t left = left_.load(memory_order_relaxed);
    return left != 0 && use_next(sharers, cheap, use);
  }

private:
  /// Not a word_lock: the steps of an iterator are the user's code, which may take long, and throw. It may even wait for
  /// tasks of this pool: so a worker that cannot get the lock soon lets another stand in for it.
  struct locked {
    explicit locked(mutex& m) : held(m) {
      if (held.try_lock_for(std::chrono::microseconds(100))) return;
      awaited_results nothing;
      task_wait sleep(nothing);
      while (!sleep.nap(deadline::never()).is_never()) {
        if (held.try_lock_for(std::chrono::milliseconds(10))) return;
      }
      held.lock();
    }
    ~locked() { held.unlock(); }
    locked(const locked&) = delete;
    locked& operator=(const locked&) = delete;
    mutex& held;
  };

  /// Steps over the next part under the lock, and copies where it begins.
  loop_part<Iterator> next_part(std::size_t sharers, std::size_t cheap) {
    const locked held(lock_);
    const std::size_t left = left_.load(memory_order_relaxed);
    if (left == 0) return {next_, 0};
    left_.store(0, memory_order_relaxed);  // nothing is left, should a step throw: who knows where it stands then
    const loop_part<Iterator> part{next_, part_size(left, sharers, cheap)};
    for (std::size_t i = 0; i != part.count; ++i) ++next_;
    left_.store(left - part.count, memory_order_relaxed);
    return part;
  }
  template <class Use>
  bool use_next(std::size_t sharers, std::size_t cheap, Use& use) {
    loop_part<Iterator> part = next_part(sharers, cheap);
    if (part.count == 0) return false;
    use(std::move(part));
    return true;
  }

  template <class Sentinel>
  static std::size_t count(Iterator first, Sentinel const& last) {
    if constexpr (std::sized_sentinel_for<Sentinel, Iterator>) {
      return static_cast<std::size_t>(last - first);
    } else {
      std::size_t n = 0;
      for (; first != last; ++first) ++n;
      return n;
    }
  }

  mutex lock_;  // guards the steps of next_, and is held by who changes left_
  Iterator next_;
  const std::size_t size_;
  atomic<std::size_t> left_;
};

template <class Iterator, class Sentinel>
using loop_parts = std::conditional_t<indexable<Iterator, Sentinel>, indexed_parts<Iterator>, walked_parts<Iterator>>;

}  // namespace spool::inline SPOOL_ABI::detail
