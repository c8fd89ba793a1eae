// tests/fuzz/future/promise_steps.hpp · what can be done with one promise
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "fuzz/future/play.hpp"

namespace future_model {

template <class T>
class promise_steps : protected play<T> {
protected:
  using play<T>::c_;
  using play<T>::compare;
  using play<T>::fresh_name;
  using play<T>::model_;
  using play<T>::real_;
  using play<T>::some_node;
  using play<T>::most_nodes;

  using play<T>::play;

  void add_promise() {
    if (model_.nodes.size() >= most_nodes) return;
    const std::size_t n = model_.add_promise();
    auto& made = real_.nodes.emplace_back();
    made.promise.emplace();
    if (c_.one_in(8)) return;  // nobody asks for the future yet
    model_.nodes[n].handles = 1;
    made.handles.push_back(made.promise->get_future());
    compare();
  }

  void set() {
    const std::size_t n = some_node();
    if (n >= model_.nodes.size() || !model_.nodes[n].has_promise) return;
    const int label = fresh_name();
    const bool by_exception = c_.below(3) == 0;
    const bool fails = std::is_same_v<T, brittle> && !by_exception && c_.one_in(3);
    next_step_fails = fails;
    const outcome o = outcome_of([&]() -> outcome {
      auto& p = *real_.nodes[n].promise;
      if (by_exception) {
        p.set_exception(std::make_exception_ptr(failure{label}));
      } else {
        real_.set(p, label);
      }
      return {fate::value, 0};
    });
    next_step_fails = false;
    if (is_done(model_.nodes[n].now.what)) {
      require(o.what == fate::usage_error, "the first result stays");
    } else if (fails) {
      require(o.what == fate::item_failure, "a value that cannot be made is not set");
    } else {
      require(o.what == fate::value, "a promise can be set once");
      model_.set(n, by_exception ? outcome{fate::failure, label} : model_.value(label));
    }
    compare();
  }

  void start() {
    const std::size_t n = some_node();
    if (n >= model_.nodes.size() || !model_.nodes[n].has_promise) return;
    bool started = false;
    const outcome o = outcome_of([&]() -> outcome {
      started = real_.nodes[n].promise->set_running_or_notify_cancel();
      return {fate::value, 0};
    });
    fate& now = model_.nodes[n].now.what;
    require(started == (now == fate::unset), "what was not cancelled starts once");
    require((o.what == fate::usage_error) == (now != fate::unset && now != fate::cancelled), "it starts once");
    if (started) now = fate::running;
    compare();
  }

  void break_promise() {
    const std::size_t n = some_node();
    if (n >= model_.nodes.size() || !model_.nodes[n].has_promise) return;
    {
      const auto dropped = std::exchange(real_.nodes[n].promise, std::nullopt);
    }
    model_.drop_promise(n);
    compare();
  }
};

}  // namespace future_model
