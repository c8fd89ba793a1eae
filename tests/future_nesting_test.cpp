// tests/future_nesting_test.cpp · callbacks that call for others, as deep as one likes, on a stack of ordinary size
// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/future.hpp>
#include <spool/wait.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/outcome.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;

namespace {

constexpr int many = 200'000;
constexpr int deeper_than_callbacks_nest = 200;

future<int> ready() {
  promise<int> p;
  p.set_value(1);
  return p.get_future();
}

/// Calls f so many callbacks deep, each on a result that is there.
void so_deep(int depth, future<int> const& on, std::function<void()> const& f) {
  if (depth == 0) return f();
  on.add_done_callback([&, depth](future<int> const&) { so_deep(depth - 1, on, f); });
}

/// Promises of which each is set by a callback of the one before.
std::vector<promise<int>> dominoes(int n, bool throws) {
  std::vector<promise<int>> row(static_cast<std::size_t>(n));
  for (std::size_t i = 1; i < row.size(); ++i) {
    row[i - 1].get_future().add_done_callback([&next = row[i], throws](future<int> const&) {
      if (throws) {
        next.set_exception(boom());
      } else {
        next.set_value(1);
      }
    });
  }
  return row;
}

future<void> sets_next(future<int> f, promise<int>* next) {
  co_await f;
  if (next != nullptr) next->set_value(1);
}

}  // namespace

// ── loops ──

TEST_CASE("a loop by then on results that are there needs no stack") {
  const int steps = rounds_of(many);
  const future<int> one = ready();
  long sum = 0;
  std::function<void(int)> step = [&](int i) {
    if (i == steps) return;
    one.then([&, i](int v) {
      sum += v;
      step(i + 1);
    });
  };
  step(0);
  CHECK(sum == steps);
}

TEST_CASE("a loop by add_done_callback on results that are there needs no stack, each of them made inside") {
  const int steps = rounds_of(many);
  int calls = 0;
  std::function<void()> step = [&] {
    if (++calls == steps) return;
    ready().add_done_callback([&](future<int> const&) { step(); });
  };
  step();
  CHECK(calls == steps);
}

TEST_CASE("a row of promises, each set in a callback of the one before, needs no stack") {
  const int n = rounds_of(many);
  SECTION("by a value") {
    auto row = dominoes(n, false);
    row.front().set_value(1);
    CHECK(row.back().get_future().result() == 1);
  }
  SECTION("by an exception") {
    auto row = dominoes(n, true);
    row.front().set_exception(boom());
    CHECK_THROWS_WITH(row.back().get_future().result(), "boom");
  }
}

TEST_CASE("a row of continuations, each of which holds the promise of the next, ends without a stack when cancelled") {
  const int n = rounds_of(many);
  promise<int> first;
  future<int> source = first.get_future();
  future<void> cancelled;
  for (int i = 0; i < n; ++i) {
    auto next = std::make_shared<promise<int>>();
    future<int> after = next->get_future();
    future<void> f = source.then([held = std::move(next)](int) {});
    if (i == 0) cancelled = f;
    source = after;
  }
  CHECK(cancelled.cancel());
  CHECK_THROWS_AS(source.result(), spool::broken_promise_error);
}

TEST_CASE("a row of coroutines, each of which sets what the next awaits, needs no stack") {
  const int n = rounds_of(many / 4);
  std::vector<promise<int>> row(static_cast<std::size_t>(n));
  std::vector<future<void>> all;
  for (std::size_t i = 0; i < row.size(); ++i) {
    all.push_back(sets_next(row[i].get_future(), i + 1 < row.size() ? &row[i + 1] : nullptr));
  }
  row.front().set_value(1);
  CHECK(all.back().done());
}

// ── order and promptness ──

TEST_CASE("callbacks inside each other run at once where they are few") {
  const future<int> one = ready();
  std::vector<int> order;
  so_deep(10, one, [&] {
    order.push_back(1);
    one.then([&](int) { order.push_back(2); });
    order.push_back(3);
  });
  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("what is deep inside callbacks runs in the order added, once what asked for it has returned") {
  const future<int> one = ready();
  promise<int> p;
  std::vector<int> order;
  for (int i = 0; i < 2; ++i) p.get_future().add_done_callback([&, i](future<int> const&) { order.push_back(i); });
  so_deep(deeper_than_callbacks_nest, one, [&] {
    p.set_value(0);
    CHECK(p.get_future().done());
    for (int i = 2; i < 4; ++i) p.get_future().add_done_callback([&, i](future<int> const&) { order.push_back(i); });
    const auto last = one.then([&](int) { order.push_back(4); });
    last.add_done_callback([&](future<void> const&) { order.push_back(5); });
  });
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("all callbacks have run when the outermost set_value, cancel or then returns, however deep they were") {
  int calls = 0;
  const auto count_deep = [&](auto const&...) {
    const future<int> one = ready();
    so_deep(deeper_than_callbacks_nest, one, [&calls, one] { one.then([&calls](int) { ++calls; }); });
  };
  promise<int> p, q;
  p.get_future().add_done_callback(count_deep);
  q.get_future().add_done_callback(count_deep);
  p.set_value(1);
  CHECK(calls == 1);
  q.get_future().cancel();
  CHECK(calls == 2);
  ready().then(count_deep);
  CHECK(calls == 3);
}

// ── waiting inside ──

TEST_CASE("a callback may wait for what it has just asked for, however deep it is") {
  const future<int> one = ready();
  std::optional<int> got;
  const auto next = [](int i) { return i + 1; };
  SECTION("without a limit") {
    so_deep(deeper_than_callbacks_nest, one, [&] { got = one.then(next).result(); });
  }
  SECTION("with a limit, or only to look") {
    so_deep(deeper_than_callbacks_nest, one, [&] { got = one.then(next).result_for(0s); });
  }
  SECTION("for several") {
    so_deep(deeper_than_callbacks_nest, one, [&] {
      const std::vector<future<int>> all{one.then(next), one.then(next)};
      if (spool::wait_for(all, 0s).done.size() == 2) got = all[1].result();
    });
  }
  SECTION("for the next of several") {
    so_deep(deeper_than_callbacks_nest, one, [&] {
      for (auto const& f : spool::as_completed(std::vector<future<int>>{one.then(next)})) got = f.result();
    });
  }
  SECTION("until a stop is requested") {
    std::stop_source stop;
    so_deep(deeper_than_callbacks_nest, one, [&] {
      const auto f = one.then(next);
      if (f.wait(stop.get_token())) got = f.result();
    });
  }
  CHECK(got == 2);
}

TEST_CASE("what waits deep inside callbacks may be cancelled, and is gone with its callable at once") {
  const future<int> one = ready();
  probe seen;
  bool gone = false, ran = false;
  so_deep(deeper_than_callbacks_nest, one, [&, held = seen.take()]() mutable {
    auto f = one.then([&ran, mine = std::move(held)](int) { ran = true; });
    if (f.cancel()) gone = seen.gone();
  });
  CHECK(gone);
  CHECK_FALSE(ran);
}
