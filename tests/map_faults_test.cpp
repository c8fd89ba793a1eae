// tests/map_faults_test.cpp · maps that are left early, run out of time, or lose their pool, their source or memory
// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/event.hpp>
#include <spool/thread_pool.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/failing_new.hpp"
#include "support/source.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::map_options;
using spool::thread_pool;

namespace {

using ints = std::vector<int>;

struct same {
  int operator()(int i) const { return i; }
};

struct ordered {
  template <class... Args>
  static auto map(thread_pool& pool, Args&&... args) {
    return pool.map(std::forward<Args>(args)...);
  }
};
struct unordered {
  template <class... Args>
  static auto map(thread_pool& pool, Args&&... args) {
    return pool.map_unordered(std::forward<Args>(args)...);
  }
};

/// Sleeps until a stop is requested.
void until_stopped(std::stop_token stop) { spool::event().wait(std::move(stop)); }

/// What an iteration gave before it threw, and what it threw.
struct course {
  ints seen;
  std::string thrown;
  bool at_end = false;  // afterwards
};
template <class Range>
course go_through(Range& range) {
  course c;
  try {
    for (const int r : range) c.seen.push_back(r);
  } catch (std::exception const& e) {
    c.thrown = e.what();
  }
  c.at_end = range.begin() == range.end();
  return c;
}

bool is_shutdown_error(std::string const& what) { return what == spool::pool_shutdown_error().what(); }

}  // namespace

// ── leaving early ──

TEMPLATE_TEST_CASE("to leave a map early stops what runs and waits for it and cancels the rest", "", ordered,
                   unordered) {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(40); ++round) {
    for (const std::size_t chunk : {1u, 3u}) {
      std::atomic<int> inside{0}, calls{0};
      const auto f = [&](std::stop_token stop, int i) {
        ++inside;
        ++calls;
        if (i != 0) until_stopped(stop);
        --inside;
        return i;
      };
      const map_options options{.chunk_size = chunk, .buffer_size = 9};
      const auto first_item = [&](auto&& leave) {
        source numbers;
        for (const int r : TestType::map(pool, options, [&](std::stop_token s, int i) { return f(s, i); }, numbers)) {
          if (leave(r)) break;
        }
      };
      if (chunk == 1) {
        first_item([](int) { return true; });
        CHECK(inside == 0);
        CHECK_THROWS_WITH(first_item([](int r) -> bool { throw std::runtime_error(r == 0 ? "mine" : "odd"); }), "mine");
        CHECK(inside == 0);
      }
      {
        source numbers;
        auto dropped = TestType::map(pool, options, [&](std::stop_token s, int i) { return f(s, i); }, numbers);
      }
      CHECK(inside == 0);
      const int now = calls;
      pool.wait_idle();
      CHECK(calls == now);
    }
  }
}

TEMPLATE_TEST_CASE("a chunk whose map was dropped ends with the call that runs", "", ordered, unordered) {
  thread_pool pool(1);
  for (const bool with_token : {true, false}) {
    std::atomic<int> calls{0};
    gate go, started;
    const opens at_end(go);
    probe last;
    crew helper;
    {
      std::vector<std::shared_ptr<int>> data(10);
      data.back() = last.take();
      if (with_token) {
        auto results = TestType::map(
            pool, map_options{.chunk_size = 10},
            [&](std::stop_token stop, std::shared_ptr<int> const&) {
              started.open();
              until_stopped(stop);
              return ++calls;
            },
            std::move(data));
        started.wait();
      } else {
        auto results = TestType::map(
            pool, map_options{.chunk_size = 10},
            [&](std::shared_ptr<int> const&) {
              started.open();
              go.wait();
              return ++calls;
            },
            std::move(data));
        started.wait();
        helper.start([&] {
          let_others_sleep();
          go.open();
        });
      }
    }
    helper.join();
    if (with_token) CHECK(calls == 1);  // without one it may have been told too late
    CHECK(last.gone());
  }
}

