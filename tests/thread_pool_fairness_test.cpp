// tests/thread_pool_fairness_test.cpp · no task of a pool is starved
// SPDX-License-Identifier: MIT
//
// What is starved never runs: these tests hang then, and are ended by the test runner's timeout.
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/event.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::thread_pool;

namespace {

/// A thread outside that sees to it that the pool never runs out of its tasks, while it lives.
class flood {
public:
  explicit flood(thread_pool& pool) : pool_(pool) {
    eventually([&] { return ran_ > 500; });
  }
  ~flood() {
    end_ = true;
    thread_.join();
  }
  flood(const flood&) = delete;
  flood& operator=(const flood&) = delete;

private:
  void work() {
    while (!end_) {
      if (pool_.pending() > 1'000) {
        std::this_thread::yield();
        continue;
      }
      for (int i = 0; i < 300; ++i) pool_.post([this] { ++ran_; });
    }
  }

  thread_pool& pool_;
  std::atomic<bool> end_{false};
  std::atomic<long> ran_{0};
  std::thread thread_{[this] { work(); }};
};

/// A task that posts itself again until it is told that it is enough.
class poll {
public:
  poll(thread_pool& pool, std::function<bool()> enough) : pool_(pool), enough_(std::move(enough)) {}
  void operator()() {
    ++runs;
    if (!enough_()) pool_.post(std::ref(*this));
  }
  std::atomic<long> runs{0};

private:
  thread_pool& pool_;
  std::function<bool()> enough_;
};

}  // namespace

TEST_CASE("a task from one thread outside starts though another thread goes on submitting") {
  for (const std::size_t workers : {1U, 2U, 3U}) {
    thread_pool pool(workers);
    const flood others(pool);
    for (int i = 0; i < 4; ++i) std::thread([&] { pool.submit([] {}).wait(); }).join();
  }
}

namespace {

/// A pool of which only one worker is free. It never lacks a task of one thread outside, since each of them ends only when
/// the next has been posted; meanwhile another thread outside posts a single one.
class chain_and_single {
public:
  static constexpr long longest = 1'000;

  chain_and_single() {
    pool_.post([this] { occupied_ = true, end_.wait(); });
    eventually([this] { return occupied_.load(); });
  }

  void post_chain() {
    for (long i = 0; i < longest && !single_ran_; ++i) {
      eventually([&] { return started_ == i || single_ran_; });
      pool_.post([this] { link(); });
      ++posted_;
    }
  }

  void post_single() {
    eventually([this] { return started_ >= 10; });
    pool_.post([this] { single_ran_ = true; });
    single_posted_ = true;
  }

  /// How many links started; fewer than `longest` if the single one ran among them.
  long links_run() {
    eventually([this] { return single_ran_.load(); });
    end_.open();
    pool_.wait_idle();
    return started_;
  }

private:
  void link() {
    const long mine = ++started_;
    eventually([&] { return posted_ > mine || mine == longest || single_ran_; });
    if (mine == 10) eventually([this] { return single_posted_.load(); });
  }

  gate end_;
  std::atomic<bool> occupied_{false}, single_posted_{false}, single_ran_{false};
  std::atomic<long> posted_{0}, started_{0};
  thread_pool pool_{2};
  const opens end_anyway_{end_};  // before the pool goes
};

}  // namespace

TEST_CASE("a task from one thread outside starts soon though another thread's tasks never run out") {
  chain_and_single first, second;  // each thread in both roles, so that no fixed order among threads is right
  std::thread other([&] {
    first.post_single();
    second.post_chain();
  });
  first.post_chain();
  second.post_single();
  other.join();
  CHECK(first.links_run() < 100);
  CHECK(second.links_run() < 100);
}

TEST_CASE("a task that a busy worker made starts though a thread outside goes on submitting") {
  for (const std::size_t workers : {2U, 3U}) {
    thread_pool pool(workers);
    const flood others(pool);
    pool.submit([&] {
          gate child_ran;
          pool.post([&] { child_ran.open(); });
          child_ran.wait();
        })
        .wait();
  }
}

