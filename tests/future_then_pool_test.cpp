// tests/future_then_pool_test.cpp · then with a pool: a task that enters it when its source completes
// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/failing_new.hpp"
#include "support/outcome.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;

namespace {

int one_more(int i) { return i + 1; }

}  // namespace

static_assert(
    std::is_same_v<decltype(std::declval<future<int>&>().then(std::declval<thread_pool&>(), one_more)), future<int>>);
static_assert(std::is_same_v<decltype(std::declval<future<void>>().then(std::declval<thread_pool&>(),
                                                                        [](std::stop_token) { return 1L; })),
                             future<long>>);

TEST_CASE("then with a pool calls f with the result in a worker of the pool") {
  thread_pool pool(spool::pool_options{.max_workers = 1, .thread_name_prefix = "there"});
  promise<std::string> p;
  future<std::string> f = p.get_future();
  std::string const* seen = nullptr;
  future<std::string> name = f.then(pool, [&](std::string const& s) {
    seen = &s;
    return spool::detail::this_thread_info().name;
  });
  future<int> taken = std::move(f).then(
      pool, [mine = std::make_unique<int>(3)](std::string s) { return *mine + static_cast<int>(s.size()); });
  CHECK_FALSE(name.done());
  p.set_value("four");
  CHECK(name.result().substr(0, 6) == "there_");
  CHECK(seen != nullptr);
  CHECK(taken.result() == 7);
  CHECK_THROWS_AS(f.result(), spool::usage_error);
}

TEST_CASE("then with a pool takes a source that is done, void, a reference, move-only") {
  thread_pool pool(2);
  promise<void> v;
  v.set_value();
  CHECK(v.get_future().then(pool, [] { return 1; }).result() == 1);
  int object = 5;
  promise<int&> r;
  r.set_value(object);
  CHECK(&r.get_future().then(pool, [](int& i) -> int& { return i; }).result() == &object);
  promise<std::unique_ptr<int>> m;
  m.set_value(std::make_unique<int>(2));
  CHECK(*m.get_future().then(pool, [](std::unique_ptr<int> i) { return i; }).result() == 2);
}

TEST_CASE("then takes a pool of a class derived from thread_pool, too") {
  struct named_pool : thread_pool {
    named_pool() : thread_pool(spool::pool_options{.max_workers = 1, .thread_name_prefix = "derived"}) {}
  };
  named_pool pool;
  promise<int> p;
  const future<int> f = p.get_future();
  const future<std::string> name = f.then(pool, [](int) { return spool::detail::this_thread_info().name; });
  const future<int> next = f.then(pool, one_more);
  p.set_value(1);
  CHECK(name.result() == "derived_0");
  CHECK(next.result() == 2);
}

TEST_CASE("then with a pool enters the pool when its source completes, not before") {
  thread_pool pool(1);
  busy worker(pool);
  promise<int> p;
  const future<int> g = p.get_future().then(pool, one_more);
  CHECK(pool.pending() == 0);
  p.set_value(1);
  CHECK(pool.pending() == 1);
  CHECK_FALSE(g.done());
  worker.release();
  pool.wait_idle();
  CHECK(g.done());
  CHECK(g.result() == 2);
  promise<int> q;
  const future<int> h = q.get_future().then(pool, one_more);
  pool.wait_idle();
  CHECK_FALSE(h.done());
  CHECK(h.cancel());
}

TEST_CASE("an exception and a cancel pass through then with a pool, in the thread that completes the source") {
  thread_pool pool(1);
  const busy worker(pool);
  probe first, second;
  promise<int> p, q;
  future<void> failed = p.get_future().then(pool, [held = first.take()](int) {});
  future<void> cancelled = q.get_future().then(pool, [held = second.take()](int) {}).then(pool, [] {});
  p.set_exception(boom());
  CHECK(failed.done());
  CHECK(first.gone());
  CHECK_THROWS_WITH(failed.result(), "boom");
  CHECK(q.get_future().cancel());
  CHECK(cancelled.cancelled());
  CHECK(second.gone());
  CHECK(pool.pending() == 0);
}