TEST_CASE("a stop of all the pool ends no chunk but the calls see it") {
  thread_pool pool(1);
  std::atomic<int> stopped{0};
  gate started;
  auto results = pool.map(
      {.chunk_size = 5},
      [&](std::stop_token stop, int i) {
        started.open();
        until_stopped(stop);
        ++stopped;
        return i;
      },
      std::views::iota(0, 5));
  started.wait();
  pool.shutdown({.request_stop = true});
  CHECK(go_through(results).seen == ints{0, 1, 2, 3, 4});
  CHECK(stopped == 5);
}

TEMPLATE_TEST_CASE("exceptions of a dropped map go nowhere", "", ordered, unordered) {
  const hook_log log;
  thread_pool pool(2);
  for (const std::size_t chunk : {1u, 3u}) {
    auto dropped = TestType::map(
        pool, map_options{.chunk_size = chunk, .buffer_size = 7}, [](int i) -> int { throw i; }, std::views::iota(0));
    pool.wait_idle();
  }
  CHECK(log.size() == 0);
}

// ── time ──

TEMPLATE_TEST_CASE("a map that runs out of time throws once and is at its end and cancels and stops the rest", "",
                   ordered, unordered) {
  thread_pool pool(2);
  for (const std::chrono::milliseconds limit : {0ms, -5ms, 1ms, 20ms}) {
    std::atomic<int> calls{0}, stopped{0};
    meeting both_run(3);
    source numbers;
    {
      auto results = TestType::map(
          pool, map_options{.chunk_size = 2, .buffer_size = 20, .timeout = limit},
          [&](std::stop_token stop, int i) {
            ++calls;
            both_run.arrive_and_wait();
            until_stopped(stop);
            ++stopped;
            return i;
          },
          numbers);
      both_run.arrive_and_wait();
      auto it = results.begin();
      CHECK_THROWS_AS(*it, spool::timeout_error);
      CHECK(it == results.end());
      CHECK(results.begin() == results.end());
      eventually([&] { return stopped == 2; });  // though the range is still there
      CHECK(numbers.taken == 20);
    }
    CHECK(calls == 2);
  }
}

TEMPLATE_TEST_CASE("a map that gives up does not wait for what runs but its end does", "", ordered, unordered) {
  thread_pool pool(1);
  gate go;
  const opens at_end(go);
  std::atomic<int> done{0};
  crew helper;
  {
    auto results = TestType::map(
        pool, map_options{.timeout = 1ms},
        [&](int i) {
          go.wait();
          return ++done, i;
        },
        std::views::iota(0, 1));
    auto it = results.begin();
    CHECK_THROWS_AS(++it, spool::timeout_error);
    CHECK(it == results.end());
    CHECK(done == 0);
    helper.start([&] {
      let_others_sleep();
      go.open();
    });
    eventually([&] { return pool.pending() == 0; });
  }
  helper.join();
  CHECK(done <= 1);  // cancelled, or waited for
  const int now = done;
  pool.wait_idle();
  CHECK(done == now);
}

TEMPLATE_TEST_CASE("what is done is yielded even when the time is over", "", ordered, unordered) {
  thread_pool pool(2);
  ints data{1, 2, 3};
  auto results = TestType::map(pool, map_options{.timeout = 0s}, same(), data);
  pool.wait_idle();
  CHECK(go_through(results).seen.size() == 3);
}

TEMPLATE_TEST_CASE("a time limit may be any duration and the longest is for ever", "", ordered, unordered) {
  thread_pool pool(2);
  ints data{1, 2, 3};
  for (const map_options options :
       {map_options{.timeout = std::chrono::hours::max()}, map_options{.timeout = std::chrono::duration<double>(1e300)},
        map_options{.timeout = std::chrono::duration<float, std::ratio<86400>>(10.5f)}, map_options{}}) {
    auto results = TestType::map(pool, options, same(), data);
    CHECK(go_through(results).seen.size() == 3);
  }
  auto late = TestType::map(
      pool, map_options{.buffer_size = 1, .timeout = std::chrono::duration<double>(1e-4)},
      [](std::stop_token stop, int i) { return until_stopped(stop), i; }, data);
  CHECK_THROWS_AS(*late.begin(), spool::timeout_error);
}

