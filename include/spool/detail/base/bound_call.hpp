// spool/detail/base/bound_call.hpp · a callable with its arguments, called once
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

// Concepts, not variables: as soon as f fits without a stop token, nothing asks whether it fits with one. To ask would
// instantiate the body of a generic f with arguments that it is never called with, and an error there is no plain no.

/// Whether f can be called with these arguments at all, with a stop token before them if it wants one.
template <class F, class... Args>
concept is_callable = std::is_invocable_v<F, Args...> || std::is_invocable_v<F, std::stop_token, Args...>;

/// Whether f is to be given a stop token first: if it fits with one and does not fit without.
template <class F, class... Args>
concept takes_stop_token = (!std::is_invocable_v<F, Args...>) && std::is_invocable_v<F, std::stop_token, Args...>;

/// Whether copies of f and args, as std::thread makes them, can be made and called.
template <class F, class... Args>
concept callable_copies =
    std::is_constructible_v<std::decay_t<F>, F> && (std::is_constructible_v<std::decay_t<Args>, Args> && ...) &&
    is_callable<std::decay_t<F>, std::decay_t<Args>...>;

template <class F, class... Args>
struct call_result_of : std::invoke_result<F, std::stop_token, Args...> {};
template <class F, class... Args>
  requires std::is_invocable_v<F, Args...>
struct call_result_of<F, Args...> : std::invoke_result<F, Args...> {};

/// What the call gives.
template <class F, class... Args>
using call_result = typename call_result_of<F, Args...>::type;

/// The same as the T of a future<T>: what is returned by value or as an rvalue reference is kept as a value.
template <class F, class... Args>
using submit_result = std::conditional_t<std::is_lvalue_reference_v<call_result<F, Args...>>, call_result<F, Args...>,
                                         std::remove_cvref_t<call_result<F, Args...>>>;

/// Copies of a callable and its arguments, as std::thread makes them; the call moves them out.
///
/// F and Args are decayed. The stop token, where F wants one, is the first of the arguments.
template <class F, class... Args>
class bound_call {
public:
  static constexpr bool stoppable = takes_stop_token<F, Args...>;

  template <class G, class... As>
    requires(!stoppable)
  explicit bound_call(std::in_place_t, G&& f, As&&... args)
      : f_(std::forward<G>(f)), args_(std::forward<As>(args)...) {}

  template <class G, class... As>
    requires stoppable
  explicit bound_call(std::stop_token token, G&& f, As&&... args)
      : f_(std::forward<G>(f)), args_(std::move(token), std::forward<As>(args)...) {}

  call_result<F, Args...> operator()() { return std::apply(std::move(f_), std::move(args_)); }

private:
  using arguments = std::conditional_t<stoppable, std::tuple<std::stop_token, Args...>, std::tuple<Args...>>;

  [[no_unique_address]] F f_;
  [[no_unique_address]] arguments args_;
};

/// A part of a call to be: a copy, if copying can throw; else what was given, untouched.
template <class Part>
using copied_part =
    std::conditional_t<!std::is_lvalue_reference_v<Part&&> || std::is_nothrow_constructible_v<std::decay_t<Part>, Part>,
                       Part&&, std::decay_t<Part>>;

/// Calls make(parts...) after everything was copied whose copy can throw: so a copy that throws finds nothing moved
/// yet.
template <class Make, class... Parts>
decltype(auto) with_copies_made(Make&& make, Parts&&... parts) {
  if constexpr ((std::is_same_v<copied_part<Parts>, Parts&&> && ...)) {
    return make(std::forward<Parts>(parts)...);
  } else {
    std::tuple<copied_part<Parts>...> copied(std::forward<Parts>(parts)...);
    return std::apply([&](auto&... part) -> decltype(auto) { return make(static_cast<copied_part<Parts>&&>(part)...); },
                      copied);
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