TEST_CASE("cancel of a future of then with a pool, before its source is done and while it waits in the pool") {
  thread_pool pool(1);
  busy worker(pool);
  std::atomic<int> calls{0};
  probe first, second;
  promise<int> p;
  future<int> f = p.get_future();
  future<void> before = f.then(pool, [&, held = first.take()](int) { ++calls; });
  future<void> queued = f.then(pool, [&, held = second.take()](int) { ++calls; });
  CHECK(before.cancel());
  CHECK(first.gone());
  p.set_value(1);
  CHECK(pool.pending() == 1);
  CHECK(queued.cancel());
  CHECK(second.gone());
  CHECK(pool.pending() == 0);
  worker.release();
  pool.wait_idle();
  CHECK(calls == 0);
  CHECK(f.result() == 1);
}

TEST_CASE("while f runs in the pool its future is running, and its stop token hears request_stop") {
  thread_pool pool(1);
  promise<int> p;
  gate started;
  future<bool> g = p.get_future().then(pool, [&](std::stop_token stop, int) {
    started.open();
    eventually([&] { return stop.stop_requested(); });
    return true;
  });
  CHECK_FALSE(g.running());
  p.set_value(1);
  started.wait();
  CHECK(g.running());
  CHECK_FALSE(g.cancel());
  CHECK(g.request_stop());
  CHECK(g.result());
}

TEST_CASE("request_stop before the source is done is heard by f") {
  thread_pool pool(1);
  promise<int> p;
  future<bool> g = p.get_future().then(pool, [](std::stop_token stop, int) { return stop.stop_requested(); });
  CHECK(g.request_stop());
  p.set_value(1);
  CHECK(g.result());
}

TEST_CASE("shutdown with request_stop is heard by an f that runs") {
  thread_pool pool(1);
  promise<int> p;
  gate started;
  const auto g = p.get_future().then(pool, [&](std::stop_token stop, int) {
    started.open();
    eventually([&] { return stop.stop_requested(); });
  });
  p.set_value(1);
  started.wait();
  pool.shutdown({.request_stop = true});
  CHECK(ending(g) == "fine");
}

// ── pools that end ──

TEST_CASE("a pool that is shut down, or gone, when the source completes gives pool_shutdown_error") {
  auto pool = std::make_unique<thread_pool>(1);
  probe first, second;
  promise<int> p, q;
  std::atomic<int> calls{0};
  future<void> shut = p.get_future().then(*pool, [&, held = first.take()](int) { ++calls; });
  future<void> gone = q.get_future().then(*pool, [&, held = second.take()](int) { ++calls; });
  pool->shutdown();
  CHECK_FALSE(shut.done());
  p.set_value(1);
  CHECK(ending(shut) == "pool_shutdown_error");
  CHECK(first.gone());
  const future<int> source = p.get_future();
  const auto late = source.then(*pool, [&](int) { ++calls; });
  CHECK(ending(late) == "pool_shutdown_error");
  pool.reset();
  CHECK_FALSE(gone.done());
  q.set_value(1);
  CHECK(ending(gone) == "pool_shutdown_error");
  CHECK(second.gone());
  CHECK(calls == 0);
}

TEST_CASE("shutdown with cancel_pending cancels what has entered, and refuses what comes later") {
  thread_pool pool(1);
  busy worker(pool);
  promise<int> p, q;
  const auto entered = p.get_future().then(pool, one_more);
  const auto later = q.get_future().then(pool, one_more);
  p.set_value(1);
  pool.shutdown({.wait = false, .cancel_pending = true});
  CHECK(entered.cancelled());
  q.set_value(1);
  CHECK(ending(later) == "pool_shutdown_error");
}