TEMPLATE_TEST_CASE("a map that finds no room in its pool in time yields what it has submitted and then tells so", "",
                   ordered, unordered) {
  gate go, again;
  thread_pool pool({.max_workers = 1, .max_pending = 2});
  const opens at_end(go);
  pool.post([&] { go.wait(); });
  eventually([&] { return pool.pending() == 0; });
  {
    source numbers;
    auto results = TestType::map(pool, map_options{.timeout = 1ms}, same(), numbers);
    go.open();
    pool.wait_idle();
    const course c = go_through(results);
    CHECK(c.seen == ints{0, 1});
    CHECK(c.thrown.find("time") != std::string::npos);
    CHECK(c.at_end);
  }
  const opens at_end_again(again);
  pool.post([&] { again.wait(); });
  eventually([&] { return pool.pending() == 0; });
  pool.post([] {});
  pool.post([] {});
  auto results = TestType::map(pool, map_options{.timeout = 1ms}, same(), std::views::iota(0, 5));
  CHECK_THROWS_AS(results.begin(), spool::timeout_error);
  CHECK(results.begin() == results.end());
}

// ── the pool goes ──

TEMPLATE_TEST_CASE("when the pool is shut down what was taken is yielded and then an error told", "", ordered,
                   unordered) {
  for (const bool destroyed : {false, true}) {
    for (const std::size_t chunk : {1u, 2u}) {
      std::optional<thread_pool> pool(std::in_place, std::size_t{1});
      source numbers;
      auto results = TestType::map(*pool, map_options{.chunk_size = chunk, .buffer_size = 4}, same(), numbers);
      auto it = results.begin();
      CHECK(*it == 0);
      if (destroyed) {
        pool.reset();
      } else {
        pool->shutdown();
      }
      const course c = go_through(results);
      CHECK(c.seen == ints{0, 1, 2, 3});
      CHECK(is_shutdown_error(c.thrown));
      CHECK(c.at_end);
      CHECK(numbers.taken == 4);  // nothing in vain
    }
  }
}

TEST_CASE("a map whose input has ended does not mind that its pool is shut down") {
  thread_pool pool(1);
  source numbers{.length = 3};
  auto results = pool.map({.buffer_size = 3}, same(), numbers);
  pool.shutdown();
  const course c = go_through(results);
  CHECK(c.seen == ints{0, 1, 2});
  CHECK(c.thrown.empty());
}

TEMPLATE_TEST_CASE("a pool that cancels what is pending gives cancelled_error for each item of a chunk", "", ordered,
                   unordered) {
  gate go, started;
  thread_pool pool(1);
  const opens at_end(go);
  pool.post([&] {
    started.open();
    go.wait();
  });
  started.wait();
  auto results = TestType::map(pool, map_options{.chunk_size = 2, .buffer_size = 4}, same(), std::views::iota(0));
  pool.shutdown({.wait = false, .cancel_pending = true});
  auto it = results.begin();
  for (int i = 0; i < 4; ++i) {
    CHECK_THROWS_AS(*it, spool::cancelled_error);
    if (i < 3) ++it;
  }
  CHECK_THROWS_AS(++it, spool::pool_shutdown_error);
  CHECK(it == results.end());
  go.open();
}

TEMPLATE_TEST_CASE("a map on a pool that breaks ends with broken_pool_error and nothing of it is left", "", ordered,
                   unordered) {
  const hook_log log;
  const auto element = std::make_shared<int>(0);
  const auto endless = std::views::iota(0) | std::views::transform([&](int) { return element; });
  for (int round = 0; round < rounds_of(20); ++round) {
    gate go;
    const opens at_end(go);
    thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [&] {
                                           go.wait();
                                           throw 1;
                                         }});
    {
      auto results = TestType::map(
          pool, map_options{.chunk_size = 2, .buffer_size = 4}, [](std::shared_ptr<int> p) { return *p; }, endless);
      CHECK(element.use_count() == 5);
      go.open();
      auto it = results.begin();
      for (int i = 0; i < 4; ++i) {
        CHECK_THROWS_AS(*it, spool::broken_pool_error);
        if (i < 3) ++it;
      }
      CHECK_THROWS_AS(++it, spool::broken_pool_error);
      CHECK(it == results.end());
    }
    CHECK(element.use_count() == 1);
  }
}

