// tests/thread_pool_memory_test.cpp · a cancelled, dropped or expired task is gone with its memory, workers busy or not
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/live_memory.hpp"

using spool::thread_pool;
using namespace std::chrono_literals;

namespace {

/// So large that its block is not kept for later: what is in use is what is alive.
struct large {
  std::array<char, 2000> bytes{};
};

/// Cancels many tasks, a few at a time.      Returns  how much more memory was in use in between than before, at most.
template <class Round>
std::size_t most_in_use(int rounds, Round&& round) {
  std::size_t most = 0;
  for (int i = 0; i < 50; ++i) round();  // what is made once and kept
  const std::size_t before = live_memory::bytes();
  for (int i = 0; i < rounds; ++i) {
    round();
    const std::size_t now = live_memory::bytes();
    if (now > before && now - before > most) most = now - before;
  }
  return most;
}

constexpr std::size_t a_few_tasks = 400 * sizeof(large);  // where thousands are cancelled

/// All workers busy until told otherwise.
class all_busy {
public:
  explicit all_busy(thread_pool& pool) {
    for (std::size_t i = 0; i < pool.max_workers(); ++i) each_.emplace_back(pool);
  }

private:
  std::deque<busy> each_;
};

}  // namespace

TEST_CASE("what is submitted and cancelled while all workers are busy is gone with its memory") {
  if (!live_memory::works) return;
  for (const std::size_t workers : {1u, 2u, 5u}) {
    thread_pool pool(workers);
    const all_busy held(pool);
    const auto submit_and_cancel = [&] { pool.submit([l = large()] { return l.bytes[0]; }).cancel(); };
    CHECK(most_in_use(5'000, submit_and_cancel) < a_few_tasks);
    CHECK(pool.pending() == 0);
  }
}

TEST_CASE("what is cancelled among tasks that wait is gone as soon as it is more than they are") {
  if (!live_memory::works) return;
  thread_pool pool(2);
  {
    const all_busy held(pool);
    constexpr int waiting = 500;
    std::vector<spool::future<void>> kept;
    for (int i = 0; i < waiting; ++i) kept.push_back(pool.submit([] {}));
    const auto submit_and_cancel = [&] { pool.submit([l = large()] { return l.bytes[0]; }).cancel(); };
    CHECK(most_in_use(5'000, submit_and_cancel) < a_few_tasks + waiting * sizeof(large));
    CHECK(pool.pending() == waiting);
  }
  pool.wait_idle();
}

TEST_CASE("what a running task submits and cancels is gone with its memory, whoever cancels it") {
  if (!live_memory::works) return;
  for (const std::size_t workers : {1u, 2u}) {
    thread_pool pool(workers);
    std::deque<busy> others;
    for (std::size_t i = 1; i < workers; ++i) others.emplace_back(pool);
    const auto in_the_task = pool.submit(
        [&] { return most_in_use(5'000, [&] { pool.submit([l = large()] { return l.bytes[0]; }).cancel(); }); });
    CHECK(in_the_task.result() < a_few_tasks);

    gate made, cancelled;
    std::vector<spool::future<char>> children;
    const opens at_the_end(cancelled);
    const auto parent = pool.submit([&] {
      for (int i = 0; i < 2'000; ++i) children.push_back(pool.submit([l = large()] { return l.bytes[0]; }));
      made.open();
      cancelled.wait();
    });
    made.wait();
    const std::size_t before = live_memory::bytes();
    for (auto& child : children) std::exchange(child, {}).cancel();
    CHECK(before - live_memory::bytes() > 2'000 * sizeof(large) - a_few_tasks);
    CHECK(pool.pending() == 0);
    cancelled.open();
    parent.wait();
  }
}

TEST_CASE("of the tasks that a worker has made, those that are not cancelled run, each once") {
  for (const std::size_t workers : {1u, 2u}) {
    thread_pool pool(workers);
    constexpr int tasks = 1'000;
    gate made, cancelled;
    std::vector<std::atomic<int>> runs(tasks);
    std::vector<spool::future<void>> children;
    {
      std::deque<busy> others;
      const opens at_the_end(cancelled);
      for (std::size_t i = 1; i < workers; ++i) others.emplace_back(pool);
      pool.post([&] {
        for (int i = 0; i < tasks; ++i) {
          children.push_back(
              pool.submit([&runs, i, l = large()] { runs[static_cast<std::size_t>(i)] += 1 + l.bytes[0]; }));
        }
        made.open();
        cancelled.wait();
      });
      made.wait();
      int refused = 0;
      for (int i = 0; i < tasks; ++i) {
        if (i % 10 != 0 && !children[static_cast<std::size_t>(i)].cancel()) ++refused;
      }
      CHECK(refused == 0);
      CHECK(pool.pending() == tasks / 10);
    }
    pool.wait_idle();
    int wrong = 0;
    for (int i = 0; i < tasks; ++i) wrong += runs[static_cast<std::size_t>(i)] != (i % 10 == 0 ? 1 : 0) ? 1 : 0;
    CHECK(wrong == 0);
  }
}

TEST_CASE("with one worker tasks start in the order submitted though most are cancelled before") {
  thread_pool pool(1);
  std::vector<int> order;
  {
    const busy held(pool);
    for (int i = 0; i < 100; ++i) {
      pool.post([&order, i] { order.push_back(i); });
      for (int k = 0; k < 20; ++k) pool.submit([] {}).cancel();
    }
  }
  pool.wait_idle();
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(order == expected);
}

TEST_CASE("loops, maps that are dropped, and maps out of time leave no memory in a busy pool") {
  if (!live_memory::works) return;
  thread_pool pool(2);
  const all_busy held(pool);
  std::vector<large> inputs(20);
  CHECK(most_in_use(5'000, [&] { pool.for_each(inputs, [](large& each) { ++each.bytes[0]; }); }) < a_few_tasks);
  const auto f = [](large const& each) { return each; };
  CHECK(most_in_use(500, [&] { static_cast<void>(pool.map(f, inputs)); }) < a_few_tasks);
  CHECK(most_in_use(500, [&] { static_cast<void>(pool.map({.buffer_size = 4}, f, inputs)); }) < a_few_tasks);
  CHECK(most_in_use(500, [&] { static_cast<void>(pool.map({.chunk_size = 3}, f, std::vector<large>(20))); }) <
        a_few_tasks);
  CHECK(most_in_use(500, [&] { static_cast<void>(pool.map_unordered(f, inputs)); }) < a_few_tasks);
  int expired = 0;
  const auto out_of_time = [&] {
    auto range = pool.map({.timeout = 1ns}, f, inputs);
    try {
      static_cast<void>(*range.begin());
    } catch (spool::timeout_error const&) {
      ++expired;
    }
  };
  CHECK(most_in_use(300, out_of_time) < a_few_tasks);
  CHECK(expired == 350);
  CHECK(pool.pending() == 0);
}

TEST_CASE("a bounded pool has room again for each task that is cancelled, and keeps none of them") {
  if (!live_memory::works) return;
  thread_pool pool({.max_workers = 1, .thread_name_prefix = {}, .initializer = {}, .max_pending = 3});
  const all_busy held(pool);
  const auto fill_and_cancel = [&] {
    std::vector<spool::future<char>> all;
    while (auto f = pool.try_submit([l = large()] { return l.bytes[0]; })) all.push_back(*std::move(f));
    CHECK(all.size() == 3);
    for (auto& f : all) f.cancel();
    CHECK(pool.pending() == 0);
  };
  CHECK(most_in_use(1'000, fill_and_cancel) < a_few_tasks);
}

TEST_CASE("what then(pool, f) has brought into a busy pool and is cancelled there is gone with its memory") {
  if (!live_memory::works) return;
  thread_pool pool(1);
  const all_busy held(pool);
  const auto ready = [] {
    spool::promise<int> p;
    p.set_value(1);
    return p.get_future();
  }();
  const auto continue_and_cancel = [&] { ready.then(pool, [l = large()](int) { return l.bytes[0]; }).cancel(); };
  CHECK(most_in_use(5'000, continue_and_cancel) < a_few_tasks);
  CHECK(pool.pending() == 0);
}

TEST_CASE("one task of a megabyte that is cancelled in a busy pool is gone at once") {
  if (!live_memory::works) return;
  thread_pool pool(1);
  const all_busy held(pool);
  const std::size_t before = live_memory::bytes();
  using block = std::array<char, 1 << 20>;
  const auto contents = std::make_unique<block>();
  const auto f = [](block const& b) { return b[0]; };
  auto pending = pool.submit(f, *contents);
  CHECK(live_memory::bytes() - before > sizeof(block));
  std::exchange(pending, {}).cancel();
  CHECK(live_memory::bytes() - before < 2 * sizeof(block));  // contents
}

TEST_CASE("what waits in a busy pool is cancelled by a shutdown, whoever cancels others meanwhile") {
  for (int round = 0; round < rounds_of(100); ++round) {
    thread_pool pool(1);
    gate made, ended;
    std::vector<spool::future<void>> kept, dropped;
    const opens at_the_end(ended);
    pool.post([&] {
      for (int i = 0; i < 100; ++i) {
        kept.push_back(pool.submit([] {}));
        for (int k = 0; k < 3; ++k) dropped.push_back(pool.submit([l = large()] { static_cast<void>(l); }));
      }
      made.open();
      ended.wait();
    });
    made.wait();
    std::thread other([&] {
      for (auto& f : dropped) f.cancel();
    });
    while (!dropped[100].done()) std::this_thread::yield();
    pool.shutdown({.wait = false, .cancel_pending = true});
    CHECK(std::ranges::all_of(kept, [](auto const& f) { return f.cancelled(); }));
    other.join();
  }
}
