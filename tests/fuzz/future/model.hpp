// tests/fuzz/future/model.hpp · what futures and promises must do, said once and in order, with no thread in sight
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "fuzz/future/vocabulary.hpp"

namespace future_model {

class model {
public:
  /// A range of as_completed: gives what has arrived, and then has run out of time.
  struct range {
    std::vector<std::size_t> arrived, pending;
    std::size_t current = none;
    bool at_end = false;
  };
  struct node {
    outcome now;
    bool taken = false;  // the value was moved out
    bool read = false;   // somebody has asked for it
    bool has_promise = false;
    bool continuation = false;
    std::size_t handles = 0;  // the user's
    std::size_t others = 0;   // of the promise, ranges, coroutines, and of who completes it
    std::vector<callback> callbacks;
  };

  /// Values have labels; they can be taken once.
  model(bool labelled, bool takeable) : labelled_(labelled), takeable_(takeable) {}

  std::deque<node> nodes;
  std::deque<range> ranges;  // in step with the real ones
  std::vector<record> log;
  std::vector<outcome> lost;  // what comes to the excepthook
  int callables = 0;          // alive

  std::size_t add_promise() {
    nodes.emplace_back();
    nodes.back().has_promise = true;
    nodes.back().others = 1;
    return nodes.size() - 1;
  }

  void drop_handle(std::size_t n) {
    --nodes[n].handles;
    look_whether_lost(n);
  }
  void drop_handles(std::size_t n) {
    if (nodes[n].handles == 0) return;
    nodes[n].handles = 0;
    look_whether_lost(n);
  }
  void drop_promise(std::size_t n) {
    nodes[n].has_promise = false;
    set(n, {fate::broken_promise, 0});
    release(n);
  }

  /// Returns  false for a usage_error.
  bool set(std::size_t n, outcome o) {
    if (is_done(nodes[n].now.what)) return false;
    settle(n, o);
    return true;
  }
  outcome value(int label) const { return {fate::value, labelled_ ? label : 0}; }

  bool cancel(std::size_t n) {
    node& x = nodes[n];
    if (x.now.what != fate::unset) return x.now.what == fate::cancelled;
    if (x.continuation) --callables;  // destroyed at once, and nobody will run it
    settle(n, {fate::cancelled, 0});
    if (x.continuation) release(n);
    return true;
  }

  /// result(), or one that moves out.      Preconditions  nobody would have to wait; timed ones poll.
  outcome result(std::size_t n, bool take) {
    node& x = nodes[n];
    if (!is_done(x.now.what)) return {fate::timeout, 0};
    if (x.now.what == fate::cancel_thrown) return {fate::cancelled, 0};
    if (x.now.what != fate::value) {
      x.read = true;
      return x.now;
    }
    if (!takeable_) return x.now;
    if (x.taken) return {fate::usage_error, 0};
    x.taken = take;
    return x.now;
  }

  void add_callback(std::size_t n, callback c) {
    ++callables;
    nodes[n].read = true;
    add(n, c);
  }
  /// Makes the node that the callback goes on to.
  std::size_t add_continuation(std::size_t n, callback c) {
    c.next = nodes.size();
    nodes.emplace_back();
    nodes.back().continuation = true;
    nodes.back().handles = 1;
    nodes.back().others = 1;
    if (c.form == callback::coroutine) {
      nodes.back().now.what = fate::running;  // its frame keeps a handle, too
      ++nodes[n].others;
    }
    add_callback(n, c);
    return c.next;
  }

  void begin_range(const std::vector<std::size_t>& of) {
    range& r = ranges.emplace_back();
    for (const std::size_t n : of) {
      ++nodes[n].others;
      (is_done(nodes[n].now.what) ? r.arrived : r.pending).push_back(n);
    }
  }
  /// begin() and ++.      Returns  false for a timeout.
  bool advance(range& r) {
    if (r.current != none) release(std::exchange(r.current, none));
    if (!r.arrived.empty()) {
      r.current = r.arrived.front();
      r.arrived.erase(r.arrived.begin());
      return true;
    }
    const bool in_time = r.pending.empty();
    drop_range(r);
    return in_time;
  }
  void drop_range(range& r) {
    if (r.current != none) release(std::exchange(r.current, none));
    for (auto* some : {&r.arrived, &r.pending}) {
      for (const std::size_t n : std::exchange(*some, {})) release(n);
    }
    r.at_end = true;
  }

private:
  void release(std::size_t n) {
    --nodes[n].others;
    look_whether_lost(n);
  }
  void look_whether_lost(std::size_t n) {
    const node& x = nodes[n];
    if (x.handles + x.others == 0 && is_error(x.now.what) && !is_own(x.now.what) && !x.read) lost.push_back(x.now);
  }

  void settle(std::size_t n, outcome o) {
    ++nodes[n].others;
    nodes[n].now = o;
    for (range& r : ranges) {
      const auto it = std::find(r.pending.begin(), r.pending.end(), n);
      if (it == r.pending.end()) continue;
      r.pending.erase(it);
      r.arrived.push_back(n);
    }
    for (const callback& c : std::exchange(nodes[n].callbacks, {})) run(n, c);
    release(n);
  }

  void add(std::size_t n, const callback& c) {
    if (is_done(nodes[n].now.what)) {
      run(n, c);
    } else {
      nodes[n].callbacks.push_back(c);
    }
  }

  void run(std::size_t n, const callback& c) {
    if (c.form == callback::plain) {
      ++nodes[n].others;
      log.push_back({c.name, result(n, false)});
      if (!perform(c.does)) lost.push_back({fate::failure, c.name});
      --callables;
      return release(n);
    }
    if (is_done(nodes[c.next].now.what)) return;  // it was cancelled before
    const bool coroutine = c.form == callback::coroutine;
    outcome got = nodes[n].now;
    if (got.what == fate::value) got = result(n, c.form == callback::taking);
    if (got.what == fate::value) {
      nodes[c.next].now.what = fate::running;
      log.push_back({c.name, got});
      got = perform(c.does) ? value((got.label + 1) % 100) : outcome{fate::failure, c.name};
    } else if (got.what == fate::cancelled && coroutine) {
      got.what = fate::cancel_thrown;
    }
    --callables;
    if (coroutine) release(n);
    settle(c.next, got);
    release(c.next);
  }

  /// Returns  false if it throws.
  bool perform(const deed& d) {
    const bool reachable = d.node < nodes.size() && nodes[d.node].handles != 0;
    const bool settable = d.node < nodes.size() && nodes[d.node].has_promise;
    if (d.what == deed::cancels && reachable) {
      const bool done = cancel(d.node);
      log.push_back({d.name, {fate::cancelled, done}});
    } else if (d.what == deed::sets && settable) {
      const bool done = set(d.node, value(d.name));
      log.push_back({d.name, {fate::value, done}});
    } else if (d.what == deed::calls_back && reachable) {
      add_callback(d.node, {callback::plain, d.name, {}, none});
    } else if (d.what == deed::drops) {
      if (reachable) drop_handles(d.node);
    } else if (d.what == deed::breaks && settable) {
      drop_promise(d.node);
    }
    return d.what != deed::throws;
  }

  const bool labelled_;
  const bool takeable_;
};

}  // namespace future_model
