// tests/thread_pool_locks_contract_test.cpp · code that holds a lock which all workers want, and waits for their pool
// SPDX-License-Identifier: MIT
//
// Any acyclic waiting ends, wherever the library runs the caller's code: in a loop outside, in callbacks, in the steps of
// a map's inputs, in timers, in tasks of another pool. A test that hangs is ended by the test runner's timeout.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <numeric>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/timer.hpp>
#include <spool/wait.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;
using steady = std::chrono::steady_clock;

namespace {

/// A mutex that every worker of a pool wants.
class common_lock {
public:
  /// Has every worker of the pool blocked by the mutex, but for one if the caller is a worker; and one more such task
  /// waits.
  /// Preconditions  the caller holds it.
  void block(thread_pool& pool, bool from_inside = false) {
    const int n = static_cast<int>(pool.max_workers()) - (from_inside ? 1 : 0);
    for (int i = 0; i <= n; ++i) {
      pool.post([this] {
        ++wanting_;
        const std::lock_guard held(mutex);
        --wanting_;
      });
    }
    eventually([&] { return wanting_ >= n; });
  }

  std::mutex mutex;

private:
  std::atomic<int> wanting_{0};
};

/// Locks what all workers of the pool want, and waits for a task that they have to run.
int wait_with_lock(thread_pool& pool, common_lock& lock) {
  const std::lock_guard held(lock.mutex);
  lock.block(pool);
  return pool.submit([] { return 1; }).result();
}

}  // namespace

// ── for_each, called outside ──

TEST_CASE("for_each outside, whose body locks and waits for a task of the pool, ends on any number of workers") {
  for (const std::size_t workers : {1U, 2U, 4U}) {
    for (const int kind : {0, 1, 2, 3}) {
      CAPTURE(workers, kind);
      thread_pool pool(workers);
      std::mutex mutex;
      int sum = 0;
      std::vector<int> elements(static_cast<std::size_t>(rounds_of(40)), 1);
      pool.for_each(elements, [&](int x) {
        const std::lock_guard held(mutex);
        const auto f = pool.submit([x] { return x; });
        switch (kind) {
          case 0:
            sum += f.result();
            break;
          case 1:
            for (auto&& g : spool::as_completed(std::vector{f})) sum += g.result();
            break;
          case 2:
            sum += spool::wait(std::vector{f}, spool::first_completed).done.at(0).result();
            break;
          default:
            for (const int y : pool.map([](int z) { return z; }, std::vector{f.result()})) sum += y;
        }
      });
      CHECK(sum == static_cast<int>(elements.size()));
    }
  }
}

namespace {

thread_pool* pool_of_static = nullptr;

template <int Which>
int table() {
  static const int sum = [] {
    let_others_sleep();
    int s = 0;
    for (int i = 0; i < 3; ++i) s += pool_of_static->submit([] { return 1; }).result();
    return s;
  }();
  return sum;
}

template <int Which>
void check_loop_with_static(std::size_t workers) {
  CAPTURE(workers);
  thread_pool pool(workers);
  pool_of_static = &pool;
  std::vector<int> elements(100, 1);
  std::atomic<int> sum{0};
  pool.for_each(elements, [&](int) { sum += table<Which>(); });
  CHECK(sum == 300);
}

}  // namespace

TEST_CASE("for_each may come to a static whose initializer waits for tasks of the same pool") {
  check_loop_with_static<0>(1);
  check_loop_with_static<1>(2);
  check_loop_with_static<2>(3);
  check_loop_with_static<3>(4);
}

TEST_CASE("a for_each outside may wait, in its body, for what a task of the pool will set, by a promise") {
  thread_pool pool(1);
  std::mutex mutex;
  int sum = 0;
  std::vector<int> elements(20, 1);
  pool.for_each(elements, [&](int x) {
    const std::lock_guard held(mutex);
    promise<int> p;
    pool.post([&p, x] { p.set_value(x); });
    sum += p.get_future().result();
  });
  CHECK(sum == 20);
}

