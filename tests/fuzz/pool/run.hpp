// tests/fuzz/pool/run.hpp · a pool beside its model: while its workers are held, everything is sure
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "fuzz/pool/task_steps.hpp"

namespace pool_model {

/// One run. Its workers are held while tasks are made, cancelled, chained and looked at; then they run all of it, and
/// are held again. With one worker and tasks that wait for nothing, even the order of all that happens is known.
class run : task_steps {
public:
  /// Throws  mismatch.
  static void follow(std::span<const std::uint8_t> bytes) {
    choices c(bytes);
    const unsigned kind = c.below(8);
    const std::size_t workers = kind < 6 ? 1 : kind == 6 ? 2 : 3;
    run r(c, workers, kind < 3, c.below(3) == 0 ? 1 + c.below(6) : 0);
    while (!c.over() && !r.over_) r.step();
    r.leave();
  }

private:
  using task_steps::task_steps;

  void step() {
    switch (c_.below(18)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        submit();
        break;
      case 5:
        post();
        break;
      case 6:
        cancel();
        break;
      case 7:
        request_stop();
        break;
      case 8:
      case 9:
        add_callback();
        break;
      case 10:
      case 11:
        go_on();
        break;
      case 12:
        make_or_set_promise();
        break;
      case 13:
        look();
        break;
      case 14:
        map();
        break;
      case 15:
        loop();
        break;
      case 16:
        if (c_.one_in(4)) shut_down();
        break;
      default:
        return let_run();
    }
    compare();
    look_at_held_pool();
  }

  // ── steps ──

  void look() {
    std::vector<std::size_t> some, done, rest;
    std::vector<spool::future<int>> given;
    for (unsigned i = c_.below(6); i > 0; --i) {
      const std::size_t id = some_task();
      if (!has_future(id) || std::find(some.begin(), some.end(), id) != some.end()) continue;
      some.push_back(id);
      given.push_back(real_.futures[id]);
      (model_.tasks[id].at == place::done ? done : rest).push_back(id);
    }
    const auto futures_of = [this](const std::vector<std::size_t>& ids) {
      std::vector<spool::future<int>> all;
      for (const std::size_t id : ids) all.push_back(real_.futures[id]);
      return all;
    };
    const auto seen = spool::wait_for(given, std::chrono::seconds(0));
    require(seen.done == futures_of(done) && seen.not_done == futures_of(rest), "wait_for");
    std::vector<spool::future<int>> yielded;
    bool in_time = true;
    try {
      for (auto& f : spool::as_completed_for(given, std::chrono::seconds(0))) yielded.push_back(f);
    } catch (spool::timeout_error const&) {
      in_time = false;
    }
    require(yielded == seen.done && in_time == rest.empty(), "as_completed_for");
  }

  /// Maps are dropped, or run out of time, while the workers are held: nothing of them is left then.
  void map() {
    const bool bounded = bound_ != std::numeric_limits<std::size_t>::max();
    if (bounded) return;
    std::vector<int> data(c_.below(20), 1);
    std::atomic<int> calls{0};
    const std::size_t chunk = 1 + c_.below(4);
    const std::size_t before = model_.queue.size();
    const bool gives_up = c_.below(2) != 0;
    expect_refusal([&] {
      auto results = real_.pool->map(
          {.chunk_size = chunk, .timeout = std::chrono::seconds(gives_up ? 0 : 3'600)},
          [&](int x) { return calls += x; }, data);
      require(real_.pool->pending() == before + (data.size() + chunk - 1) / chunk, "a task for each chunk");
      if (!gives_up || data.empty()) return;
      bool threw = false;
      auto at = results.begin();
      try {
        static_cast<void>(*at);
      } catch (spool::timeout_error const&) {
        threw = true;
      }
      require(threw && at == results.end(), "a map that runs out of time throws, and is at its end");
    });
    require(calls == 0, "nothing of a map runs that was dropped");
  }

  void loop() {
    std::vector<std::size_t> data(c_.below(30));
    std::iota(data.begin(), data.end(), std::size_t{0});
    const std::size_t fails_at = c_.one_in(3) ? c_.below(30) : data.size();
    std::size_t calls = 0;
    const outcome o = seen_by([&] {
      real_.pool->for_each(data, [&](std::size_t i) {
        ++calls;
        if (i == fails_at) throw failure{7};
      });
      return 0;
    });
    const bool fails = fails_at < data.size();
    require(o.what == (model_.closed ? fate::shut_down : fails ? fate::failure : fate::value), "for_each");
    require(calls == (model_.closed ? 0 : fails ? fails_at + 1 : data.size()), "for_each does all of it here");
  }

  void shut_down() {
    const bool discards = c_.below(2) != 0;
    const bool stops = c_.below(2) != 0;
    real_.pool->shutdown({.wait = false, .cancel_pending = discards, .request_stop = stops});
    model_.close(discards);
    model_.stopping = model_.stopping || stops;
    any_order_ = discards;
  }

  /// The workers do all there is, and are held again.
  void let_run() {
    run_model();
    any_order_ = any_order_ || model_.discarding;
    real_.release();
    if (model_.closed) {
      real_.pool->shutdown();
      over_ = true;
    } else {
      real_.pool->wait_idle();
      require(real_.pool->wait_idle_for(std::chrono::seconds(0)), "an idle pool is idle");
    }
    require(real_.pool->pending() == 0, "nothing waits in an idle pool");
    compare();
    if (!over_) real_.hold();
  }

  void leave() {
    for (std::size_t id = 0; id < model_.tasks.size(); ++id) {
      if (model_.tasks[id].made != form::promise || model_.tasks[id].at == place::done) continue;
      real_.promises[id]->set_value(static_cast<int>(id));
      model_.set_promise(id, static_cast<int>(id));
    }
    compare();
    if (!over_) {
      model_.close(false);
      run_model();
      any_order_ = model_.discarding;
      real_.release();
    }
    real_.pool.reset();
    compare();
    require(model_.callables == 0, "every callable is destroyed");
    for (const auto& f : real_.futures) require(!f.valid() || f.done(), "no future is left pending");
    for (const auto& f : real_.children) require(f.result() >= 1'000, "what a task made has run");
  }

  void run_model() {
    real_.last = model_.last = model_.last_to_wait_for();
    model_.run_all();
  }
};

}  // namespace pool_model
