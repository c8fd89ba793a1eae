// tests/fuzz/pool/model.hpp · what becomes of the tasks of a pool, with no thread in sight
// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

namespace pool_model {

enum class fate {
  unset,
  value,
  failure,
  cancelled,
  cancel_thrown,  // a task has met another's cancelled_error: an exception, not a cancel
  shut_down
};
struct outcome {
  fate what = fate::unset;
  int label = 0;  // of a value or a failure
  friend auto operator<=>(const outcome&, const outcome&) = default;
};
/// What result() tells of it.
constexpr outcome as_read(outcome o) { return o.what == fate::cancel_thrown ? outcome{fate::cancelled, 0} : o; }

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// What a task does. Those from `cancels` on touch others, and are right only where one worker takes task by task;
/// those from `makes_child` on have others run meanwhile, and so have no order among themselves.
struct duty {
  enum kind : unsigned { returns, throws, tells_stop, cancels, asks_stop, misuses, shuts_down, discards, kinds };
  enum waiting : unsigned {
    makes_child = kinds,
    posts_child,
    waits_for_child,
    waits_for_other,
    loops,
    maps,
    waits_for_last,
    all
  };
  unsigned what = returns;
  std::size_t target = none;
};

/// What was seen to happen.
struct record {
  enum kind { started, called_back, cancel_said, stop_said, misuse_said } what;
  std::size_t task;
  outcome seen;
  friend auto operator<=>(const record&, const record&) = default;
};

class model {
public:
  enum class place { nowhere, source, queue, done };
  enum class form { submitted, posted, then_here, then_in_pool, promise };
  struct task {
    form made = form::submitted;
    duty does;
    place at = place::nowhere;
    outcome now;
    std::size_t source = none;
    bool stop_asked = false;
    std::vector<std::size_t> followers;  // continuations; callbacks are `none`
  };

  std::deque<task> tasks;
  std::deque<std::size_t> queue;
  std::vector<record> log;
  std::vector<outcome> lost;  // what comes to the excepthook
  int callables = 0;
  bool closed = false;
  bool discarding = false;  // closed, and what had not started was cancelled
  bool stopping = false;    // all that runs was asked to stop

  std::size_t add(form f, duty d, std::size_t source = none) {
    const std::size_t id = tasks.size();
    tasks.push_back({f, d, place::nowhere, {}, source, false, {}});
    if (f == form::promise) return id;
    ++callables;
    if (source == none) {
      enter(id);
    } else {
      tasks[id].at = place::source;
      follow(source, id);
    }
    return id;
  }
  void add_callback(std::size_t id) { follow(id, none); }

  bool cancel(std::size_t id) {
    task& t = tasks[id];
    if (t.at == place::done) return t.now.what == fate::cancelled;
    if (running_ == id) return false;
    if (t.at == place::queue) std::erase(queue, id);
    end(id, {fate::cancelled, 0});
    return true;
  }
  bool request_stop(std::size_t id) {
    task& t = tasks[id];
    if (t.does.what != duty::tells_stop || t.at == place::done) return false;
    return !std::exchange(t.stop_asked, true);
  }
  void set_promise(std::size_t id, int label) { end(id, {fate::value, label}); }

  void close(bool discard) {
    closed = true;
    if (!discard) return;
    discarding = true;
    while (!queue.empty()) {
      const std::size_t id = queue.front();
      queue.pop_front();
      end(id, {fate::cancelled, 0});
    }
  }

  /// The workers run all that there is.
  void run_all() {
    inside_ = true;
    while (!queue.empty()) run_next();
    inside_ = false;
  }

  /// One that ends whatever happens, and nobody waits in: the last of those that wait to be run, if there is one.
  std::size_t last_to_wait_for() const {
    for (auto it = queue.rbegin(); it != queue.rend(); ++it) {
      if (tasks[*it].made == form::submitted && tasks[*it].does.what < duty::cancels) return *it;
    }
    return none;
  }
  std::size_t last = none;  // is that, once the workers run

private:
  void run_next() {
    const std::size_t id = queue.front();
    queue.pop_front();
    running_ = id;
    const outcome o = run(id);
    running_ = none;
    if (tasks[id].made == form::posted && o.what == fate::failure) lost.push_back(o);
    end(id, o);
  }

  void enter(std::size_t id) {
    tasks[id].at = place::queue;
    queue.push_back(id);
  }
  void follow(std::size_t source, std::size_t follower) {
    tasks[source].followers.push_back(follower);
    if (tasks[source].at == place::done) tell_followers(source);
  }

  void end(std::size_t id, outcome o) {
    task& t = tasks[id];
    if (t.made != form::promise) --callables;
    t.at = place::done;
    t.now = o;
    tell_followers(id);
  }
  void tell_followers(std::size_t id) {
    const outcome o = tasks[id].now;
    for (const std::size_t next : std::exchange(tasks[id].followers, {})) {
      if (next == none) {
        log.push_back({record::called_back, id, as_read(o)});
      } else if (tasks[next].at != place::done) {
        go_on(next, o);
      }
    }
  }
  void go_on(std::size_t next, outcome from) {
    if (from.what != fate::value) return end(next, from);
    if (tasks[next].made == form::then_here) return end(next, run(next));
    if (inside_ ? discarding : closed) return end(next, {fate::shut_down, 0});
    enter(next);
  }

  outcome run(std::size_t id) {
    const task& t = tasks[id];
    const int label = t.source == none ? static_cast<int>(id) : tasks[t.source].now.label + 1;
    log.push_back({record::started, id, {}});
    const outcome fine{fate::value, label};
    const std::size_t other = t.does.target;
    switch (t.does.what) {
      case duty::throws:
        return {fate::failure, label};
      case duty::tells_stop:
        return {fate::value, t.stop_asked || stopping ? 1 : 0};
      case duty::cancels: {
        const bool done = cancel(other);
        log.push_back({record::cancel_said, other, {fate::unset, done}});
        return fine;
      }
      case duty::asks_stop: {
        const bool done = request_stop(other);
        log.push_back({record::stop_said, other, {fate::unset, done}});
        return fine;
      }
      case duty::misuses:
        log.push_back({record::misuse_said, id, {fate::unset, 4}});
        return fine;
      case duty::shuts_down:
      case duty::discards:
        close(t.does.what == duty::discards);
        return fine;
      case duty::waits_for_child:
        return {fate::value, 1'000 + label};
      case duty::waits_for_other:
        return what_it_was(other);
      case duty::waits_for_last:
        if (last == none || last < id) return fine;
        while (tasks[last].at != place::done) run_next();
        return what_it_was(last);
      default:
        return fine;
    }
  }
  /// Of a task that came before, or whose end is sure to come.
  outcome what_it_was(std::size_t id) const {
    const outcome o = tasks[id].now;
    return o.what == fate::cancelled ? outcome{fate::cancel_thrown, 0} : o;
  }

  std::size_t running_ = none;
  bool inside_ = false;  // it is the pool's own threads that do all this
};

}  // namespace pool_model