TEST_CASE("a task that a worker made starts though one made later posts itself again and again") {
  for (const std::size_t workers : {1U, 2U}) {
    thread_pool pool(workers);
    std::atomic<std::size_t> started{0}, children{0};
    poll again(pool, [&] { return children == workers; });
    for (std::size_t i = 0; i < workers; ++i) {
      pool.post([&] {
        ++started;
        eventually([&] { return started == workers; });  // one in each worker
        pool.post([&] { ++children; });
        pool.post(std::ref(again));
      });
    }
    pool.wait_idle();
    CHECK(children == workers);
  }
}

TEST_CASE("a task from outside starts though one inside posts itself again and again") {
  for (const std::size_t workers : {1U, 2U}) {
    thread_pool pool(workers);
    std::atomic<bool> ran{false};
    poll again(pool, [&] { return ran.load(); });
    for (std::size_t i = 0; i < workers; ++i) pool.post(std::ref(again));
    eventually([&] { return again.runs > 100; });
    pool.submit([&] { ran = true; }).wait();
    pool.wait_idle();
  }
}

TEST_CASE("a task does not wait behind dozens of long ones, wherever it comes from") {
  for (const bool from_outside : {false, true}) {
    thread_pool pool(1);
    std::atomic<bool> ran{false};
    poll again(pool, [&] {
      std::this_thread::sleep_for(2ms);
      return ran.load();
    });
    std::atomic<long> before{0};
    if (from_outside) {
      pool.post(std::ref(again));
      eventually([&] { return again.runs > 1; });
      before = again.runs.load();
      pool.post([&] { ran = true; });
    } else {
      pool.post([&] { pool.post([&] { ran = true; }), pool.post(std::ref(again)); });
    }
    pool.wait_idle();
    CHECK(again.runs - before < 24);
  }
}

TEST_CASE("tasks do not each wait behind dozens of long ones, though short ones came before these") {
  constexpr long short_ones = 1'000;
  thread_pool pool(1);
  std::atomic<bool> posted{false};
  std::atomic<int> waiting{10};
  poll again(pool, [&] {
    if (again.runs < short_ones) return false;
    if (again.runs == short_ones) eventually([&] { return posted.load(); });
    std::this_thread::sleep_for(1ms);
    return waiting == 0 || again.runs == short_ones + 500;
  });
  pool.post(std::ref(again));
  eventually([&] { return again.runs == short_ones; });
  for (int i = 0; i < 10; ++i) pool.post([&] { --waiting; });
  posted = true;
  pool.wait_idle();
  CHECK(again.runs - short_ones < 250);
}

TEST_CASE("a task starts though tasks that wait for others again and again keep the pool busy") {
  for (const std::size_t workers : {1U, 2U}) {
    thread_pool pool(workers);
    std::atomic<bool> ran{false};
    const auto wait_again = [&] {
      while (!ran) {
        std::vector<spool::future<void>> some;
        for (int i = 0; i < 10; ++i) some.push_back(pool.submit([] {}));
        spool::wait_for(some, 1h);
      }
    };
    for (std::size_t i = 0; i < 2 * workers; ++i) pool.post(wait_again);
    pool.submit([&] { ran = true; }).wait();
    pool.wait_idle();
  }
}

