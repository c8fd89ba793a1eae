// spool/detail/future/result.hpp · reading and taking a result that is there
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline void must_not_be_taken(bool taken) {
  if (taken)
    throw usage_error(
        "spool::future: its result was moved out before: call result() on a named future, which leaves it there");
}

/// Throws whatever there is instead of a value.      Preconditions  done.
template <class T>
void throw_unless_value(future_state<T>& s) {
  // A poll may find it cancelled while the callable is still being destroyed.
  const auto phase = s.current_phase();
  if (phase == future_state_base::has_error) {
    s.mark_read();
    std::rethrow_exception(s.error());
  }
  if (phase != future_state_base::has_value) throw cancelled_error();
}

/// T const&, or what a reference refers to, or nothing; throws what there is instead.      Preconditions  done.
template <class T>
decltype(auto) refer_to_result(future_state<T>& s) {
  throw_unless_value(s);
  if constexpr (std::is_void_v<T>) {
    return;
  } else if constexpr (std::is_reference_v<T>) {
    return static_cast<T>(*s.value());
  } else {
    must_not_be_taken(s.is_taken());
    return static_cast<T const&>(s.value());
  }
}

/// The same, moved out for all handles; a move that throws has taken nothing.      Preconditions  done.
template <class T>
T take_result(future_state<T>& s) {
  static_assert(std::is_void_v<T> || std::is_reference_v<T> || std::is_move_constructible_v<T>,
                "spool: result() of an rvalue moves the result out, which cannot be moved: call it on a named future");
  throw_unless_value(s);
  if constexpr (std::is_void_v<T>) {
    return;
  } else if constexpr (std::is_reference_v<T>) {
    return static_cast<T>(*s.value());
  } else if constexpr (std::is_move_constructible_v<T>) {
    must_not_be_taken(!s.mark_taken());
    try {
      return std::move(s.value());
    } catch (...) {
      s.unmark_taken();
      throw;
    }
  }
}

/// A result as a continuation gets it: taken, or only referred to.
template <class T, bool Taken>
using passed_result = std::conditional_t<Taken, T&&, T const&>;

/// Whether F can be called with a result of type T, which is taken or only referred to; and with a stop token before it.
template <class F, class T, bool Taken>
concept fits_result = (std::is_void_v<T> && std::is_invocable_v<F>) ||
                      (!std::is_void_v<T> && std::is_invocable_v<F, passed_result<T, Taken>>);
template <class F, class T, bool Taken>
concept fits_result_in_pool =
    (std::is_void_v<T> && is_callable<F>) || (!std::is_void_v<T> && is_callable<F, passed_result<T, Taken>>);

/// The same, taken or referred to: for a constant rvalue. The second is not looked at where the first fits.
template <class F, class T>
concept fits_any_result = fits_result<F, T, true> || fits_result<F, T, false>;
template <class F, class T>
concept fits_any_result_in_pool = fits_result_in_pool<F, T, true> || fits_result_in_pool<F, T, false>;

/// How a continuation F fits a result of type T, which is taken or only referred to.
template <class F, class T, bool Taken>
struct continuation_of {
  using argument = passed_result<T, Taken>;
  static constexpr bool fits = std::is_invocable_v<F, argument>;
  static constexpr bool stoppable = takes_stop_token<F, argument>;
  using result = submit_result<F, argument>;
};
template <class F, bool Taken>
struct continuation_of<F, void, Taken> {
  static constexpr bool fits = std::is_invocable_v<F>;
  static constexpr bool stoppable = takes_stop_token<F>;
  using result = submit_result<F>;
};

/// Whether taking a T for a call may leave it where it is: then the call gets a value of its own, moved by us.
template <class T>
inline constexpr bool is_move_refusable = std::is_move_constructible_v<T> && !std::is_nothrow_move_constructible_v<T>;

/// Calls f with a value that is there, after other arguments.      Preconditions  phase has_value.
/// Throws  what f throws; usage_error if the value was moved out before. A move into an argument that throws has taken
///         nothing.
template <bool Taken, class T, class F, class... Before>
typename continuation_of<std::remove_reference_t<F>, T, Taken>::result call_with_result(F&& f, future_state<T>& source,
                                                                                        Before&&... before) {
  if constexpr (std::is_void_v<T>) {
    return std::apply(std::forward<F>(f), std::forward_as_tuple(std::forward<Before>(before)...));
  } else if constexpr (std::is_reference_v<T>) {
    return std::apply(std::forward<F>(f),
                      std::forward_as_tuple(std::forward<Before>(before)..., static_cast<T>(*source.value())));
  } else if constexpr (!Taken || !is_move_refusable<T>) {
    must_not_be_taken(Taken ? !source.mark_taken() : source.is_taken());
    using argument = typename continuation_of<std::remove_reference_t<F>, T, Taken>::argument;
    return std::apply(std::forward<F>(f),
                      std::forward_as_tuple(std::forward<Before>(before)..., static_cast<argument>(source.value())));
  } else if constexpr (std::is_member_pointer_v<std::remove_reference_t<F>>) {
    return std::apply(std::forward<F>(f), std::forward_as_tuple(take_result(source)));
  } else {
    // What take_result() gives is the parameter itself, where that is a value: so there is no other move that can throw.
    return std::forward<F>(f)(std::forward<Before>(before)..., take_result(source));
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