TEST_CASE("a source that a task of the pool completes while the pool drains still has its continuation run") {
  promise<int> p;
  std::vector<future<int>> all;
  {
    thread_pool pool(1);
    busy worker(pool);
    future<int> f = pool.submit([] { return 0; });
    for (int i = 0; i < 10; ++i) {
      f = f.then(pool, one_more);
      all.push_back(f);
    }
    pool.shutdown({.wait = false});
    worker.release();
  }
  for (int i = 0; i < 10; ++i) CHECK(all[static_cast<std::size_t>(i)].result() == i + 1);
}

TEST_CASE("a pool that is broken when the source completes gives broken_pool_error, which needs no reader") {
  const hook_log log;
  {
    thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [] { throw std::runtime_error("broken"); }});
    promise<int> p;
    const future<int> source = p.get_future();
    const auto f = source.then(pool, one_more);
    source.then(pool, one_more);
    try {
      pool.submit([] {}).wait();
    } catch (spool::broken_pool_error const&) {
    }
    eventually([&] { return log.size() == 1; });
    p.set_value(1);
    CHECK(ending(f) == "broken_pool_error");
  }
  CHECK(log.size() == 1);
  CHECK(log.count("broken") == 1);
}

TEST_CASE("what is behind a pool goes away once no continuation needs it") {
  promise<int> p, q;
  probe held_by_pool;
  future<int> cancelled, pending;
  {
    thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [held = held_by_pool.take()] {}});
    CHECK(p.get_future().then(pool, one_more).cancel());
    cancelled = p.get_future().then(pool, one_more);
    pending = q.get_future().then(pool, one_more);
    promise<int> ready;
    ready.set_value(1);
    CHECK(ready.get_future().then(pool, one_more).result() == 2);
  }
  CHECK_FALSE(held_by_pool.gone());
  CHECK(cancelled.cancel());
  CHECK_FALSE(held_by_pool.gone());
  q.set_value(1);
  CHECK(held_by_pool.gone());
  p.set_value(1);
  CHECK(ending(pending) == "pool_shutdown_error");
}

// ── who waits ──

TEST_CASE("the thread that completes the source never waits for room in the pool") {
  thread_pool pool(spool::pool_options{.max_workers = 1, .max_pending = 1});
  busy worker(pool);
  const auto fills = pool.submit([] {});
  REQUIRE_FALSE(pool.try_submit([] {}).has_value());
  promise<int> p;
  std::vector<future<int>> all;
  const future<int> source = p.get_future();
  for (int i = 0; i < 5; ++i) all.push_back(source.then(pool, one_more));
  CHECK(all.size() == 5);
  p.set_value(1);
  CHECK(pool.pending() == 6);
  worker.release();
  pool.wait_idle();
  CHECK(pool.try_submit([] {}).has_value());
}

TEST_CASE("a task may wait for a continuation in its own pool of one worker, and runs it itself if it can") {
  thread_pool pool(1);
  const auto same_thread = pool.submit([&] {
    promise<int> p;
    future<std::thread::id> g = p.get_future().then(pool, [](int) { return std::this_thread::get_id(); });
    p.set_value(1);
    return g.result() == std::this_thread::get_id();
  });
  CHECK(same_thread.result());
}

TEST_CASE("a task that waits for a continuation whose source is not done yet waits for that first") {
  thread_pool pool(1);
  promise<int> p;
  gate waiting;
  std::atomic<bool> too_early{true};
  future<int> g = p.get_future().then(pool, [&](int i) { return too_early ? -1 : i; });
  const future<int> outer = pool.submit([&] {
    waiting.open();
    return g.result();
  });
  waiting.wait();
  let_others_sleep();
  too_early = false;
  p.set_value(4);
  CHECK(outer.result() == 4);
}

