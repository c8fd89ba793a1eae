// spool/detail/future/state.hpp · the one block behind a result, with room for it or for an exception
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <spool/detail/future/origin.hpp>
#include <spool/detail/future/state_base.hpp>
#include <spool/detail/future/task_wait.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Whether there can be results of type T.
template <class T>
inline constexpr bool can_be_result =
    std::is_void_v<T> || std::is_lvalue_reference_v<T> || (std::is_object_v<T> && !std::is_array_v<T>);

/// How a result of type T lies in its block.
template <class T>
struct stored_result {
  using type = std::remove_cv_t<T>;
};
template <class T>
struct stored_result<T&> {
  using type = T*;
};
template <>
struct stored_result<void> {
  struct type {};
};

/// A state with room for the result, or the exception in its place.
template <class T>
class future_state : public future_state_base {
public:
  using stored = typename stored_result<T>::type;

  /// Preconditions  phase has_value.
  stored& value() noexcept { return value_; }
  std::exception_ptr const& error() const noexcept override { return error_; }

  /// Builds the result in place, before it is settled. Throws what building it throws.
  template <class... Args>
  void emplace_value(Args&&... args) {
    ::new (static_cast<void*>(std::addressof(value_))) stored(std::forward<Args>(args)...);
  }
  /// Builds the result from what a call gives, without a move in between.
  template <class Call>
  void emplace_from(Call& call) {
    if constexpr (std::is_void_v<T>) {
      call();
      emplace_value();
    } else if constexpr (std::is_reference_v<T>) {
      emplace_value(std::addressof(call()));
    } else {
      ::new (static_cast<void*>(std::addressof(value_))) stored(call());
    }
  }
  /// Destroys what emplace_value() or emplace_from() built, as something else is to be the result.
  void discard_value() noexcept { value_.~stored(); }
  void emplace_error(std::exception_ptr&& error) noexcept {
    ::new (static_cast<void*>(std::addressof(error_))) std::exception_ptr(std::move(error));
  }

protected:
  explicit future_state(std::uint32_t handles) noexcept : future_state_base(handles) {}
  ~future_state() noexcept override {}  // whatever the result's destructor says of itself

  bool has_trivial_contents() const noexcept override { return std::is_trivially_destructible_v<stored>; }
  void destroy_contents() noexcept override {
    const future_state_base::phase p = this->current_phase();
    if (p == future_state_base::has_value) value_.~stored();
    if (p == future_state_base::has_error) error_.~exception_ptr();
  }

private:
  union {
    stored value_;              // alive in phase has_value
    std::exception_ptr error_;  // alive in phase has_error
  };
};

}  // namespace spool::inline SPOOL_ABI::detail
