// spool/detail/wait/completion_queue.hpp · results in the order in which they become complete
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/future/signal.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/blocking.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Results report in as they are completed, by whatever thread; one consumer takes them in that order.
///
/// Invariant  A node is in just one place: observing its result, on the stack (newest first), in the ready list (oldest
///            first), or taken. Those on the stack are counted by the signal after they were pushed.
/// Lifetime   Every node leaves, unless it was taken; then finish(), which waits until every node that was pushed has been
///            counted: the thread that pushed it still needs the signal for that.
class arrivals {
public:
  /// The place of one result. Outlives its stay here.
  class node : public observer {
  public:
    void settled(bool with_error) noexcept final { to->push(*this, with_error); }

    // The arrivals' own.
    arrivals* to = nullptr;
    node* next = nullptr;
    bool collected = false;  // in the ready list, or taken

  protected:
    node() = default;
    node(const node&) = default;  // while it is nowhere
    ~node() = default;
  };

  arrivals() noexcept = default;
  arrivals(const arrivals&) = delete;
  arrivals& operator=(const arrivals&) = delete;

  /// Puts one that is complete behind those that are ready.      Preconditions  nothing has been pushed.
  void append_ready(node& n) noexcept {
    n.collected = true;
    n.next = nullptr;
    (last_ready_ == nullptr ? ready_ : last_ready_->next) = &n;
    last_ready_ = &n;
  }

  /// Has the node pushed when its result is complete, or now if it is.
  void expect(node& n, future_state_base& result) noexcept {
    n.to = this;
    if (!result.observe(n)) push(n, false);
  }

  /// Takes the next, waiting for it.      Returns  null if the deadline passed first.
  node* take(deadline until, awaited_results& awaited) noexcept {
    if (ready_ == nullptr) {
      if (!signal_.wait(collected_ + 1, until, awaited)) return nullptr;
      collect();
    }
    node* const oldest = ready_;
    ready_ = oldest->next;
    if (ready_ == nullptr) last_ready_ = nullptr;
    return oldest;
  }

  /// Withdraws a node that was not taken.
  void leave(node& n, future_state_base& result) noexcept {
    if (!n.collected && !result.unobserve(n)) ++left_uncollected_;
  }
  void finish() noexcept {
    awaited_results nothing;
    signal_.wait(collected_ + left_uncollected_, deadline::never(), nothing);
  }

private:
  /// Called by whoever completes the result.
  void push(node& n, bool with_error) noexcept {
    node* newest = stack_.load(memory_order_relaxed);
    do {
      n.next = newest;
    } while (!stack_.compare_exchange_weak(newest, &n, memory_order_release, memory_order_relaxed));  // (A)
    signal_.add(with_error);
  }

  /// Turns the stack into the ready list.      Preconditions  the ready list is empty.
  void collect() noexcept {
    node* newest_first = stack_.exchange(nullptr, memory_order_acquire);  // (B) pairs with every (A)
    last_ready_ = newest_first;
    while (newest_first != nullptr) {
      node* older = std::exchange(newest_first->next, ready_);
      ready_ = std::exchange(newest_first, older);
      ready_->collected = true;
      ++collected_;
    }
    if (collected_ < forget_at) return;
    // The signal's count has an end; the results of a range may have none.
    const std::uint32_t counted = smaller_of(collected_, signal_.count());
    signal_.forget(counted);
    collected_ -= counted;
  }

  static constexpr std::uint32_t forget_at = 1U << 16;

  completion_signal signal_;
  atomic<node*> stack_{nullptr};
  node* ready_ = nullptr;
  node* last_ready_ = nullptr;
  std::uint32_t collected_ = 0;         // of those pushed; the signal counts as many, or soon will
  std::uint32_t left_uncollected_ = 0;  // pushed, but never to be collected
};

}  // namespace spool::inline SPOOL_ABI::detail
