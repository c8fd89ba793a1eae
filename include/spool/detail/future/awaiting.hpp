// spool/detail/future/awaiting.hpp · the result of a coroutine, and the result that it awaits just now
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/future/promise_state.hpp>
#include <spool/detail/future/state_base.hpp>
#include <spool/detail/platform/atomic.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a suspended coroutine awaits.
///
/// Invariant  The mark says that somebody looks at it by way of the coroutine's result. It is set under the lock of that
///            result's list, and the lock is kept as long as the look lasts. Whoever takes the pointer away and finds the
///            mark takes the lock before the coroutine goes on: so what is looked at is not gone, nor is the coroutine.
///  (A) writing the pointer releases what is known of the result; (B) whoever looks acquires it.
class awaited_source {
public:
  explicit awaited_source(future_state_base& of) noexcept : of_(of) {}

  void begin(future_state_base& source) noexcept {
    word_.store(reinterpret_cast<std::uintptr_t>(&source), memory_order_release);  // (A)
  }
  void end() noexcept {
    if ((word_.exchange(0, memory_order_acq_rel) & marked) != 0) of_.wait_for_lookers();
  }
  /// The result, marked; null if none is awaited.      Preconditions  the lock is held.
  future_state_base* look() noexcept {
    std::uintptr_t seen = word_.load(memory_order_relaxed);
    while (seen != 0 &&
           !word_.compare_exchange_weak(seen, seen | marked, memory_order_acq_rel, memory_order_relaxed)) {  // (B)
    }
    // A pointer and a mark share the word. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<future_state_base*>(seen & ~marked);
  }

private:
  static constexpr std::uintptr_t marked = 1;
  static_assert(alignof(future_state_base) > marked);

  atomic<std::uintptr_t> word_{0};
  future_state_base& of_;
};

/// What a coroutine writes its result to. Whoever waits for it waits for what the coroutine awaits.
template <class T>
class coroutine_state final : public promise_state<T> {
public:
  coroutine_state() noexcept { this->mark_as_continuation(); }

  awaited_source& awaited() noexcept { return awaited_; }

protected:
  future_state_base* source_in(future_state_base::phase) noexcept override { return awaited_.look(); }

private:
  awaited_source awaited_{*this};
};

}  // namespace spool::inline SPOOL_ABI::detail