TEST_CASE("tasks wait for chains of continuations in their own pool, by every means, on 1 and 4 workers") {
  for (const std::size_t workers : {1u, 4u}) {
    thread_pool pool(workers);
    std::vector<future<int>> all;
    for (int t = 0; t < 20; ++t) {
      all.push_back(pool.submit([&pool, t] {
        std::vector<future<int>> mine;
        for (int i = 0; i < 10; ++i) {
          mine.push_back(pool.submit([] { return 0; }).then(pool, one_more).then(one_more).then(pool, one_more));
        }
        if (t % 3 == 0) spool::wait(mine);
        if (t % 3 == 1) {
          for (auto& f : spool::as_completed(mine)) static_cast<void>(f.result());
        }
        int sum = 0;
        for (auto& f : mine) sum += f.result();
        return sum;
      }));
    }
    for (auto& f : all) CHECK(f.result() == 30);
  }
}

TEST_CASE("a long chain of continuations in a pool needs no stack") {
  const int length = rounds_of(200'000);
  thread_pool pool(2);
  promise<int> p;
  future<int> last = p.get_future();
  for (int i = 0; i < length; ++i) last = last.then(pool, one_more);
  SECTION("a value") {
    p.set_value(0);
    CHECK(last.result() == length);
  }
  SECTION("an exception") {
    p.set_exception(boom());
    CHECK_THROWS_WITH(last.result(), "boom");
  }
  SECTION("a cancel") {
    CHECK(p.get_future().cancel());
    CHECK(last.cancelled());
  }
}

// ── memory, and what is lost ──

TEST_CASE("then with a pool makes one allocation, and without it changes nothing") {
  if (!failing_new::works) return;
  thread_pool pool(1);
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  struct wide_callable {
    std::unique_ptr<int> held;
    std::array<char, 1000> room{};  // no block that lies ready fits
    int operator()(std::unique_ptr<int> mine) { return *mine + *held; }
  };
  wide_callable callable{std::make_unique<int>(1)};
  int failures = 0;
  future<int> g;
  for (int n = 1; !g.valid(); ++n) {
    try {
      const failing_new none(n);
      g = std::move(f).then(pool, std::move(callable));  // NOLINT
    } catch (std::bad_alloc const&) {
      ++failures;
      REQUIRE(callable.held);
      REQUIRE(f.valid());
    }
  }
  CHECK(failures == 1);
  p.set_value(std::make_unique<int>(2));
  CHECK(g.result() == 3);
}

TEST_CASE("a source completes without memory, and its continuation enters the pool, or is refused by it") {
  if (!failing_new::works) return;
  thread_pool pool(1), shut(1);
  pool.submit([] {}).wait();  // it has a worker
  promise<int> p;
  const future<int> f = p.get_future();
  const auto runs = f.then(pool, one_more);
  const auto refused = f.then(shut, one_more);
  const auto cancelled = f.then(pool, one_more);
  shut.shutdown();
  {
    const failing_new none(1);
    cancelled.cancel();
  }
  CHECK(cancelled.cancelled());
  {
    const failing_new none(1);
    p.set_value(1);
  }
  CHECK(ending(refused) == "pool_shutdown_error");
  CHECK(runs.result() == 2);
}

TEST_CASE("then with a pool on an empty future is a usage_error") {
  thread_pool pool(1);
  future<int> empty;
  CHECK_THROWS_AS(empty.then(pool, one_more), spool::usage_error);
  CHECK_THROWS_AS(std::move(empty).then(pool, one_more), spool::usage_error);
}

TEST_CASE("unread exceptions of continuations in a pool go to the excepthook once, those of a shut pool too") {
  const hook_log log;
  {
    thread_pool pool(1);
    promise<int> p, q;
    p.get_future().then(pool, [](int) { throw std::runtime_error("from f"); });
    q.get_future().then(pool, [](int) {}).then(pool, [] {});
    p.set_value(1);
    q.set_exception(boom("passed"));
    pool.wait_idle();
    CHECK(log.count("from f") == 1);
    CHECK(log.count("passed") == 1);
    CHECK(log.size() == 2);
    pool.shutdown();
    p.get_future().then(pool, [](int) {});
  }
  CHECK(log.size() == 3);
}

// ── races ──

TEST_CASE("completion of the source against cancel against the worker: f runs once, or never and it is cancelled") {
  thread_pool pool(2);
  promise<int> p;
  future<void> g;
  std::atomic<int> calls{0};
  bool said = false;
  int wrong = 0;
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        calls = 0;
        g = p.get_future().then(pool, [&](int) { ++calls; });
      },
      [&] {
        g.wait();
        pool.wait_idle();
        if (said != g.cancelled() || calls != (said ? 0 : 1) || pool.pending() != 0) ++wrong;
      },
      [&] { p.set_value(1); }, [&] { said = g.cancel(); });
  CHECK(wrong == 0);
}