// ── the source fails ──

TEMPLATE_TEST_CASE("what a range throws while it is gone through comes after all that was taken before", "", ordered,
                   unordered) {
  thread_pool pool(2);
  for (const std::size_t chunk : {1u, 2u, 3u, 7u}) {
    for (const std::size_t buffer : {1u, 3u, 4u, 5u}) {
      CAPTURE(chunk, buffer);
      source numbers{.fails_at = 5};
      auto results = TestType::map(pool, map_options{.chunk_size = chunk, .buffer_size = buffer}, same(), numbers);
      const course c = go_through(results);
      CHECK(c.seen.size() == 5);
      CHECK(c.thrown == "the source");
      CHECK(c.at_end);
    }
  }
}

TEMPLATE_TEST_CASE("what a range throws in the call itself comes out of that with all cancelled and waited for", "",
                   ordered, unordered) {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(50); ++round) {
    std::atomic<int> calls{0}, inside{0};
    source numbers{.fails_at = 5};
    CHECK_THROWS_WITH(TestType::map(
                          pool, map_options{.chunk_size = 2, .buffer_size = 8},
                          [&](std::stop_token stop, int) {
                            ++inside;
                            ++calls;
                            until_stopped(stop);
                            --inside;
                          },
                          numbers),
                      "the source");
    CHECK(inside == 0);
    const int now = calls;
    pool.wait_idle();
    CHECK(calls == now);
  }
}

TEMPLATE_TEST_CASE("an element whose copy throws ends the map at its place and nothing leaks", "", ordered, unordered) {
  tracked::reset();
  {
    thread_pool pool(2);
    std::vector<tracked> data;
    for (int i = 0; i < 8; ++i) data.emplace_back(i);
    for (const std::size_t chunk : {1u, 3u}) {
      auto copies = data | std::views::transform([](tracked const& t) -> tracked { return t; });
      auto results = TestType::map(
          pool, map_options{.chunk_size = chunk, .buffer_size = 3}, [](tracked t) { return t.value; }, copies);
      tracked::fail_at_copy(2);
      const course c = go_through(results);
      CHECK(c.seen.size() == 4);
      CHECK(c.thrown == tracked_failure().what());
      tracked::fail_at_copy(0);
    }
  }
  CHECK(tracked::live() == 0);
}

// ── no memory ──

TEMPLATE_TEST_CASE("a map that gets no memory throws bad_alloc at its place and leaves nothing behind", "", ordered,
                   unordered) {
  if (!failing_new::works) return;
  tracked::reset();
  {
    thread_pool pool(1);
    pool.submit([] {}).wait();
    const auto f = [](tracked const& t) { return tracked(t.value); };
    std::vector<tracked> data;
    for (int i = 0; i < 400; ++i) data.emplace_back(i);
    for (const map_options options :
         {map_options{}, map_options{.buffer_size = 100}, map_options{.chunk_size = 150, .buffer_size = 200},
          map_options{.chunk_size = 1, .buffer_size = 1}}) {
      for (int n = 1;; n += 1 + n / 8) {
        std::size_t seen = 0;
        bool failed = false;
        try {
          const failing_new guard(n);
          auto results = TestType::map(pool, options, std::cref(f), data);
          for (tracked& r : results) seen += static_cast<std::size_t>(r.value == 0 ? 1 : 1);
        } catch (std::bad_alloc const&) {
          failed = true;
        }
        CHECK((seen == 400) == !failed);
        if (!failed) break;
      }
      pool.wait_idle();
      CHECK(tracked::live() == 400);
    }
  }
  CHECK(tracked::live() == 0);
}
