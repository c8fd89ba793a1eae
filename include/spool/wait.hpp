// spool/wait.hpp · floor 5 · waiting for some or all of many futures
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/wait/as_completed.hpp>
#include <spool/detail/wait/multi_wait.hpp>
#include <spool/future.hpp>

namespace spool::inline SPOOL_ABI {

/// When wait() returns.
enum class return_when {
  first_completed,  ///< as soon as one is done, or was before
  first_exception,  ///< as soon as one is done with an exception; else when all are done. A cancel is no exception.
  all_completed     ///< when all are done
};

/// return_when::first_completed, for short.
inline constexpr return_when first_completed = return_when::first_completed;
/// return_when::first_exception, for short.
inline constexpr return_when first_exception = return_when::first_exception;
/// return_when::all_completed, for short.
inline constexpr return_when all_completed = return_when::all_completed;

/// The futures given to wait(), each once, in the order given.
template <class T>
struct wait_result {
  std::vector<future<T>> done;      ///< with a value, an exception, or cancelled
  std::vector<future<T>> not_done;  ///< waiting or running
};

namespace detail {

template <class Futures>
auto wait_by(Futures&& futures, deadline until, return_when when) {
  auto all = distinct_futures(futures);
  using future_type = typename decltype(all)::value_type;
  {
    gather waiter(all, when == return_when::first_exception);
    if (when == return_when::first_completed) {
      waiter.wait_first(until);
    } else {
      waiter.wait_all(until);
    }
  }
  wait_result<typename future_type::value_type> result;
  for (future_type& f : all) (f.done() ? result.done : result.not_done).push_back(std::move(f));
  return result;
}

}  // namespace detail

/// Waits for the futures of a range, of any pools, until `when` says.
///
/// Shape            Any input range of future<T>; a future that stands in it twice counts once; an empty range is done.
/// Blocks           As future::wait; with first_completed or first_exception another thread stands in for a pool's worker.
/// Synchronization  As future::wait, for each of the futures that are reported done.
/// Returns          wait_result{done, not_done}, each in the order given.
/// Throws           usage_error for an empty future; std::bad_alloc.
/// Complexity       O(n), however they complete.
template <class Futures>
auto wait(Futures&& futures, return_when when = all_completed) {
  return detail::wait_by(futures, detail::deadline::never(), when);
}
/// The same for at most d; d <= 0 looks once.      Returns  what is done and what is not, also when the time runs out.
template <class Futures, class Rep, class Period>
auto wait_for(Futures&& futures, std::chrono::duration<Rep, Period> d, return_when when = all_completed) {
  return detail::wait_by(futures, detail::deadline::after(d), when);
}
/// The same until t of any clock at most.
template <class Futures, class Clock, class Duration>
auto wait_until(Futures&& futures, std::chrono::time_point<Clock, Duration> t, return_when when = all_completed) {
  return detail::wait_by(futures, detail::deadline::at(t), when);
}

/// Gives the futures of a range in the order in which they complete, those done at the call first.
///
///     for (auto& f : spool::as_completed(futures)) print(f.result());
///
/// Shape            As wait(). An input range, moved but not copied; it keeps no future that it has yielded, and leaves
///                  nothing behind in the others when it is dropped. What it yields may be moved out.
/// Blocks           begin() and ++, until the next is done. Another thread stands in for a pool's worker meanwhile.
/// Synchronization  As future::wait, for the future that is yielded.
/// Throws           usage_error for an empty future, at the call.
/// Complexity       O(n) in all.
template <class Futures>
auto as_completed(Futures&& futures) {
  return detail::completion_range(detail::distinct_futures(futures), detail::deadline::never());
}
/// The same for at most d, counted from this call; d <= 0 gives what is done now.
/// Throws  as above; timeout_error from begin() or ++ when the time runs out: the range is then at its end.
template <class Futures, class Rep, class Period>
auto as_completed_for(Futures&& futures, std::chrono::duration<Rep, Period> d) {
  const detail::deadline until = detail::deadline::after(d);
  return detail::completion_range(detail::distinct_futures(futures), until);
}
/// The same until t of any clock at most.
template <class Futures, class Clock, class Duration>
auto as_completed_until(Futures&& futures, std::chrono::time_point<Clock, Duration> t) {
  const detail::deadline until = detail::deadline::at(t);
  return detail::completion_range(detail::distinct_futures(futures), until);
}

}  // namespace spool::inline SPOOL_ABI
