// tests/faults_test.cpp · all of the library when memory or threads run out: nothing changed, all still usable
// SPDX-License-Identifier: MIT
//
// Queues, maps, continuations, coroutines, and what a pool does with its tasks then, have tests of their own.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/failing_new.hpp"
#include "support/outcome.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;

namespace {

/// Larger than what any callable keeps inside itself, and shows whether a copy of it is left anywhere.
struct large {
  std::shared_ptr<int> shown = std::make_shared<int>(0);
  std::array<char, 400> bytes{};
  bool only_one() const { return shown.use_count() == 1; }
};

/// Calls `act` with its first, second, ... allocation failing, until it comes through; after each failure `unchanged`
/// must be true.      Returns  what was wrong, if anything.
struct trial {
  std::string name;
  int least;  // how many allocations there are
  std::function<void()> act;
  std::function<bool()> unchanged;

  std::string run() const {
    for (int n = 1; n < 1'000; ++n) {
      try {
        const failing_new guard(n);
        act();
        return n > least ? "" : name + ": too few allocations were seen to fail";
      } catch (std::bad_alloc const&) {
      }
      if (!unchanged()) return name + ": changed when allocation " + std::to_string(n) + " failed";
    }
    return name + ": never came through";
  }
};

void run_all(std::vector<trial> const& trials) {
  for (trial const& t : trials) CHECK(t.run() == "");
}

/// The names of those that throw where there is no memory.
struct needs_none {
  std::string name;
  std::function<void()> act;
};
std::vector<std::string> throwing_without_memory(std::vector<needs_none> const& all) {
  std::vector<std::string> names;
  for (needs_none const& one : all) {
    bool threw = false;
    try {
      const failing_new none(1);
      one.act();
    } catch (std::bad_alloc const&) {
      threw = true;
    }
    if (threw) names.push_back(one.name);
  }
  return names;
}

}  // namespace

// ── no memory ──

TEST_CASE("locks, signals and their waits need no memory") {
  if (!failing_new::works) return;
  spool::mutex m;
  spool::recursive_mutex r;
  spool::semaphore s(3);
  spool::bounded_semaphore b(1);
  spool::event e;
  spool::condition c;
  spool::barrier alone(1), two(2);
  std::stop_source stop;
  stop.request_stop();
  const std::stop_token stopped = stop.get_token();
  std::unique_lock held(m, std::defer_lock);
  bool right = true;
  const auto is = [&right](bool x) { right = right && x; };
  const std::vector<needs_none> all{
      {"mutex",
       [&] { m.lock(), is(!m.try_lock()), is(!m.try_lock_for(1us)), m.unlock(), is(m.try_lock()), m.unlock(); }},
      {"recursive_mutex", [&] { r.lock(), is(r.try_lock_for(1us)), r.unlock(), r.unlock(), is(!r.locked()); }},
      {"semaphore", [&] { s.acquire(), is(s.acquire(stopped)), is(s.try_acquire()), is(!s.try_acquire_for(1us)); }},
      {"semaphore, stopped", [&] { is(!s.acquire(stopped)), s.release(3), is(s.value() == 3); }},
      {"bounded_semaphore", [&] { const spool::permit p(b); }},
      {"event", [&] { is(!e.wait_for(1us)), is(!e.wait(stopped)), e.set(), e.wait(), e.clear(); }},
      {"condition", [&] { m.lock(), is(!c.wait_for(m, 1us)), c.notify_all(), c.notify(2), m.unlock(); }},
      {"condition with a predicate", [&] { m.lock(), is(!c.wait_for(m, 1us, [] { return false; })), m.unlock(); }},
      {"condition, stopped", [&] { m.lock(), is(!c.wait(m, stopped, [] { return false; })), m.unlock(); }},
      {"condition with a recursive_mutex",
       [&] { r.lock(), r.lock(), is(!c.wait_for(r, 1us)), r.unlock(), r.unlock(); }},
      {"barrier", [&] { is(alone.wait() == 0), two.abort(), is(two.broken()), two.reset(), is(two.waiting() == 0); }},
  };
  CHECK(throwing_without_memory(all) == std::vector<std::string>{});
  CHECK(right);
}