TEST_CASE("one worker starts tasks from outside in the order submitted, though they make others and wait for them") {
  thread_pool pool(1);
  std::vector<int> order;  // written by tasks from outside, which do not overlap
  std::vector<spool::future<void>> all;
  for (int i = 0; i < 300; ++i) {
    all.push_back(pool.submit([&, i] {
      order.push_back(i);
      if (i % 3 == 0) pool.post([] {});
      if (i % 7 == 0) pool.submit([] {}).wait();
    }));
  }
  spool::wait(all);
  for (int i = 0; i < 300; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

// ── how many are at work ──

TEST_CASE("no new task begins while more than max_workers are at work, as some have returned from a wait") {
  for (int round = 0; round < rounds_of(50); ++round) {
    thread_pool pool(1);
    spool::promise<void> go_on;
    std::atomic<bool> at_work{false}, other_ended{false};
    std::atomic<int> too_soon{0};
    pool.post([&, f = go_on.get_future()] {
      f.wait();
      at_work = true;
      eventually([&] { return other_ended.load(); });
      for (int i = 0; i < 200; ++i) std::this_thread::yield();
      at_work = false;
    });
    const auto other = pool.submit([&] {
      go_on.set_value();
      eventually([&] { return at_work.load(); });
    });
    for (int i = 0; i < 3; ++i) pool.post([&] { too_soon += at_work ? 1 : 0; });
    other.wait();
    other_ended = true;
    pool.wait_idle();
    REQUIRE(too_soon == 0);
  }
}

TEST_CASE("tasks that went on after a wait, and wait for their own, have no more of those at work than max_workers") {
  constexpr int waiters = 8;
  for (const std::size_t workers : {1U, 2U}) {
    thread_pool pool(workers);
    spool::promise<void> go_on;
    const spool::future<void> told = go_on.get_future();
    std::atomic<int> waiting{0};
    std::atomic<std::size_t> at_work{0};
    std::atomic<std::size_t> most{0};
    const auto child = [&] {
      const std::size_t now = ++at_work;
      for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
      for (int i = 0; i < 50; ++i) std::this_thread::yield();
      --at_work;
    };
    std::vector<spool::future<void>> tasks;
    for (int i = 0; i < waiters; ++i) {
      tasks.push_back(pool.submit([&] {
        ++waiting;
        told.wait();
        for (int n = 0; n < 20; ++n) {
          pool.submit(child).wait();
          const std::vector<spool::future<void>> pair{pool.submit(child), pool.submit(child)};
          spool::wait(pair);
        }
      }));
    }
    eventually([&] { return waiting == waiters; });
    go_on.set_value();
    spool::wait(tasks);
    CHECK(most <= workers);
  }
}

// ── what is seen first ──

TEST_CASE("what an initializer submits while the pool drains is run, though all else has ended") {
  std::atomic<int> initializers{0};
  spool::event in_second, go_on;
  spool::future<int> late;
  std::optional<thread_pool> pool;
  pool.emplace(spool::pool_options{.max_workers = 2, .initializer = [&] {
                                     if (++initializers != 2) return;
                                     in_second.set();
                                     go_on.wait();
                                     late = pool->submit([] { return 7; });
                                   }});
  std::vector<spool::future<void>> tasks;
  tasks.push_back(pool->submit([&] { in_second.wait(); }));
  tasks.push_back(pool->submit([] {}));
  spool::wait(tasks);
  pool->wait_idle();
  pool->shutdown({.wait = false});
  go_on.set();
  pool->shutdown();
  CHECK(late.result() == 7);
}

TEST_CASE("the excepthook has been called before anyone sees that an initializer broke the pool") {
  std::atomic<bool> told{false};
  const auto before = spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) {
    for (int i = 0; i < 3; ++i) std::this_thread::yield();
    told = true;
  });
  int unseen = 0;
  for (int round = 0; round < rounds_of(40); ++round) {
    told = false;
    thread_pool pool(spool::pool_options{.max_workers = 2, .initializer = [] { throw std::runtime_error("no"); }});
    std::optional<spool::future<void>> first;
    try {
      first = pool.submit([] {});
      for (;;) {
        pool.post([] {});
        std::this_thread::yield();
      }
    } catch (spool::broken_pool_error const&) {
      unseen += told ? 0 : 1;
    }
    if (first) CHECK_THROWS_AS(first->result(), spool::broken_pool_error);
  }
  spool::set_excepthook(before);
  CHECK(unseen == 0);
}

TEST_CASE("an excepthook that waits for the pool that breaks gets broken_pool_error") {
  thread_pool* in_hook = nullptr;
  std::atomic<int> refused{0};
  const auto before = spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) {
    for (const bool timed : {false, true}) {
      try {
        const auto f = in_hook->submit([] {});
        if (timed) static_cast<void>(f.wait_for(1h));
        f.result();
      } catch (spool::broken_pool_error const&) {
        ++refused;
      }
    }
  });
  {
    thread_pool pool(spool::pool_options{.max_workers = 2, .initializer = [] { throw std::runtime_error("no"); }});
    in_hook = &pool;
    const auto f = pool.submit([] {});
    CHECK_THROWS_AS(f.result(), spool::broken_pool_error);
  }
  spool::set_excepthook(before);
  CHECK(refused == 2);
}
