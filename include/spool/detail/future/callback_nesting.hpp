// spool/detail/future/callback_nesting.hpp · how deep callbacks run inside each other, and those put off beyond
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include <spool/detail/future/observers.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// The callbacks under way in the calling thread. What a callback calls may complete other results, or ask for a callback
/// of one that is there already: such callbacks run inside it, at once, up to `limit` levels. Beyond that they are put
/// off until the innermost callback has returned, or waits for a result: so loops of ready results need no stack.
///
/// Invariant  Callbacks are put off only while `limit` are under way; whoever runs the innermost runs them before it
///            ends. So there are none left when a thread has fewer than `limit` under way.
///            One handle to its source stands for each that is put off.
class callback_nesting {
public:
  static constexpr std::uint32_t limit = 64;

  bool is_full() const noexcept { return depth_ == limit; }
  bool has_put_off() const noexcept { return oldest_ != nullptr; }
  void enter() noexcept { ++depth_; }
  void leave() noexcept { --depth_; }

  /// Takes over a handle to the source.      Preconditions  is_full().
  void put_off(done_callback& callback, future_state_base& source) noexcept {
    callback.put_off_from_ = &source;
    callback.next_ = nullptr;
    (oldest_ == nullptr ? oldest_ : newest_->next_) = &callback;
    newest_ = &callback;
  }
  /// Takes the oldest, and its source with the handle.      Preconditions  has_put_off().
  done_callback& take(future_state_base*& source) noexcept {
    done_callback& oldest = *oldest_;
    oldest_ = oldest.next_;
    source = oldest.put_off_from_;
    return oldest;
  }

private:
  std::uint32_t depth_ = 0;
  done_callback* oldest_ = nullptr;  // those put off, linked by next_
  done_callback* newest_ = nullptr;
};

inline constinit thread_local callback_nesting my_callbacks{};

}  // namespace spool::inline SPOOL_ABI::detail
