// tests/fuzz/pool/play.hpp · a real pool beside its model, and what must hold between them
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <vector>

#include <spool/thread_pool.hpp>

#include "fuzz/pool/model.hpp"
#include "fuzz/pool/reality.hpp"
#include "support/choices.hpp"

namespace pool_model {

class play {
protected:
  using form = model::form;
  using place = model::place;

  play(choices& c, std::size_t workers, bool in_order, std::size_t bound)
      : c_(c),
        workers_(workers),
        in_order_(in_order),
        bound_(bound == 0 ? std::numeric_limits<std::size_t>::max() : bound),
        real_(spool::pool_options{workers, {}, {}, bound}) {
    real_.hold();
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