TEST_CASE("loops in loops, outside and in a task of another pool, lock and wait for a task") {
  thread_pool pool(2), other(1);
  std::mutex mutex;
  int sum = 0;
  const std::vector<int> elements(3, 1);
  const auto loop = [&] {
    pool.for_each(elements, [&](int) {
      other.for_each(elements, [&](int x) {
        const std::lock_guard held(mutex);
        sum += pool.submit([x] { return x; }).result() + other.submit([x] { return x; }).result();
      });
    });
  };
  loop();
  other.submit(loop).wait();
  CHECK(sum == 4 * 9);
}

// ── code that the library runs elsewhere ──

TEST_CASE("a callback that runs outside holds the lock that all workers want, and waits for a task") {
  const std::size_t workers = GENERATE(1u, 2u);
  thread_pool pool(workers);
  common_lock lock;
  promise<void> p;
  int got = 0;
  SECTION("added before") {
    p.get_future().add_done_callback([&](auto const&) { got = wait_with_lock(pool, lock); });
    p.set_value();
  }
  SECTION("added when it is done") {
    p.set_value();
    p.get_future().add_done_callback([&](auto const&) { got = wait_with_lock(pool, lock); });
  }
  SECTION("then") {
    const auto f = p.get_future().then([&] { return wait_with_lock(pool, lock); });
    p.set_value();
    got = f.result();
  }
  CHECK(got == 1);
}

namespace {

future<int> wait_after(future<void> first, thread_pool& pool, common_lock& lock) {
  co_await first;
  co_return wait_with_lock(pool, lock);
}

}  // namespace

TEST_CASE("a coroutine that goes on outside holds the lock that all workers want, and waits for a task") {
  thread_pool pool(1);
  common_lock lock;
  promise<void> p;
  const future<int> f = wait_after(p.get_future(), pool, lock);
  p.set_value();
  CHECK(f.result() == 1);
}

TEST_CASE("a timer's callback holds the lock that all workers want, and waits for a task") {
  thread_pool pool(1);
  common_lock lock;
  int got = 0;
  spool::timer t(1ms, [&] { got = wait_with_lock(pool, lock); });
  t.start();
  t.join();
  CHECK(got == 1);
}

namespace {

/// An input range that locks and waits when it is stepped.
struct waiting_input {
  using iterator_concept = std::input_iterator_tag;
  using value_type = int;
  using difference_type = std::ptrdiff_t;

  int operator*() const { return 1; }
  waiting_input& operator++() {
    *sum += wait_with_lock(*pool, *lock);
    --left;
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(waiting_input const& i, std::default_sentinel_t) { return i.left == 0; }

  thread_pool* pool;
  common_lock* lock;
  int* sum;
  int left;
};

struct waiting_inputs {
  waiting_input begin() const { return first; }
  std::default_sentinel_t end() const { return {}; }
  waiting_input first;
};

}  // namespace

TEST_CASE("the inputs of a map, gone through outside, lock what all workers want, and wait for a task") {
  thread_pool pool(1);
  common_lock lock;
  int sum = 0, results = 0;
  for (const int r : pool.map([](int x) { return x; }, waiting_inputs{{&pool, &lock, &sum, 2}})) results += r;
  CHECK(sum == 2);
  CHECK(results == 2);
}

TEST_CASE("a task of another pool holds the lock that all workers want, and waits for a task of theirs") {
  const std::size_t workers = GENERATE(1u, 2u);
  thread_pool pool(workers), other(1);
  common_lock lock;
  const auto f = other.submit([&] { return wait_with_lock(pool, lock); });
  CHECK(f.result() == 1);
}

// ── ranges made in one thread and gone through in another ──

TEST_CASE("a range made outside is gone through in a task that holds the lock that all workers want") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    const std::size_t workers = 2;
    thread_pool pool(workers);
    common_lock lock;
    gate inside, go;
    std::vector<future<int>> children;
    std::optional<decltype(spool::as_completed(children))> completed;
    const auto identity = [](int x) { return x; };
    const std::vector<int> numbers{1, 1, 1};
    std::optional<decltype(pool.map(identity, numbers))> ordered;
    std::optional<decltype(pool.map_unordered(identity, numbers))> unordered;
    const auto holder = pool.submit([&] {
      const std::lock_guard held(lock.mutex);
      inside.open();
      go.wait();
      int sum = 0;
      if (completed) {
        for (auto& f : *completed) sum += f.result();
      }
      if (ordered) {
        for (const int x : *ordered) sum += x;
      }
      if (unordered) {
        for (const int x : *unordered) sum += x;
      }
      return sum;
    });
    inside.wait();
    for (int i = 0; i < 3; ++i) pool.post([&] { const std::lock_guard held(lock.mutex); });
    if (kind == 0) {
      for (int i = 0; i < 3; ++i) children.push_back(pool.submit([] { return 1; }));
      completed.emplace(spool::as_completed(children));
    } else if (kind == 1) {
      ordered.emplace(pool.map(identity, numbers));
    } else {
      unordered.emplace(pool.map_unordered(identity, numbers));
    }
    go.open();
    CHECK(holder.result() == 3);
  }
}

