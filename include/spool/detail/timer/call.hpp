// spool/detail/timer/call.hpp · what a timer calls
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <tuple>
#include <utility>

#include <spool/detail/base/unique_function.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Copies of a callable and its arguments. Called once, it moves them out; called again and again, it keeps them.
template <class F, class... Args>
class timer_call {
public:
  template <class G, class... As>
  explicit timer_call(G&& f, As&&... args) : f_(std::forward<G>(f)), args_(std::forward<As>(args)...) {}

  void operator()() { static_cast<void>(std::apply(std::move(f_), std::move(args_))); }
  void call_again() { static_cast<void>(std::apply(f_, args_)); }

private:
  [[no_unique_address]] F f_;
  [[no_unique_address]] std::tuple<Args...> args_;
};

/// One that stays where it is between the calls, however its owner moves.
template <class F, class... Args>
class periodic_call {
public:
  template <class G, class... As>
  explicit periodic_call(G&& f, As&&... args)
      : call_(new timer_call<F, Args...>(std::forward<G>(f), std::forward<As>(args)...)) {}

  void operator()() { call_->call_again(); }

private:
  std::unique_ptr<timer_call<F, Args...>> call_;
};

}  // namespace spool::inline SPOOL_ABI::detail
