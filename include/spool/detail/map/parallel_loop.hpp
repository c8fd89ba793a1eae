// spool/detail/map/parallel_loop.hpp · how for_each shares a range among threads
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/range_access.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/future.hpp>
#include <spool/mutex.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Elements still to be given out, where any of them can be reached at once.
template <class Iterator>
class indexed_chunks {
public:
  template <class Sentinel>
  indexed_chunks(Iterator first, Sentinel last) : first_(first), size_(static_cast<std::size_t>(last - first)) {}

  std::size_t size() const noexcept { return size_; }

  /// Gives out a part of what is left, smaller and smaller, so that all threads end at about the same time.
  /// Returns  false if nothing is left.
  bool take(std::size_t sharers, Iterator& from, Iterator& to) {
    std::size_t at = next_.load(memory_order_relaxed);
    std::size_t count = 0;
    do {
      if (at >= size_) return false;
      count = larger_of<std::size_t>(1, (size_ - at) / sharers);
    } while (!next_.compare_exchange_weak(at, at + count, memory_order_relaxed, memory_order_relaxed));
    from = first_ + static_cast<std::iter_difference_t<Iterator>>(at);
    to = from + static_cast<std::iter_difference_t<Iterator>>(count);
    return true;
  }

private:
  const Iterator first_;
  const std::size_t size_;
  alignas(cache_line) atomic<std::size_t> next_{0};  // what was given out; the elements themselves are synchronized by
                                                     // the start and the end of the loop
};

/// The same, where each must be reached from the one before.
template <class Iterator, class Sentinel>
class walked_chunks {
public:
  walked_chunks(Iterator first, Sentinel last)
      : next_(first), left_(static_cast<std::size_t>(std::ranges::distance(first, last))), size_(left_) {}

  std::size_t size() const noexcept { return size_; }

  bool take(std::size_t sharers, Iterator& from, Iterator& to) {
    const locked held(lock_);
    if (left_ == 0) return false;
    const std::size_t left = std::exchange(left_, 0);  // nothing, should a step throw: who knows where it stands then
    const std::size_t count = larger_of<std::size_t>(1, left / sharers);
    from = next_;
    std::advance(next_, static_cast<std::iter_difference_t<Iterator>>(count));
    to = next_;
    left_ = left - count;
    return true;
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

  mutex lock_;  // guards the next two
  Iterator next_;
  std::size_t left_;
  const std::size_t size_;
};

/// One loop over a range, in which several threads take part. Lives on the stack of the caller, who ends last.
template <class Chunks, class Iterator, class F>
class parallel_loop {
public:
  template <class Sentinel>
  parallel_loop(Iterator first, Sentinel last, F& f, std::size_t threads)
      : chunks_(first, last), f_(f), sharers_(4 * threads) {}

  std::size_t size() const noexcept { return chunks_.size(); }

  /// Takes part until nothing is left. What f throws first ends the loop for all.
  void work() noexcept {
    std::exception_ptr thrown;
    try {
      Iterator from = Iterator();
      Iterator to = Iterator();
      while (!has_thrown_.load(memory_order_relaxed) && chunks_.take(sharers_, from, to)) call_each(from, to);
      return;
    } catch (...) {
      thrown = std::current_exception();
    }
    has_thrown_.store(true, memory_order_relaxed);
    word_guard held(lock_);
    if (first_thrown_ == nullptr) std::swap(first_thrown_, thrown);
  }

  /// Preconditions  nobody works any more.
  void rethrow() {
    if (first_thrown_ != nullptr) std::rethrow_exception(std::move(first_thrown_));
  }

private:
  template <class Element>
  void call(Element&& element) {
    if constexpr (std::is_member_pointer_v<std::remove_cv_t<F>>) {
      std::apply(f_, std::forward_as_tuple(std::forward<Element>(element)));
    } else {
      f_(std::forward<Element>(element));
    }
  }

  /// Calls f on each of a part, until one is seen to have thrown. A look at every element would keep the compiler from
  /// working on several at once, where they lie in a row: there it looks between a fixed few, which it can unroll.
  void call_each(Iterator from, const Iterator& to) {
    if constexpr (std::random_access_iterator<Iterator>) {
      while (to - from >= in_a_row && !has_thrown_.load(memory_order_relaxed)) {
        for (int i = 0; i < in_a_row; ++i, ++from) call(*from);
      }
    }
    for (; from != to && !has_thrown_.load(memory_order_relaxed); ++from) call(*from);
  }

  static constexpr int in_a_row = 16;

  Chunks chunks_;
  F& f_;
  const std::size_t sharers_;       // the larger, the smaller the parts
  atomic<bool> has_thrown_{false};  // what has not begun when a thread sees it is skipped
  word_lock lock_;
  std::exception_ptr first_thrown_;  // guarded by lock_ while threads work
};

template <class Iterator, class Sentinel>
using chunks_for =
    std::conditional_t<std::random_access_iterator<Iterator> && std::sized_sentinel_for<Sentinel, Iterator>,
                       indexed_chunks<Iterator>, walked_chunks<Iterator, Sentinel>>;

/// Whether for_each can run f on the elements of a range, out of their order.
template <class Range, class F>
concept loopable = requires(std::remove_reference_t<Range>& range) {
  requires std::forward_iterator<decltype(begin_of(range))>;
  requires std::is_invocable_v<std::remove_reference_t<F>&, decltype(*begin_of(range))>;
  end_of(range);
};

/// Runs f on every element: in the calling thread, and in up to so many helpers as `try_submit(loop)` gives futures of.
/// Throws  what a call of f threw first.
template <class Range, class F, class TrySubmit>
void run_parallel_loop(Range& range, F& f, std::size_t helpers, TrySubmit try_submit) {
  using iterator = decltype(begin_of(range));
  using sentinel = decltype(end_of(range));
  parallel_loop<chunks_for<iterator, sentinel>, iterator, F> loop(begin_of(range), end_of(range), f, helpers + 1);
  if (loop.size() == 0) return;
  std::vector<future<void>> hands(smaller_of(helpers, loop.size() - 1));
  try {
    for (future<void>& hand : hands) {
      std::optional<future<void>> got = try_submit(loop);
      if (!got) break;
      hand = *std::move(got);
    }
  } catch (...) {
    // Too little memory, or the pool was shut down just now: with the hands that there are.
  }
  loop.work();
  for (future<void>& hand : hands) {
    if (hand.valid()) hand.cancel();  // who has not come yet is not needed any more
  }
  for (future<void>& hand : hands) {
    if (hand.valid()) hand.wait();
  }
  loop.rethrow();
}

}  // namespace spool::inline SPOOL_ABI::detail
