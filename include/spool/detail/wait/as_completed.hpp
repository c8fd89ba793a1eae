// spool/detail/wait/as_completed.hpp · the range that as_completed gives
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <spool/detail/future/state.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/wait/completion_queue.hpp>
#include <spool/errors.hpp>
#include <spool/future.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Futures to be taken in the order of their completion, each but once.
template <class T>
class completion_queue {
public:
  explicit completion_queue(std::vector<future<T>>&& futures) {
    nodes_.reserve(futures.size());
    pending_.reserve(futures.size());
    for (future<T>& f : futures) {
      pending_.push_back(std::addressof(future_access::state(f)));
      nodes_.emplace_back(std::move(f));
    }
    awaited_ = awaited_results(pending_.data(), pending_.size(), false);
    // Those that are done now come first, in the order given; only then the others may report in.
    for (node& n : nodes_) {
      n.done_at_start = state_of(n).done();
      if (n.done_at_start) arrivals_.append_ready(n);
    }
    for (node& n : nodes_) {
      if (!n.done_at_start) arrivals_.expect(n, state_of(n));
    }
  }
  completion_queue(const completion_queue&) = delete;
  completion_queue& operator=(const completion_queue&) = delete;

  ~completion_queue() {
    for (node& n : nodes_) {
      if (n.handle.valid()) arrivals_.leave(n, state_of(n));
    }
    arrivals_.finish();
  }

  bool all_yielded() const noexcept { return yielded_ == nodes_.size(); }

  /// Takes the next one, waiting for it.      Returns  an empty one if the deadline passed first.
  /// Preconditions  not all_yielded().
  future<T> take(deadline until) {
    awaited_.needs_all = until.is_never() && yielded_ + 1 == nodes_.size();
    arrivals::node* const next = arrivals_.take(until, awaited_);
    if (next == nullptr) return {};
    node& n = static_cast<node&>(*next);
    ++yielded_;
    pending_[static_cast<std::size_t>(&n - nodes_.data())] = nullptr;
    return std::move(n.handle);
  }

private:
  struct node final : arrivals::node {
    explicit node(future<T>&& f) noexcept : handle(std::move(f)) {}

    future<T> handle;  // until it is yielded
    bool done_at_start = false;
  };

  static future_state_base& state_of(const node& n) { return future_access::state(n.handle); }

  std::vector<node> nodes_;                  // never grows once one is expected
  std::vector<future_state_base*> pending_;  // those not yielded, for the pools; null where one was
  awaited_results awaited_;                  // the same, kept from wait to wait
  arrivals arrivals_;
  std::size_t yielded_ = 0;
};

/// An iteration over futures as they complete. It stays in place, as iterators refer to it.
template <class T>
class completion_iteration {
public:
  completion_iteration(std::vector<future<T>>&& futures, deadline until) : until_(until) {
    queue_.emplace(std::move(futures));
  }

  /// Waits for the first, once.
  void begin() {
    if (std::exchange(begun_, true)) return;
    advance();
  }
  /// Not asked of current_, which may have been moved from.
  bool at_end() const noexcept { return !begun_ || !queue_.has_value(); }
  future<T>& current() noexcept { return current_; }

  void advance() {
    current_ = {};  // what was yielded is the caller's alone
    if (!queue_.has_value()) return;
    if (queue_->all_yielded()) {
      queue_.reset();
      return;
    }
    current_ = queue_->take(until_);
    if (current_.valid()) return;
    queue_.reset();
    throw timeout_error(
        "spool::as_completed: the next result was not there in time: wait again, or cancel() what takes too long");
  }

private:
  std::optional<completion_queue<T>> queue_;  // nothing once all are yielded, or the time ran out
  deadline until_;
  future<T> current_;  // whoever iterates may move it out
  bool begun_ = false;
};

/// An input range over futures as they complete.
///
/// Lifetime  Iterators stay with what was moved.
template <class T>
class [[nodiscard("it waits only while it is iterated over: for (auto& f : as_completed(futures))")]] completion_range {
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
    reference operator*() const noexcept { return at_->current(); }
    pointer operator->() const noexcept { return std::addressof(at_->current()); }
    iterator& operator++() {
      at_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.at_ == nullptr || it.at_->at_end();
    }

  private:
    friend class completion_range;
    explicit iterator(completion_iteration<T>* at) noexcept : at_(at) {}
    completion_iteration<T>* at_ = nullptr;
  };

  completion_range(std::vector<future<T>>&& futures, deadline until)
      : iteration_(std::make_unique<completion_iteration<T>>(std::move(futures), until)) {}
  completion_range(completion_range&&) noexcept = default;
  completion_range& operator=(completion_range&&) noexcept = default;

  /// Stands where the iteration is, be it at a future that was moved out; waits for the first.
  iterator begin() {
    if (iteration_ != nullptr) iteration_->begin();
    return iterator(iteration_.get());
  }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  std::unique_ptr<completion_iteration<T>> iteration_;  // null once it was moved from
};

}  // namespace spool::inline SPOOL_ABI::detail
