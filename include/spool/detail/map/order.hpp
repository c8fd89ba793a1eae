// spool/detail/map/order.hpp · which result of a map comes next
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <spool/detail/future/state.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/wait/completion_queue.hpp>

namespace spool::inline SPOOL_ABI::detail {

struct in_order_link {
  in_order_link* behind = nullptr;
};

/// The chunks of a map that yields in the order of its inputs, the oldest first.
template <class Chunk>
class in_order {
public:
  /// Keeps the chunk, which nobody else knows yet, until it is removed.
  void add(Chunk& c) noexcept {
    (last_ == nullptr ? first_ : last_->behind) = &c;
    last_ = &c;
  }
  /// The chunk whose turn it is, once it is done; the same again until it is removed.
  /// Returns  null if the deadline passed first.      Preconditions  there is a chunk.
  Chunk* next(deadline until) noexcept {
    Chunk& oldest = static_cast<Chunk&>(*first_);
    return oldest.wait(until) ? &oldest : nullptr;
  }
  /// Forgets the one that next() gave.
  void remove_next() noexcept {
    first_ = first_->behind;
    if (first_ == nullptr) last_ = nullptr;
  }
  template <class Visit>
  void visit_all(Visit&& visit) noexcept {
    for (in_order_link* l = first_; l != nullptr; l = l->behind) visit(static_cast<Chunk&>(*l));
  }
  /// Releases all there are.
  void release_all() noexcept {
    while (first_ != nullptr) {
      Chunk& c = static_cast<Chunk&>(*first_);
      remove_next();
      c.release();
    }
  }

private:
  in_order_link* first_ = nullptr;
  in_order_link* last_ = nullptr;
};

struct by_completion_link : arrivals::node {
  std::size_t index = 0;  // among those that were not removed

protected:
  ~by_completion_link() = default;
};

/// The chunks of a map that yields in the order of their completion. The members mean the same.
template <class Chunk>
class by_completion {
public:
  /// Throws  std::bad_alloc, nothing changed.
  void add(Chunk& c) {
    chunks_.push_back(&c);
    c.index = chunks_.size() - 1;
    arrivals_.expect(c, c);
  }
  Chunk* next(deadline until) noexcept {
    if (next_ == nullptr) {
      awaited_results awaited(chunks_.data(), chunks_.size(), until.is_never() && chunks_.size() == 1);
      next_ = static_cast<Chunk*>(arrivals_.take(until, awaited));
    }
    return next_;
  }
  void remove_next() noexcept {
    const std::size_t place = std::exchange(next_, nullptr)->index;
    chunks_[place] = chunks_.back();
    static_cast<Chunk*>(chunks_[place])->index = place;
    chunks_.pop_back();
  }
  template <class Visit>
  void visit_all(Visit&& visit) noexcept {
    for (future_state_base* c : chunks_) visit(static_cast<Chunk&>(*c));
  }
  void release_all() noexcept {
    for (future_state_base* c : chunks_) arrivals_.leave(static_cast<Chunk&>(*c), *c);
    for (future_state_base* c : chunks_) static_cast<Chunk*>(c)->release();
    arrivals_.finish();
    chunks_.clear();
    next_ = nullptr;
  }

private:
  std::vector<future_state_base*> chunks_;  // as the pool of a worker that waits wants them
  arrivals arrivals_;
  Chunk* next_ = nullptr;  // taken from the arrivals
};

}  // namespace spool::inline SPOOL_ABI::detail
