// tests/max_pending_test.cpp · what a pool with a bound on waiting tasks promises
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"

using spool::thread_pool;

namespace {

spool::pool_options bounded(std::size_t workers, std::size_t pending) {
  spool::pool_options options;
  options.max_workers = workers;
  options.max_pending = pending;
  return options;
}

const auto nothing = [] {};

}  // namespace

TEST_CASE("never more than max_pending tasks wait for a worker, whoever submits, and all run") {
  for (const std::size_t workers : {1u, 2u, 4u}) {
    thread_pool pool(bounded(workers, 3));
    std::atomic<std::size_t> most{0};
    std::atomic<int> ran{0};
    crew::run(4, [&] {
      for (int i = 0; i < rounds_of(500); ++i) {
        pool.post([&] {
          std::size_t seen = most;
          const std::size_t now = pool.pending();
          while (now > seen && !most.compare_exchange_weak(seen, now)) continue;
          ++ran;
        });
      }
    });
    pool.wait_idle();
    CAPTURE(workers);
    CHECK(most <= 3 + (workers - 1));  // the other workers may be free just then, and about to start some of them
    CHECK(ran == 4 * rounds_of(500));
  }
}

TEST_CASE("a task for which a worker is free does not count as waiting") {
  thread_pool pool(bounded(2, 1));
  busy first(pool);
  busy second(pool);
  CHECK(pool.try_submit(nothing).has_value());
  CHECK_FALSE(pool.try_submit(nothing).has_value());
}

TEST_CASE("try_submit gives nothing where it would have to wait, with f and its arguments whole") {
  thread_pool pool(bounded(1, 1));
  busy worker(pool);
  auto waits = pool.submit(nothing);
  auto argument = std::make_unique<int>(7);
  auto f = [kept = std::make_unique<int>(8)](std::unique_ptr<int> const& x) { return *kept + *x; };
  CHECK_FALSE(pool.try_submit(std::move(f), std::move(argument)).has_value());
  REQUIRE(argument != nullptr);
  CHECK(f(argument) == 15);
  worker.release();
  waits.wait();
  pool.wait_idle();
  auto taken = pool.try_submit(std::move(f), std::move(argument));
  REQUIRE(taken.has_value());
  CHECK(taken->result() == 15);
}

TEST_CASE("a cancelled task makes room for another") {
  thread_pool pool(bounded(1, 1));
  busy worker(pool);
  for (int i = 0; i < 100; ++i) {
    auto waits = pool.try_submit(nothing);
    REQUIRE(waits.has_value());
    REQUIRE_FALSE(pool.try_submit(nothing).has_value());
    REQUIRE(waits->cancel());
  }
  CHECK(pool.pending() == 0);
}

TEST_CASE("a submit that waits for room goes on when a task is cancelled, or starts") {
  for (const bool cancels : {true, false}) {
    thread_pool pool(bounded(1, 1));
    busy worker(pool);
    auto waits = pool.submit(nothing);
    std::optional<spool::future<int>> second;
    crew submitter(1, [&] { second = pool.submit([] { return 2; }); });
    if (cancels) {
      CHECK(waits.cancel());
    } else {
      worker.release();
    }
    submitter.join();
    worker.release();
    REQUIRE(second.has_value());
    CHECK(second->result() == 2);
  }
}

TEST_CASE("a worker of the pool is never held up by the bound") {
  thread_pool pool(bounded(1, 1));
  const auto sum = pool.submit([&] {
    std::vector<spool::future<int>> children;
    for (int i = 0; i < 100; ++i) children.push_back(pool.submit([i] { return i; }));
    int total = 0;
    for (auto const& child : children) total += child.result();
    return total;
  });
  CHECK(sum.result() == 4950);
}

TEST_CASE("a submit that waits for room throws pool_shutdown_error at a shutdown, its arguments whole") {
  for (int i = 0; i < rounds_of(100); ++i) {
    thread_pool pool(bounded(1, 1));
    busy worker(pool);
    pool.post(nothing);
    auto argument = std::make_unique<int>(7);
    bool refused = false;
    crew submitter(1, [&] {
      try {
        pool.submit([](std::unique_ptr<int> const&) {}, std::move(argument));
      } catch (spool::pool_shutdown_error const&) {
        refused = true;
      }
    });
    pool.shutdown({.wait = false});
    submitter.join();
    worker.release();
    REQUIRE(refused);
    REQUIRE(argument != nullptr);
  }
}