TEST_CASE("misuse without memory is reported some other way, and changes nothing") {
  if (!failing_new::works) return;
  spool::mutex m;
  spool::recursive_mutex r;
  spool::bounded_semaphore b(1);
  spool::queue<int> q;
  spool::condition c;
  spool::promise<int> p;
  const spool::future<int> f = p.get_future(), empty;
  p.set_value(1);
  spool::timer t(1h, [] {});
  t.start();
  spool::thread done([] {});
  done.start();
  done.join();
  const std::vector<std::pair<std::string, std::function<void()>>> all{
      {"mutex", [&] { m.unlock(); }},
      {"recursive_mutex", [&] { r.unlock(); }},
      {"bounded_semaphore", [&] { b.release(); }},
      {"queue", [&] { q.task_done(); }},
      {"condition", [&] { c.wait(m); }},
      {"promise", [&] { p.set_value(2); }},
      {"future", [&] { empty.wait(); }},
      {"timer", [&] { t.start(); }},
      {"thread", [&] { done.start(); }},
  };
  for (auto const& [name, act] : all) {
    CAPTURE(name);
    std::string seen = "nothing";
    for (int n = 1; n < 20 && seen != "usage_error"; ++n) {
      seen = "nothing";
      try {
        const failing_new guard(n);
        act();
      } catch (spool::usage_error const&) {
        seen = "usage_error";
      } catch (std::bad_alloc const&) {
        seen = "bad_alloc";
      }
      if (seen == "nothing") break;
    }
    CHECK(seen == "usage_error");
  }
  CHECK_FALSE(m.locked());
  CHECK_FALSE(r.locked());
  CHECK(b.try_acquire());
  CHECK(q.join_for(0s));
  CHECK(f.result() == 1);
  CHECK(t.cancel());
}

TEST_CASE("what is made without memory leaves nothing, and can be made then") {
  if (!failing_new::works) return;
  const large mine;
  std::optional<spool::barrier> barrier;
  std::optional<spool::timer> timer;
  std::optional<spool::periodic_timer> periodic;
  std::optional<spool::thread> thread;
  std::optional<spool::thread_pool> pool;
  std::optional<spool::promise<std::string>> promise;
  const auto copies = [&mine](long n) { return [&mine, n] { return mine.shown.use_count() == 1 + n; }; };
  const std::string name(100, 'n');
  run_all({
      {"barrier", 1, [&] { barrier.emplace(2, [mine] { static_cast<void>(mine); }); }, copies(0)},
      {"timer", 1, [&] { timer.emplace(1h, [](large const&) {}, mine); }, copies(1)},
      {"periodic_timer", 1, [&] { periodic.emplace(1h, [](large const&) {}, mine); }, copies(2)},
      {"thread", 2, [&] { thread.emplace(spool::thread_options{.name = name}, [](large const&) {}, mine); }, copies(3)},
      {"thread_pool", 2,
       [&] {
         pool.emplace(spool::pool_options{
             .max_workers = 2, .thread_name_prefix = name, .initializer = [mine] { static_cast<void>(mine); }});
       },
       copies(4)},
      {"promise", 0, [&] { promise.emplace(); }, copies(5)},
  });
  barrier.reset();
  timer.reset();
  periodic.reset();
  thread.reset();
  pool.reset();
  CHECK(mine.only_one());
}

TEST_CASE("who is running, and by what name, is as before when there is no memory to say or change it") {
  if (!failing_new::works) return;
  spool::thread t(spool::thread_options{.name = "before"}, [](std::stop_token stop) { spool::event().wait(stop); });
  t.start();
  const std::size_t listed = spool::active_count();
  const std::string longer(100, 'n');
  const auto same = [&] { return t.name() == "before" && spool::active_count() == listed && t.is_alive(); };
  run_all({
      {"name", 0, [&] { static_cast<void>(t.name()); }, same},
      {"enumerate", 1, [&] { static_cast<void>(spool::enumerate()); }, same},
      {"current_thread", 0, [&] { static_cast<void>(spool::current_thread()); }, same},
      {"main_thread", 0, [&] { static_cast<void>(spool::main_thread()); }, same},
      {"set_name", 1, [&] { t.set_name(longer); }, same},
  });
  CHECK(t.name() == longer);
}

TEST_CASE("an excepthook that there is no memory for leaves the one before in its place") {
  if (!failing_new::works) return;
  const hook_log log;
  const large mine;
  std::size_t expected = 0;
  const auto lose_one = [] {
    spool::promise<int> p;
    static_cast<void>(p.get_future());
    p.set_exception(boom());
  };
  bool set = false;
  spool::excepthook_handler before;
  run_all({{"set_excepthook", 1,
            [&] {
              before = spool::set_excepthook([mine](spool::thread_info const&, std::exception_ptr const&) {});
              set = true;
            },
            [&] {
              lose_one();
              return mine.only_one() && log.size() == ++expected;
            }}});
  REQUIRE(set);
  lose_one();
  CHECK(log.size() == expected);  // it went to the new one
  spool::set_excepthook(before);
}

