// spool/detail/wait/multi_wait.hpp · one thread that waits for several futures at once
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/detail/base/pointer_set.hpp>
#include <spool/detail/base/range_access.hpp>
#include <spool/detail/future/signal.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/future.hpp>

namespace spool::inline SPOOL_ABI::detail {

template <class F>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<future<T>> = true;

template <class Futures>
concept range_of_futures = requires(Futures& futures) {
  requires is_future<std::remove_cvref_t<decltype(*begin_of(futures))>>;
  end_of(futures);
};

template <class Futures>
struct element_future {
  using type = future<void>;  // so that but one error comes of what is no such range
};
template <range_of_futures Futures>
struct element_future<Futures> {
  using type = std::remove_cvref_t<decltype(*begin_of(std::declval<Futures&>()))>;
};

/// Handles to the futures of a range, each once, in the order given.      Throws  usage_error if one is empty.
template <class Futures>
auto distinct_futures(Futures& futures) {
  static_assert(range_of_futures<Futures>,
                "spool: this takes a range of spool::future<T>, not of std::future; of a single one call f.wait()");
  std::vector<typename element_future<Futures>::type> distinct;
  if constexpr (range_of_futures<Futures>) {
    pointer_set seen;
    for (auto&& f : futures) {
      if (seen.insert(std::addressof(future_access::state(f)))) distinct.push_back(f);
    }
  }
  return distinct;
}

/// Waits for futures that others keep alive; takes its observers out again at the end.
///
/// Invariant  Every observer in a list is in observers_, and no thread is inside one when the destructor returns: it
///            takes the lock of each list, under which observers are told.
class gather {
public:
  template <class T>
  gather(const std::vector<future<T>>& futures, bool until_error) : signal_(until_error), until_error_(until_error) {
    states_.reserve(futures.size());
    for (const future<T>& f : futures) states_.push_back(std::addressof(future_access::state(f)));
  }
  gather(const gather&) = delete;
  gather& operator=(const gather&) = delete;
  ~gather() {
    for (counter& c : observers_) c.state->unobserve(c);
  }

  /// Waits until one is done.
  void wait_first(deadline until) {
    for (future_state_base* s : states_) {
      if (s->done()) return;
    }
    if (states_.empty() || !observe_pending()) return;
    awaited_results awaited(states_.data(), states_.size(), until.is_never() && states_.size() == 1);
    signal_.wait(1, until, awaited);
  }

  /// Waits until all are done, or one with an exception if so wished.
  void wait_all(deadline until) {
    if (until_error_) {
      for (future_state_base* s : states_) {
        if (s->current_phase() == future_state_base::has_error) return;
      }
    } else if (until.is_never() && current_task_thread != nullptr) {
      for (future_state_base* s : states_) s->run_if_pending(*current_task_thread);
    }
    observe_pending();
    awaited_results awaited(states_.data(), states_.size(), until.is_never() && !until_error_);
    signal_.wait_for_all(static_cast<std::uint32_t>(observers_.size()), until, awaited);
  }

private:
  struct counter final : observer {
    counter(completion_signal& t, future_state_base& s) noexcept : to(&t), state(&s) {}
    void settled(bool with_error) noexcept override { to->add(with_error); }
    completion_signal* to;
    future_state_base* state;
  };

  /// Puts an observer on each that is not settled.      Returns  whether all were not.
  bool observe_pending() {
    observers_.reserve(states_.size());  // observers may not move once they are in a list
    bool all_pending = true;
    for (future_state_base* s : states_) {
      counter& c = observers_.emplace_back(signal_, *s);
      if (s->observe(c)) continue;
      observers_.pop_back();
      all_pending = false;
      if (until_error_ && s->current_phase() == future_state_base::has_error) signal_.add_error();
    }
    return all_pending;
  }

  completion_signal signal_;
  const bool until_error_;
  std::vector<future_state_base*> states_;
  std::vector<counter> observers_;
};

}  // namespace spool::inline SPOOL_ABI::detail
