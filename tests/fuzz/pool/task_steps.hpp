// tests/fuzz/pool/task_steps.hpp · what can be done with one task while the workers are held
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "fuzz/pool/play.hpp"

namespace pool_model {

class task_steps : protected play {
protected:
  using play::play;

  template <class Call>
  void expect_refusal(Call&& call) {
    require(seen_by([&] {
              call();
              return 0;
            }).what == (model_.closed ? fate::shut_down : fate::value),
            "a pool that is shut down refuses");
  }

  void submit() {
    const duty d = some_duty();
    const std::size_t id = model_.tasks.size();
    const bool tries = full() || c_.one_in(3);
    std::optional<spool::future<int>> got;
    expect_refusal([&] {
      const auto give = [&](auto&& job) {
        if (tries) {
          got = real_.pool->try_submit(std::move(job));
        } else {
          got = real_.pool->submit(std::move(job));
        }
      };
      if (d.what == duty::tells_stop) {
        give(reality::stoppable_job{&real_, id});
      } else {
        give(reality::job{&real_, id, d});
      }
    });
    require(got.has_value() == (!model_.closed && !full()), "whether there was room");
    if (!got) return;
    model_.add(form::submitted, d);
    real_.futures.push_back(*std::move(got));
    real_.promises.emplace_back();
  }

  void post() {
    if (full() && !model_.closed) return;
    const duty d{c_.below(2) == 0 ? duty::returns : duty::throws};
    expect_refusal([&] { real_.pool->post(reality::job{&real_, model_.tasks.size(), d}); });
    if (model_.closed) return;
    model_.add(form::posted, d);
    real_.futures.emplace_back();
    real_.promises.emplace_back();
  }

  void cancel() {
    const std::size_t id = some_task();
    if (has_future(id)) require(real_.futures[id].cancel() == model_.cancel(id), "cancel");
  }
  void request_stop() {
    const std::size_t id = some_task();
    if (has_future(id)) require(real_.futures[id].request_stop() == model_.request_stop(id), "request_stop");
  }

  void add_callback() {
    const std::size_t id = some_task();
    if (!has_future(id)) return;
    real_.futures[id].add_done_callback([this, id](spool::future<int> const& f) {
      real_.note({record::called_back, id, seen_by([&] { return f.result(); })});
    });
    model_.add_callback(id);
  }

  void go_on() {
    const std::size_t id = some_task();
    if (!has_future(id)) return;
    const bool in_pool = c_.below(2) != 0;
    // A task that a task puts into the pool has no place among those from outside.
    if (in_pool && in_order_ && model_.tasks[id].made != form::promise) return;
    const duty d{c_.one_in(4) ? duty::throws : duty::returns};
    reality::job job{&real_, model_.tasks.size(), d};
    const auto& from = real_.futures[id];
    spool::future<int> next = in_pool ? from.then(*real_.pool, std::move(job)) : from.then(std::move(job));
    real_.futures.push_back(std::move(next));
    real_.promises.emplace_back();
    model_.add(in_pool ? form::then_in_pool : form::then_here, d, id);
  }

  void make_or_set_promise() {
    const std::size_t id = some_task();
    if (!has_future(id) || model_.tasks[id].made != form::promise || c_.below(4) == 0) {
      model_.add(form::promise, {});
      real_.promises.emplace_back(std::in_place);
      real_.futures.push_back(real_.promises.back()->get_future());
    } else if (model_.tasks[id].at != place::done) {
      real_.promises[id]->set_value(static_cast<int>(id));
      model_.set_promise(id, static_cast<int>(id));
    }
  }
};

}  // namespace pool_model
