// spool/detail/map/slot.hpp · one call of a map: first its arguments, then what came of it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <spool/detail/future/state.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Arguments and result of one call take the same place, one after the other.
///
/// Shape            Elements is a tuple of values and references; Result is void, a reference, or an object type.
/// Synchronization  None: who takes the inputs, who runs the task and who reads the result hand it on to each other.
template <class Elements, class Result>
class map_slot {
  using stored = typename stored_result<Result>::type;

public:
  map_slot() noexcept {}
  map_slot(const map_slot&) = delete;
  map_slot& operator=(const map_slot&) = delete;
  ~map_slot() { clear(); }

  /// Preconditions  it is empty, as it still is if this throws.
  template <class... Given>
  void put(Given&&... given) {
    ::new (static_cast<void*>(std::addressof(elements_))) Elements(std::forward<Given>(given)...);
    content_ = content::elements;
  }

  /// Calls call(elements) and keeps what it returns or throws; the elements are gone then.
  template <class Call>
  void run(Call&& call) noexcept {
    std::exception_ptr thrown;
    try {
      Elements mine(std::move(elements_));  // the result is built, without a move, where they were
      clear();
      if constexpr (std::is_void_v<Result>) {
        call(mine);
        ::new (static_cast<void*>(std::addressof(value_))) stored();
      } else if constexpr (std::is_reference_v<Result>) {
        ::new (static_cast<void*>(std::addressof(value_))) stored(std::addressof(call(mine)));
      } else {
        ::new (static_cast<void*>(std::addressof(value_))) stored(call(mine));
      }
      content_ = content::value;
    } catch (...) {
      thrown = std::current_exception();
    }
    if (thrown == nullptr) return;
    clear();
    ::new (static_cast<void*>(std::addressof(error_))) std::exception_ptr(std::move(thrown));
    content_ = content::error;
  }

  /// What the call returned.      Throws  what it threw.      Preconditions  it has run.
  std::add_lvalue_reference_t<Result> result() {
    if (content_ == content::error) std::rethrow_exception(error_);
    if constexpr (std::is_void_v<Result>) {
      return;
    } else if constexpr (std::is_reference_v<Result>) {
      return *value_;
    } else {
      return value_;
    }
  }

  void clear() noexcept {
    const content was = std::exchange(content_, content::nothing);
    if (was == content::elements) elements_.~Elements();
    if (was == content::value) value_.~stored();
    if (was == content::error) error_.~exception_ptr();
  }

private:
  enum class content : std::uint8_t { nothing, elements, value, error };

  union {
    Elements elements_;
    stored value_;
    std::exception_ptr error_;
  };
  content content_ = content::nothing;
};

}  // namespace spool::inline SPOOL_ABI::detail