TEST_CASE("a submit without memory gives back its place in a pool that is bounded") {
  if (!failing_new::works) return;
  constexpr std::size_t places = 3;
  spool::thread_pool pool({.max_workers = 1, .max_pending = places});
  const large mine;
  std::vector<spool::future<void>> all;
  all.reserve(places);
  auto held = std::make_unique<busy>(pool);
  std::optional<spool::future<void>> got;
  const auto f = [](large const&) {};
  const auto stoppable = [](std::stop_token const&, large const&) {};
  const auto unchanged = [&] { return pool.pending() == all.size() && mine.only_one(); };
  const auto keep = [&all](spool::future<void> one) { all.push_back(std::move(one)); };
  run_all({{"submit", 1, [&] { keep(pool.submit(f, mine)); }, unchanged}});
  CHECK(all.back().cancel());
  all.clear();
  run_all({{"submit with a token", 1, [&] { keep(pool.submit(stoppable, mine)); }, unchanged}});
  CHECK(all.back().cancel());
  all.clear();
  run_all({{"try_submit", 1, [&] { keep(*pool.try_submit(f, mine)); }, unchanged}});
  CHECK(all.back().cancel());
  all.clear();
  for (std::size_t i = 0; i < places; ++i) {
    got = pool.try_submit([] {});
    REQUIRE(got);
  }
  CHECK_FALSE(pool.try_submit([] {}));
  held.reset();
  pool.wait_idle();
  held = std::make_unique<busy>(pool);
  run_all({{"post", 1, [&] { pool.post(f, mine); }, unchanged}});
  run_all({{"post with a token", 1, [&] { pool.post(stoppable, mine); },
            [&] { return pool.pending() == 1 && mine.shown.use_count() == 2; }}});
  CHECK(pool.pending() == 2);
  held.reset();
  pool.wait_idle();
  CHECK(mine.only_one());
}

TEST_CASE("for_each needs no memory: at worst its caller visits every element alone") {
  if (!failing_new::works) return;
  spool::thread_pool pool(3);
  pool.submit([] {}).wait();
  std::vector<int> visits(100, 0);
  {
    const failing_new none(1);
    pool.for_each(visits, [](int& each) { ++each; });
  }
  CHECK(visits == std::vector<int>(100, 1));
  CHECK(pool.wait_idle_for(1h));
}

// ── no threads ──

TEST_CASE("what needs a thread that the system refuses says so, has changed nothing, and works later") {
  if (!no_more_threads::works) return;
  spool::thread_pool pool({.max_workers = 2, .max_pending = 2});
  spool::promise<int> source;
  const large mine;
  std::vector<int> data(100, 1);
  spool::thread thread([] {});
  {
    const no_more_threads refuse;
    for (int i = 0; i < 5; ++i) {  // more often than there are places
      CHECK_THROWS_AS(pool.submit([](large const&) {}, mine), std::system_error);
      CHECK_THROWS_AS(pool.try_submit([](large const&) {}, mine), std::system_error);
      CHECK_THROWS_AS(pool.post([](large const&) {}, mine), std::system_error);
      CHECK_THROWS_AS(pool.map([](int x) { return x; }, data), std::system_error);
      CHECK_THROWS_AS(pool.map_unordered([](int x) { return x; }, data), std::system_error);
      CHECK_THROWS_AS(thread.start(), std::system_error);
    }
    CHECK(mine.only_one());
    CHECK(pool.pending() == 0);
    CHECK(pool.worker_count() == 0);
    CHECK_FALSE(thread.is_alive());

    pool.for_each(data, [](int& x) { x = 2; });  // the caller does it alone
    CHECK(data == std::vector<int>(100, 2));

    const auto next = source.get_future().then(pool, [](int x) { return x + 1; });
    source.set_value(1);
    CHECK(next.done());
    CHECK_THROWS_AS(next.result(), std::system_error);

    const auto climbs = [](spool::thread_pool& p) -> spool::future<int> {
      co_await p.schedule();
      co_return 1;
    };
    const auto refused = climbs(pool);
    CHECK(refused.done());
    CHECK_THROWS_AS(refused.result(), std::system_error);
    CHECK(pool.wait_idle_for(0s));
  }
  CHECK(pool.submit([] { return 1; }).result() == 1);
  thread.start();
  thread.join();
  int sum = 0;
  for (const int x : pool.map([](int x) { return x; }, data)) sum += x;
  CHECK(sum == 200);
}

