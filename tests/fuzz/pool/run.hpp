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

#include "fuzz/pool/model.hpp"
#include "fuzz/pool/reality.hpp"
#include "support/choices.hpp"

namespace pool_model {

/// One run. Its workers are held while tasks are made, cancelled, chained and looked at; then they run all of it, and are
/// held again. With one worker and tasks that wait for nothing, even the order of all that happens is known.
class run {
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
  using form = model::form;
  using place = model::place;

  run(choices& c, std::size_t workers, bool in_order, std::size_t bound)
      : c_(c),
        workers_(workers),
        in_order_(in_order),
        bound_(bound == 0 ? std::numeric_limits<std::size_t>::max() : bound),
        real_(spool::pool_options{workers, {}, {}, bound}) {
    real_.hold();
  }

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

  // ── which one ──

  std::size_t some_task() { return c_.below(model_.tasks.size()); }
  bool has_future(std::size_t id) const { return id < model_.tasks.size() && model_.tasks[id].made != form::posted; }
  duty some_duty() {
    duty d{c_.below(in_order_ ? unsigned{duty::kinds} : unsigned{duty::all} - duty::kinds + duty::cancels)};
    if (!in_order_ && d.what >= duty::cancels) d.what += duty::kinds - duty::cancels;
    if (d.what != duty::cancels && d.what != duty::asks_stop && d.what != duty::waits_for_other) return d;
    d.target = some_task();
    const bool fits = has_future(d.target) && (d.what != duty::waits_for_other || is_sure_to_end(d.target));
    return fits ? d : duty{};
  }
  /// Before any task that is made now has to wait for it.
  bool is_sure_to_end(std::size_t id) const {
    const auto& t = model_.tasks[id];
    return t.at == place::done || (t.at == place::queue && t.does.what != duty::waits_for_last);
  }
  bool full() const { return model_.queue.size() >= bound_; }

  // ── steps ──

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

  // ── what must hold ──

  void compare() {
    if (in_order_ && !any_order_) {
      require(real_.log == model_.log, "what happens, in order");
    } else {
      require(workers_ != 1 || any_order_ || starts(real_.log) == starts(model_.log), "tasks start in order");
      std::sort(real_.log.begin(), real_.log.end());
      std::sort(model_.log.begin(), model_.log.end());
      require(real_.log == model_.log, "what happens");
    }
    any_order_ = false;
    real_.log.clear();
    model_.log.clear();
    std::sort(real_.lost.begin(), real_.lost.end());
    std::sort(model_.lost.begin(), model_.lost.end());
    require(real_.lost == model_.lost, "what nobody can catch comes to the excepthook");
    real_.lost.clear();
    model_.lost.clear();
    require(real_.callables == model_.callables, "callables live until they are spent");
    read_.resize(model_.tasks.size());
    for (std::size_t id = 0; id < model_.tasks.size(); ++id) {
      const auto& f = real_.futures[id];
      if (!f.valid()) continue;
      const auto& t = model_.tasks[id];
      require(f.done() == (t.at == place::done), "done");
      require(f.cancelled() == (t.now.what == fate::cancelled), "cancelled");
      require(!f.running(), "nothing runs");
      if (!f.done() || read_[id]) continue;
      require(seen_by([&] { return f.result(); }) == as_read(t.now), "result");
      read_[id] = true;  // once is enough: exceptions are slow
    }
  }
  /// Of those that were submitted from outside.
  std::vector<std::size_t> starts(const std::vector<record>& log) const {
    std::vector<std::size_t> ids;
    for (const record& r : log) {
      const form made = model_.tasks[r.task].made;
      if (r.what == record::started && (made == form::submitted || made == form::posted)) ids.push_back(r.task);
    }
    return ids;
  }

  void look_at_held_pool() {
    spool::thread_pool& p = *real_.pool;
    require(p.pending() == model_.queue.size(), "pending");
    // One that stood in for a task that waited stays a while.
    require(in_order_ ? p.worker_count() == workers_ : p.worker_count() >= workers_, "worker_count");
    require(p.max_workers() == workers_, "max_workers");
    require(!p.wait_idle_for(std::chrono::seconds(0)), "wait_idle_for");
    if (model_.closed) require(!p.shutdown_for(std::chrono::seconds(0)), "shutdown_for");
  }

  choices& c_;
  const std::size_t workers_;
  const bool in_order_;
  const std::size_t bound_;
  model model_;
  reality real_;
  std::vector<bool> read_;  // of each task, whether its result was compared
  bool any_order_ = false;  // of what has happened in this step
  bool over_ = false;
};

}  // namespace pool_model
