// tests/fuzz/future/single_steps.hpp · what can be done with one future
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "fuzz/future/promise_steps.hpp"

namespace future_model {

template <class T>
class single_steps : protected promise_steps<T> {
protected:
  using typename play<T>::handle;
  using play<T>::c_;
  using play<T>::compare;
  using play<T>::fresh_name;
  using play<T>::model_;
  using play<T>::past;
  using play<T>::reachable;
  using play<T>::real_;
  using play<T>::some_deed;
  using play<T>::some_handle;
  using play<T>::some_node;
  using play<T>::most_nodes;
  using play<T>::takeable;

  using promise_steps<T>::promise_steps;

  void copy_or_drop() {
    const std::size_t n = some_node();
    if (n >= model_.nodes.size()) return;
    auto& all = real_.nodes[n].handles;
    auto& handles = model_.nodes[n].handles;
    switch (c_.below(6)) {
      case 0:
        if (!model_.nodes[n].has_promise || handles > 3) return;
        ++handles;
        all.push_back(real_.nodes[n].promise->get_future());
        break;
      case 1: {
        if (handles == 0 || handles > 3) return;
        ++handles;
        handle copy(some_handle(n));
        all.push_back(std::move(copy));
        require(!copy.valid(), "a handle that was moved from is empty");
        break;
      }
      case 2: {
        if (handles == 0) return;
        handle& one = some_handle(n);
        handle other;
        other = one;
        one = std::move(other);
        one = std::as_const(one);
        one.swap(all.front());
        break;
      }
      case 3: {
        if (!model_.nodes[n].has_promise) return;
        spool::promise<T> elsewhere(std::move(*real_.nodes[n].promise));
        const outcome o = outcome_of([&]() -> outcome {
          real_.set(*real_.nodes[n].promise, 0);
          return {};
        });
        require(o.what == fate::usage_error, "a promise that was moved from is misused");
        *real_.nodes[n].promise = std::move(elsewhere);
        break;
      }
      default:
        if (handles == 0) return;
        model_.drop_handle(n);
        all.pop_back();
    }
    compare();
  }

  void cancel() {
    const std::size_t n = some_node();
    if (!reachable(n)) return;
    require(!some_handle(n).request_stop(), "nobody here takes a stop token");
    const bool done = some_handle(n).cancel();
    require(done == model_.cancel(n), "cancel");
    compare();
  }

  void read() {
    using std::chrono::nanoseconds;
    const std::size_t n = some_node();
    if (!reachable(n)) return;
    const bool may_wait = is_done(model_.nodes[n].now.what);
    const bool take = c_.below(2) != 0;
    handle& f = some_handle(n);
    if (!take && may_wait && c_.one_in(3)) return read_exception(n, f);
    const unsigned form = c_.below(may_wait ? 5 : 2);
    next_step_fails = std::is_same_v<T, brittle> && take && c_.one_in(4);
    const outcome o = seen_by([&]() -> decltype(auto) { return read_by(form, take, f); });
    const bool failed = o.what == fate::item_failure;
    next_step_fails = false;
    const outcome expected = model_.result(n, take && !failed);
    require(o == expected || (failed && expected.what == fate::value), "result");
    compare();
  }
  static T read_by(unsigned form, bool take, handle& f)
    requires(!takeable)
  {
    using std::chrono::nanoseconds;
    switch (form) {
      case 0:
        return take ? std::move(f).result_for(nanoseconds(0)) : f.result_for(nanoseconds::min());
      case 1:
        return take ? std::move(f).result_until(std::chrono::system_clock::time_point()) : f.result_until(past);
      case 2:
        return take ? std::move(f).get() : f.get();
      case 3:
        return take ? std::move(f).result_for(nanoseconds::max()) : f.result_for(nanoseconds::max());
      default:
        return take ? std::move(f).result() : f.result();
    }
  }
  /// The label alone, as the value itself may not be copied.
  static int read_by(unsigned form, bool take, handle& f)
    requires takeable
  {
    using std::chrono::nanoseconds;
    const auto taken = [](T&& x) { return label_of(x); };
    switch (form) {
      case 0:
        return take ? taken(std::move(f).result_for(nanoseconds(0))) : label_of(f.result_for(nanoseconds::min()));
      case 1:
        return take ? taken(std::move(f).result_until(past))
                    : label_of(f.result_until(std::chrono::system_clock::time_point()));
      case 2:
        return take ? taken(std::move(f).get()) : label_of(f.get());
      case 3:
        return take ? taken(std::move(f).result_for(nanoseconds::max())) : label_of(f.result_for(nanoseconds::max()));
      default:
        return take ? taken(std::move(f).result()) : label_of(f.result());
    }
  }
  void read_exception(std::size_t n, handle& f) {
    std::exception_ptr e;
    const outcome o = outcome_of([&]() -> outcome {
      e = f.exception();
      return {fate::value, 0};
    });
    auto& m = model_.nodes[n];
    require((o.what == fate::cancelled) == (m.now.what == fate::cancelled), "exception() of what was cancelled");
    require((e != nullptr) == is_error(m.now.what), "exception()");
    if (e != nullptr && !is_own(m.now.what)) require(outcome_of_exception(e) == m.now, "which exception");
    if (e != nullptr) m.read = true;
    compare();
  }

  void wait_one() {
    const std::size_t n = some_node();
    if (!reachable(n)) return;
    const bool done = is_done(model_.nodes[n].now.what);
    const handle& f = some_handle(n);
    std::stop_source stop;
    stop.request_stop();
    switch (c_.below(done ? 6 : 3)) {
      case 0:
        require(f.wait_for(std::chrono::hours(-1)) == done, "wait_for");
        break;
      case 1:
        require(f.wait_until(past) == done, "wait_until");
        break;
      case 2:
        require(f.wait(stop.get_token()) == done, "wait with a stop requested");
        break;
      case 3:
        require(f.wait(std::stop_token()), "wait with a token that nobody stops");
        break;
      case 4:
        require(f.wait_until(std::chrono::system_clock::time_point::max()), "wait_until for ever");
        break;
      default:
        f.wait();
    }
    compare();
  }

  void add_callback() {
    const std::size_t n = some_node();
    if (!reachable(n)) return;
    const callback c{callback::plain, fresh_name(), some_deed(), none};
    some_handle(n).add_done_callback(typename reality<T>::plain_callback{&real_, c});
    model_.add_callback(n, c);
    compare();
  }

  void go_on() {
    const std::size_t n = some_node();
    if (!reachable(n) || model_.nodes.size() >= most_nodes) return;
    const auto form = static_cast<callback::kind>(callback::referring + c_.below(3));
    const callback c{form, fresh_name(), some_deed(), none};
    typename reality<T>::next_label f{&real_, c};
    handle& from = some_handle(n);
    handle next;
    if (form == callback::coroutine) {
      next = reality<T>::relay(std::move(f.one), real_, c, from);
    } else if (form == callback::taking) {
      next = std::move(from).then(std::move(f));
    } else {
      next = from.then(std::move(f));
    }
    real_.nodes.emplace_back().handles.push_back(std::move(next));
    model_.add_continuation(n, c);
    compare();
  }
};

}  // namespace future_model
