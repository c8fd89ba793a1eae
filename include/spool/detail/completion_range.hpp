// spool/detail/completion_range.hpp · floor 5 · the range that as_completed gives
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <spool/detail/atomic.hpp>
#include <spool/detail/completion_signal.hpp>
#include <spool/detail/deadline.hpp>
#include <spool/detail/future_state.hpp>
#include <spool/errors.hpp>
#include <spool/future.hpp>

namespace spool::detail {

/// Futures that report in as they complete, and one consumer that takes them in that order.
///
/// Invariant  A node is in just one place: observing its future, on the arrivals stack (newest first), in the ready list
///            (oldest first), or yielded, its handle gone. The arrivals are counted by the signal after they are pushed.
/// Lifetime   Before it dies every observer is taken out, and every arrival that was pushed has been counted.
template <class T>
class completion_queue {
public:
  explicit completion_queue(std::vector<future<T>>&& futures) {
    nodes_.reserve(futures.size());
    if (current_task_thread != nullptr) pending_.reserve(futures.size());
    for (future<T>& f : futures) {
      if (current_task_thread != nullptr) pending_.push_back(std::addressof(future_access::state(f)));
      nodes_.emplace_back(*this, std::move(f));
    }
    awaited_ = awaited_results(pending_.data(), pending_.size());
    // Those that are done now come first, in the order given; only then the others may report in.
    for (node& n : nodes_) {
      if (state_of(n).done()) append_ready(n);
    }
    for (node& n : nodes_) {
      if (n.done_at_start) continue;
      if (!state_of(n).observe(n)) arrive(n, false);
    }
  }
  completion_queue(const completion_queue&) = delete;
  completion_queue& operator=(const completion_queue&) = delete;

  ~completion_queue() {
    std::uint32_t arrived = taken_;
    for (node& n : nodes_) {
      if (n.done_at_start || !n.handle.valid()) continue;
      if (!state_of(n).unobserve(n) && !n.collected) ++arrived;
    }
    // A node that was pushed may not have been counted yet: its thread still needs the signal for that.
    awaited_results nothing;
    signal_.wait(arrived, deadline::never(), nothing);
  }

  bool all_yielded() const noexcept { return yielded_ == nodes_.size(); }

  /// Takes the next one, waiting for it.      Returns  an empty one if the deadline passed first.
  /// Preconditions  not all_yielded().
  future<T> take(deadline until) {
    if (ready_ == nullptr) {
      if (!signal_.wait(taken_ + 1, until, awaited_)) return {};
      collect_arrivals();
    }
    node& n = *ready_;
    ready_ = n.next;
    if (ready_ == nullptr) last_ready_ = nullptr;
    ++yielded_;
    if (!pending_.empty()) pending_[static_cast<std::size_t>(&n - nodes_.data())] = nullptr;
    return std::move(n.handle);
  }

private:
  struct node final : observer {
    node(completion_queue& q, future<T>&& f) noexcept : queue(&q), handle(std::move(f)) {}
    void settled(bool with_error) noexcept override { queue->arrive(*this, with_error); }

    completion_queue* queue;
    future<T> handle;
    node* next = nullptr;
    bool done_at_start = false;
    bool collected = false;  // moved from the arrivals to the ready list
  };

  static future_state_base& state_of(const node& n) { return future_access::state(n.handle); }

  void append_ready(node& n) noexcept {
    n.done_at_start = true;
    n.next = nullptr;
    (last_ready_ == nullptr ? ready_ : last_ready_->next) = &n;
    last_ready_ = &n;
  }

  /// Called by whoever completes the future.
  void arrive(node& n, bool with_error) noexcept {
    node* newest = arrivals_.load(memory_order_relaxed);
    do {
      n.next = newest;
    } while (!arrivals_.compare_exchange_weak(newest, &n, memory_order_release, memory_order_relaxed));  // (A)
    signal_.add(with_error);
  }

  /// Turns the stack of arrivals into the ready list.      Preconditions  the ready list is empty.
  void collect_arrivals() noexcept {
    node* newest_first = arrivals_.exchange(nullptr, memory_order_acquire);  // (B) pairs with every (A)
    last_ready_ = newest_first;
    while (newest_first != nullptr) {
      node* older = std::exchange(newest_first->next, ready_);
      ready_ = std::exchange(newest_first, older);
      ready_->collected = true;
      ++taken_;
    }
  }

  std::vector<node> nodes_;                  // never grows once an observer is out
  std::vector<future_state_base*> pending_;  // those not yielded, for a pool whose worker waits; else empty
  awaited_results awaited_;                  // the same, from the first that may not have started
  completion_signal signal_;
  atomic<node*> arrivals_{nullptr};
  node* ready_ = nullptr;
  node* last_ready_ = nullptr;
  std::uint32_t taken_ = 0;  // arrivals collected so far
  std::size_t yielded_ = 0;
};

/// An input range over futures as they complete.
template <class T>
class completion_range {
public:
  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = future<T>;
    using difference_type = std::ptrdiff_t;
    using pointer = future<T>*;
    using reference = future<T>&;

    iterator() noexcept = default;
    reference operator*() const noexcept { return range_->current_; }
    pointer operator->() const noexcept { return &range_->current_; }
    iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.at_end(); }

  private:
    friend class completion_range;
    explicit iterator(completion_range& r) noexcept : range_(&r) {}
    bool at_end() const noexcept { return range_ == nullptr || !range_->current_.valid(); }
    completion_range* range_ = nullptr;
  };

  completion_range(std::vector<future<T>>&& futures, deadline until)
      : queue_(std::make_unique<completion_queue<T>>(std::move(futures))), until_(until) {}
  completion_range(completion_range&&) noexcept = default;
  completion_range& operator=(completion_range&&) noexcept = default;

  /// Waits for the first.
  iterator begin() {
    if (!begun_) {
      begun_ = true;
      advance();
    }
    return iterator(*this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  void advance() {
    current_ = {};  // what was yielded is the caller's alone
    if (queue_ == nullptr) return;
    if (queue_->all_yielded()) {
      queue_.reset();
      return;
    }
    current_ = queue_->take(until_);
    if (current_.valid()) return;
    queue_.reset();
    throw timeout_error("spool::as_completed: the next result was not there in time");
  }

  std::unique_ptr<completion_queue<T>> queue_;  // null once all are yielded, or the time ran out
  deadline until_;
  future<T> current_;
  bool begun_ = false;
};

}  // namespace spool::detail