// ── what is called throws ──

TEST_CASE("whatever a callable throws, who called it goes on") {
  const hook_log log;
  spool::thread_pool pool(2);
  const auto throws = [](auto&&...) -> int { throw std::runtime_error("boom"); };
  std::vector<int> data(50, 1);

  spool::mutex m;
  spool::condition c;
  std::unique_lock held(m);
  CHECK(outcome([&] { c.wait(held, [&]() -> bool { return throws() != 0; }); }) == "boom");
  CHECK(outcome([&] { c.wait_for(held, 1h, [&]() -> bool { return throws() != 0; }); }) == "boom");
  CHECK(outcome([&] { c.wait(held, std::stop_token(), [&]() -> bool { return throws() != 0; }); }) == "boom");
  CHECK(held.owns_lock());
  CHECK(m.locked());

  spool::barrier b(1, throws);
  CHECK(outcome([&] { b.wait(); }) == "boom");
  CHECK(b.broken());

  CHECK(ending(pool.submit(throws)) == "boom");
  CHECK(ending(pool.submit([&](std::stop_token) -> int { return throws(); })) == "boom");
  CHECK(ending(pool.submit([] { return 1; }).then(throws)) == "boom");
  CHECK(ending(pool.submit([] { return 1; }).then(pool, throws)) == "boom");
  CHECK(outcome([&] { pool.for_each(data, throws); }) == "boom");
  CHECK(outcome([&] { static_cast<void>(*pool.map(throws, data).begin()); }) == "boom");
  CHECK(outcome([&] { static_cast<void>(*pool.map_unordered(throws, data).begin()); }) == "boom");
  const auto coroutine = [&]() -> spool::future<int> {
    co_await pool.schedule();
    co_return throws();
  };
  CHECK(ending(coroutine()) == "boom");
  pool.wait_idle();
  CHECK(log.size() == 0);

  // These have nobody who could catch it.
  pool.post(throws);
  pool.submit([] {}).add_done_callback(throws);
  pool.wait_idle();
  CHECK(log.count("boom") == 2);
  spool::thread thread(throws);
  thread.start();
  thread.join();
  spool::timer timer(0s, throws);
  timer.start();
  timer.join();
  CHECK(log.count("boom") == 4);
  gate again;
  std::atomic<int> fired{0};
  spool::periodic_timer periodic(1us, [&] {
    if (++fired == 3) again.open();
    throws();
  });
  periodic.start();
  again.wait();
  periodic.cancel();
  periodic.join();
  CHECK(log.count("boom") == 4 + static_cast<std::size_t>(fired));
  CHECK(pool.submit([] { return 1; }).result() == 1);
}

TEST_CASE("the library's own errors need no reader, wherever they leave what is called") {
  const hook_log log;
  spool::promise<int> cancelled;
  const spool::future<int> f = cancelled.get_future();
  f.cancel();
  const auto rethrows = [f](auto&&...) { return f.result(); };
  {
    spool::thread_pool pool(2);
    pool.submit(rethrows);
    pool.submit([rethrows](std::stop_token) { return rethrows(); });
    pool.submit([] { return 1; }).then(rethrows);
    pool.submit([] { return 1; }).then(pool, rethrows);
    pool.submit(rethrows).then(pool, [](int i) { return i; });
    pool.submit([] {}).add_done_callback(rethrows);
    pool.post(rethrows);
    const auto coroutine = [](spool::thread_pool& p, spool::future<int> awaited) -> spool::future<int> {
      co_await p.schedule();
      co_return co_await awaited;
    };
    coroutine(pool, f);
    pool.wait_idle();
  }
  {
    spool::promise<int> p;
    p.set_exception(std::make_exception_ptr(spool::cancelled_error()));
  }
  spool::thread thread(rethrows);
  thread.start();
  thread.join();
  spool::timer timer(0s, rethrows);
  timer.start();
  timer.join();
  CHECK(log.size() == 0);

  // But what breaks a pool is always told.
  spool::thread_pool broken(spool::pool_options{.max_workers = 1, .initializer = [f] { f.result(); }});
  CHECK(ending(broken.submit([] {})) == "broken_pool_error");
  broken.shutdown();
  CHECK(log.count(spool::cancelled_error().what()) == 1);
  CHECK(log.size() == 1);
}
