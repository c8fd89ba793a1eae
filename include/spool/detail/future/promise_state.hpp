// spool/detail/future/promise_state.hpp · the block of a result that a promise sets
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <utility>

#include <spool/detail/future/state.hpp>
#include <spool/detail/registry/block_cache.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a promise that was destroyed unset leaves behind. Made before there is a promise, as there may be no memory then;
/// never destroyed, as promises may be later than all static objects.
inline std::exception_ptr const& broken_promise() {
  static const auto* const error = new std::exception_ptr(std::make_exception_ptr(broken_promise_error()));
  return *error;
}

/// Made with one handle, its promise's.
template <class T>
class promise_state : public future_state<T>, public recycled_block {
public:
  promise_state() noexcept : future_state<T>(1) {}

  /// Writes the result with `write(*this)` and settles it as `final`.
  /// Returns  false, nothing changed, if it is set, cancelled, or being set.      Throws  what writing throws.
  template <class Write>
  bool set(future_state_base::phase final, Write&& write) {
    future_state_base::phase before;
    if (!this->begin_set(before)) return false;
    try {
      write(*this);
    } catch (...) {
      this->undo_set(before);
      throw;
    }
    if (this->settle(final)) this->run_callbacks();
    return true;
  }

protected:
  void free_memory() noexcept override { delete this; }
};

}  // namespace spool::inline SPOOL_ABI::detail