// ── a pool that stands still ──

TEST_CASE("with one worker, a task with a lock waits for a later one than those that want the lock") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    thread_pool pool(1);
    std::mutex mutex;
    gate inside, go;
    future<int> wanted;
    const auto holder = pool.submit([&] {
      const std::lock_guard held(mutex);
      inside.open();
      go.wait();
      if (kind == 1) return wanted.wait_for(1h) ? wanted.result() : -1;
      if (kind == 2) {
        for (auto&& f : spool::as_completed(std::vector{wanted})) return f.result();
      }
      return wanted.result();
    });
    inside.wait();
    for (int i = 0; i < 3; ++i) pool.post([&] { const std::lock_guard held(mutex); });
    wanted = pool.submit([] { return 1; });
    go.open();
    CHECK(holder.result() == 1);
  }
}

TEST_CASE("a task with a lock waits for a continuation that enters the pool behind those that want the lock") {
  thread_pool pool(2);
  common_lock lock;
  promise<int> source;
  const auto continued = source.get_future().then(pool, [](int x) { return x; });
  gate waiting;
  const auto holder = pool.submit([&] {
    const std::lock_guard held(lock.mutex);
    lock.block(pool, true);
    waiting.open();
    return continued.result();
  });
  waiting.wait();
  source.set_value(1);
  CHECK(holder.result() == 1);
}

TEST_CASE("a pool that has stood still is asked sooner: a chain of such waits comes to its end") {
  thread_pool pool(1), other(1);
  common_lock lock;
  const auto begin = steady::now();
  const auto sum = other.submit([&] {
    const std::lock_guard held(lock.mutex);
    lock.block(pool);
    int s = 0;
    for (int i = 0; i < 20; ++i) s += pool.submit([] { return 1; }).result();
    return s;
  });
  CHECK(sum.result() == 20);
  CHECK(steady::now() - begin < 10s);
}

TEST_CASE("a thread outside that merely waits never raises the number at work") {
  thread_pool pool(2);
  std::atomic<int> begun{0};
  gate go;
  std::vector<future<void>> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(pool.submit([&] {
      ++begun;
      go.wait();
    }));
  }
  eventually([&] { return begun == 2; });
  CHECK_FALSE(all.back().wait_for(1500ms));  // longer than the pool takes to see that it stands still
  CHECK(begun == 2);
  go.open();
  pool.wait_idle();
  CHECK(begun == 6);
}

TEST_CASE("a task that waits for many, which take long, brings at most one too many") {
  thread_pool pool(2);
  std::atomic<int> running{0}, most{0};
  gate go;
  const auto parent = pool.submit([&] {
    std::vector<future<void>> children;
    for (int i = 0; i < 8; ++i) {
      children.push_back(pool.submit([&] {
        const int now = ++running;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        go.wait();
        --running;
      }));
    }
    static_cast<void>(spool::wait_for(children, 1800ms));
    const int seen = most;
    go.open();
    spool::wait(children);
    return seen;
  });
  CHECK(parent.result() >= 2);
  CHECK(parent.result() <= 3);
}
