// tests/continuation_waits_test.cpp · code that holds a lock and waits for what continues a task
// SPDX-License-Identifier: MIT
//
// Any acyclic waiting ends, also where then() without a pool, a coroutine, or a chain of such stands between the one that
// waits and the task: that is what the pool has to run first. A test that hangs is ended by the test runner's timeout.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::thread_pool;

namespace {

/// What is made of the future of a task of the pool, before somebody waits for it.
struct way {
  const char* name;
  future<int> (*from)(thread_pool&, future<int>);
};

int same(int x) { return x; }

future<int> awaiting(future<int> f) { co_return co_await f; }

const way ways[] = {
    {"then", [](thread_pool&, future<int> f) { return f.then(same); }},
    {"then of a result that is moved out", [](thread_pool&, future<int> f) { return std::move(f).then(same); }},
    {"a chain of then",
     [](thread_pool&, future<int> f) {
       for (int i = 0; i < 5; ++i) f = f.then(same);
       return f;
     }},
    {"then(pool)", [](thread_pool& pool, future<int> f) { return f.then(pool, same); }},
    {"then behind then(pool)", [](thread_pool& pool, future<int> f) { return f.then(pool, same).then(same); }},
    {"then(pool) behind then", [](thread_pool& pool, future<int> f) { return f.then(same).then(pool, same); }},
    {"a coroutine", [](thread_pool&, future<int> f) { return awaiting(f); }},
    {"then behind a coroutine", [](thread_pool&, future<int> f) { return awaiting(f).then(same); }},
    {"a coroutine behind then behind a coroutine",
     [](thread_pool&, future<int> f) { return awaiting(awaiting(f).then(same)); }},
};

/// How a future is waited for.
struct wait_form {
  const char* name;
  int (*result)(const future<int>&);
};

const wait_form wait_forms[] = {
    {"result", [](const future<int>& f) { return f.result(); }},
    {"result_for", [](const future<int>& f) { return f.result_for(1h); }},
    {"wait with a stop token",
     [](const future<int>& f) {
       const std::stop_source source;
       return f.wait(source.get_token()) ? f.result() : -1;
     }},
    {"wait for all", [](const future<int>& f) { return spool::wait(std::vector{f}).done.at(0).result(); }},
    {"wait_for all", [](const future<int>& f) { return spool::wait_for(std::vector{f}, 1h).done.at(0).result(); }},
    {"wait for the first",
     [](const future<int>& f) {
       const spool::promise<int> never;
       const std::vector both{never.get_future(), f};
       return spool::wait(both, spool::first_completed).done.at(0).result();
     }},
    {"wait until an exception",
     [](const future<int>& f) {
       return spool::wait(std::vector{f}, spool::return_when::first_exception).done.at(0).result();
     }},
    {"as_completed",
     [](const future<int>& f) {
       int sum = 0;
       for (const auto& each : spool::as_completed(std::vector{f})) sum += each.result();
       return sum;
     }},
};

/// Has every worker of the pool want the mutex, and then one more task, and gives its future.
future<int> behind_the_lock(thread_pool& pool, std::mutex& mutex) {
  for (std::size_t i = 0; i <= pool.max_workers(); ++i) pool.post([&mutex] { const std::lock_guard held(mutex); });
  return pool.submit([] { return 1; });
}

}  // namespace

TEST_CASE("a task with a lock waits, in any form, for what continues a task behind those that want the lock") {
  for (const way& w : ways) {
    for (const wait_form& form : wait_forms) {
      CAPTURE(w.name, form.name);
      thread_pool pool(2);
      std::mutex mutex;
      gate inside, go;
      future<int> wanted;
      const auto holder = pool.submit([&] {
        const std::lock_guard held(mutex);
        inside.open();
        go.wait();
        return form.result(wanted);
      });
      inside.wait();
      wanted = w.from(pool, behind_the_lock(pool, mutex));
      go.open();
      CHECK(holder.result() == 1);
    }
  }
}

TEST_CASE("the only worker's task with a lock waits for what continues its child behind one that wants the lock") {
  for (const way& w : ways) {
    for (const wait_form& form : wait_forms) {
      CAPTURE(w.name, form.name);
      thread_pool pool(1);
      std::mutex mutex;
      const auto holder = pool.submit([&] {
        const std::lock_guard held(mutex);
        const auto child = pool.submit([] { return 1; });
        for (int i = 0; i < 2; ++i) pool.post([&mutex] { const std::lock_guard wants(mutex); });
        return form.result(w.from(pool, child));
      });
      CHECK(holder.result() == 1);
    }
  }
}

TEST_CASE("with one worker, what continues a task from outside lets that task overtake those that want the lock") {
  thread_pool pool(1);
  std::mutex mutex;
  gate inside, go;
  future<int> wanted;
  const auto holder = pool.submit([&] {
    const std::lock_guard held(mutex);
    inside.open();
    go.wait();
    return wanted.result();
  });
  inside.wait();
  wanted = behind_the_lock(pool, mutex).then(same).then(same);
  go.open();
  CHECK(holder.result() == 1);
}

TEST_CASE("code with a lock in another pool, or in a loop outside, waits for what continues a task") {
  for (const way& w : ways) {
    CAPTURE(w.name);
    std::mutex mutex;
    thread_pool pool(2), other(1);
    const auto wait_with_lock = [&] {
      const std::lock_guard held(mutex);
      return w.from(pool, behind_the_lock(pool, mutex)).result();
    };
    std::atomic<int> sum{0};
    pool.for_each(std::vector<int>(2), [&](int) { sum += wait_with_lock(); });
    CHECK(sum == 2);
  }
  std::mutex mutex;
  thread_pool pool(1), other(1);
  const auto holder = other.submit([&] {
    const std::lock_guard held(mutex);
    return behind_the_lock(pool, mutex).then(same).result();
  });
  CHECK(holder.result() == 1);
}

TEST_CASE("a chain of 100,000 then is gone through without a stack, and in time") {
  thread_pool pool(2);
  std::mutex mutex;
  const auto holder = pool.submit([&] {
    const std::lock_guard held(mutex);
    future<int> last = behind_the_lock(pool, mutex);
    std::vector<future<int>> all;
    for (int i = 0; i < rounds_of(100'000); ++i) {
      last = last.then(same);
      if (i % 1'000 == 0) all.push_back(last);
    }
    int sum = last.result();
    for (const auto& each : spool::as_completed(all)) sum += each.result();
    return sum - static_cast<int>(all.size());
  });
  CHECK(holder.result() == 1);
}

TEST_CASE("what is waited for by way of others may be cancelled, dropped or done at any moment") {
  thread_pool pool(2);
  for (int i = 0; i < rounds_of(3'000); ++i) {
    future<int> source = pool.submit([] { return 1; });
    future<int> middle = i % 3 == 0 ? source.then(pool, same) : i % 3 == 1 ? source.then(same) : awaiting(source);
    future<int> last = middle.then(same);
    const auto waits = pool.submit([last] { return static_cast<void>(last.wait_for(1h)), last.cancelled(); });
    crew::run(3, [&](std::size_t who) {
      if (who == 0) source.cancel(), source = {};
      if (who == 1) middle.cancel(), middle = {};
      if (who == 2) static_cast<void>(spool::wait_for(std::vector{last}, 1h)), last = {};
    });
    waits.wait();
  }
  pool.wait_idle();
  CHECK(pool.pending() == 0);
}