TEST_CASE("cancel of many continuations against their way into a busy pool: what is pending there is what is left") {
  thread_pool pool(1);
  const busy worker(pool);
  promise<int> p;
  std::vector<future<int>> all(16);
  std::size_t wrong = 0;
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        const future<int> f = p.get_future();
        for (auto& g : all) g = f.then(pool, one_more);
      },
      [&] {
        std::size_t left = 0;
        for (auto const& g : all) left += g.cancelled() ? 0 : 1;
        if (pool.pending() != left) ++wrong;
        for (auto const& g : all) g.cancel();
        if (pool.pending() != 0) ++wrong;
      },
      [&] { p.set_value(1); },
      [&] {
        for (std::size_t i = 0; i < all.size(); i += 2) all[i].cancel();
      });
  CHECK(wrong == 0);
}

TEST_CASE("completion of the source against the end of the pool: f has run, or the pool was shut down") {
  std::optional<thread_pool> pool;
  promise<int> p;
  future<void> g;
  std::atomic<int> calls{0};
  int wrong = 0;
  duel(
      rounds_of(2'000),
      [&] {
        p = {};
        calls = 0;
        pool.emplace(std::size_t{1});
        g = p.get_future().then(*pool, [&](int) { ++calls; });
      },
      [&] {
        const std::string end = ending(g);
        if (end != (calls == 1 ? "fine" : "pool_shutdown_error")) ++wrong;
        pool.reset();
      },
      [&] { p.set_value(1); }, [&] { pool.reset(); });
  CHECK(wrong == 0);
}

TEST_CASE("completion of the source against a shutdown that cancels, and against a cancel: it always ends") {
  std::optional<thread_pool> pool;
  promise<int> p;
  future<void> g, h;
  std::atomic<int> calls{0};
  int wrong = 0;
  duel(
      rounds_of(2'000),
      [&] {
        p = {};
        calls = 0;
        pool.emplace(std::size_t{2});
        const future<int> f = p.get_future();
        g = f.then(*pool, [&](int) { ++calls; });
        h = f.then(*pool, [&](int) { ++calls; });
      },
      [&] {
        int fine = 0;
        for (auto const& f : {g, h}) {
          const std::string end = ending(f);
          if (end == "fine") ++fine;
          if (end != "fine" && end != "pool_shutdown_error" && end != "cancelled_error") ++wrong;
        }
        if (fine != calls) ++wrong;
        pool.reset();
      },
      [&] { p.set_value(1); }, [&] { pool->shutdown({.cancel_pending = true}); }, [&] { h.cancel(); });
  CHECK(wrong == 0);
}

TEST_CASE("a worker that waits for a continuation against the completion of its source") {
  thread_pool pool(1);
  promise<int> p;
  future<int> g, outer;
  int wrong = 0;
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        g = p.get_future().then(pool, one_more);
      },
      [&] {
        if (outer.result() != 2) ++wrong;
      },
      [&] { p.set_value(1); }, [&] { outer = pool.submit([&] { return g.result(); }); });
  CHECK(wrong == 0);
}
