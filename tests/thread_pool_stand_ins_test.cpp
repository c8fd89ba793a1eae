// tests/thread_pool_stand_ins_test.cpp · threads that stood in for tasks that wait: how they go, and what they cost later
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include <spool/event.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::thread_pool;

namespace {

/// A thread-local whose destructor waits at a gate, in the threads that have asked for it.
struct slow_end {
  static inline std::atomic<gate*> at{nullptr};
  static inline std::atomic<int> entered{0};

  bool asked = false;
  ~slow_end() {
    gate* const g = at.load();
    if (!asked || g == nullptr) return;
    ++entered;
    g->wait();
  }
  static void ask_for(gate& g);
};
thread_local slow_end this_thread;

void slow_end::ask_for(gate& g) {
  at = &g;
  this_thread.asked = true;
}

/// Opens a gate when it goes, but after 20 seconds in any case: if somebody waits for it who should not, the test fails,
/// and does not hang.
class opens_in_time {
public:
  explicit opens_in_time(gate& g) : gate_(g) {}
  ~opens_in_time() {
    over_.set();
    thread_.join();
  }
  opens_in_time(const opens_in_time&) = delete;
  opens_in_time& operator=(const opens_in_time&) = delete;

private:
  gate& gate_;
  spool::event over_;
  std::thread thread_{[this] {
    over_.wait_for(20s);
    gate_.open();
  }};
};

/// A pool of one, whose only task of its own waits, goes on when told, and waits again. A thread that stood in meanwhile
/// has retired, and is in the destructor of its thread-local.
class with_a_retired_thread {
public:
  explicit with_a_retired_thread(gate& g) {
    const int before = slow_end::entered;
    pool.submit([&] {  // by a stand-in
          slow_end::ask_for(g);
          first_.set_value();
        })
        .wait();
    eventually([&] { return slow_end::entered > before; });
  }
  ~with_a_retired_thread() {
    again_ = true;
    second_.set_value();
  }
  with_a_retired_thread(const with_a_retired_thread&) = delete;
  with_a_retired_thread& operator=(const with_a_retired_thread&) = delete;

  /// Lets the task wait again, so that somebody has to stand in.
  void wait_again() {
    again_ = true;
    eventually([&] { return waits_again_.load(); });
  }

private:
  spool::promise<void> first_, second_;
  std::atomic<bool> again_{false}, waits_again_{false};

public:
  thread_pool pool{1};

private:
  spool::future<void> waits_ = pool.submit([this, a = first_.get_future(), b = second_.get_future()] {
    a.wait();
    eventually([&] { return again_.load(); });
    waits_again_ = true;
    b.wait();
  });
};

/// Makes so many threads stand in at once, and waits until they have retired.
void make_stand_ins(thread_pool& pool, std::size_t n) {
  spool::promise<int> p;
  std::vector<spool::future<int>> waiting;
  for (std::size_t i = 0; i < n; ++i) {
    waiting.push_back(pool.submit([f = p.get_future()] { return f.result(); }));
  }
  eventually([&] { return pool.pending() == 0; });
  p.set_value(1);
  for (auto const& f : waiting) f.wait();
  eventually([&] { return pool.worker_count() <= pool.max_workers(); });
}

}  // namespace

TEST_CASE("nobody who submits waits for the end of a thread that has retired") {
  gate end;
  with_a_retired_thread s(end);
  const opens_in_time at_end(end);
  s.wait_again();
  for (int i = 0; i < 3; ++i) s.pool.submit([] {}).wait();
  CHECK_FALSE(end.is_open());
}

TEST_CASE("no timed wait inside a task waits for the end of a thread that has retired") {
  gate end;
  with_a_retired_thread s(end);
  const opens_in_time at_end(end);
  s.wait_again();
  s.pool
      .submit([&] {
        spool::promise<void> never;
        const auto f = s.pool.submit([] {});
        CHECK_FALSE(never.get_future().wait_for(1ms));
        f.wait();
      })
      .wait();
  CHECK_FALSE(end.is_open());
}

TEST_CASE("a timed shutdown is false at its deadline while a worker is in the destructor of a thread-local") {
  gate end;
  thread_pool pool(2);
  const opens_in_time at_end(end);
  pool.submit([&] { slow_end::ask_for(end); }).wait();
  CHECK_FALSE(pool.shutdown_for(0s));
  CHECK_FALSE(pool.shutdown_for(20ms));
  CHECK_FALSE(pool.shutdown_until(std::chrono::steady_clock::now() + 1ms));
  CHECK_FALSE(end.is_open());
  end.open();
  CHECK(pool.shutdown_for(1h));
  CHECK(pool.shutdown_for(0s));
}

TEST_CASE("a shutdown waits for the destructors of the workers' thread-locals, of those that have retired, too") {
  gate end;
  std::optional<with_a_retired_thread> s(std::in_place, end);
  std::atomic<bool> opened{false};
  std::thread opener([&] {
    std::this_thread::yield();
    opened = true;
    end.open();
  });
  s.reset();
  CHECK(opened);
  opener.join();
}

TEST_CASE("a task costs no more after many threads have stood in") {
  const auto cpu = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC * 1e6; };
  const auto cost_of_one = [&](thread_pool& pool) {
    const double before = cpu();
    for (int i = 0; i < 40; ++i) {
      pool.submit([] {}).wait();
      std::this_thread::sleep_for(100us);  // until the worker has parked, most of the time
    }
    return (cpu() - before) / 40;
  };
  thread_pool fresh(2), used(2);
  make_stand_ins(used, CONTRACT_UNDER_TSAN ? 100 : 300);
  double best_fresh = 1e9, best_used = 1e9;
  for (int round = 0; round < 4; ++round) {
    best_fresh = std::min(best_fresh, cost_of_one(fresh));
    best_used = std::min(best_used, cost_of_one(used));
  }
  CHECK(best_used < 3 * best_fresh + 5);
}

#if defined(__linux__)
TEST_CASE("threads that have retired leave no stacks behind") {
  const auto mapped_pages = [] {
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages;
  };
  thread_pool pool(2);
  make_stand_ins(pool, 60);  // malloc's arenas, too, which stay, are mapped now
  const long before = mapped_pages();
  make_stand_ins(pool, 60);
  eventually([&] {  // the last ones end a little later than they retire
    pool.submit([] {}).wait();
    std::this_thread::sleep_for(1ms);
    return mapped_pages() - before < 30 * 8 * 256;  // half of what they had, 8 MiB each
  });
}
#endif
