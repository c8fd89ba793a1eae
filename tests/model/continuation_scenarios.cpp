// tests/model/continuation_scenarios.cpp · tasks that wait for what continues other tasks
// SPDX-License-Identifier: MIT
#include <chrono>
#include <coroutine>
#include <optional>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/event.hpp>
#include <spool/mutex.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

spool::pool_options with(std::size_t workers) {
  return {.max_workers = workers, .thread_name_prefix = "w", .initializer = {}, .max_pending = 0};
}

int same(int x) { return x; }

spool::future<int> awaiting(spool::future<int> f) { co_return co_await f; }

spool::future<int> awaiting_both(spool::future<int> f, spool::future<int> g) {
  int sum = 0;
  {
    const spool::future<int> first = std::move(f);
    sum += co_await first;
  }
  co_return sum + co_await g;
}

spool::future<int> continued(spool::thread_pool& pool, spool::future<int> f, int kind) {
  if (kind == 0) return f.then(same);
  if (kind == 1) return f.then(pool, same).then(same);
  return awaiting(std::move(f));
}

/// A task of a pool with two workers has a lock that the other task wants, and waits by what continues a third.
template <class Wait>
void wait_with_lock(Wait wait) {
  const int kind = choose(3);
  spool::mutex m;
  spool::event inside, go;
  spool::future<int> wanted;
  spool::thread_pool pool(with(2));
  const auto holder = pool.submit([&] {
    m.lock();
    inside.set();
    go.wait();
    const int got = wait(wanted);
    m.unlock();
    return got;
  });
  inside.wait();
  for (int i = 0; i < 2; ++i) {
    pool.post([&] {
      m.lock();
      m.unlock();
    });
  }
  wanted = continued(pool, pool.submit([] { return 1; }), kind);
  go.set();
  MODEL_CHECK(holder.result() == 1);
}

}  // namespace

// Which task is to be run first is found by way of those in between.
MODEL_SCENARIO(continuation_is_waited_for_with_a_lock) {
  wait_with_lock([](const spool::future<int>& f) { return f.result(); });
}
MODEL_SCENARIO(continuation_is_waited_for_with_a_lock_and_a_limit) {
  wait_with_lock([](const spool::future<int>& f) { return f.result_for(1h); });
}
MODEL_SCENARIO(continuations_are_waited_for_with_a_lock_as_they_complete) {
  wait_with_lock([](const spool::future<int>& f) {
    int sum = 0;
    for (const auto& each : spool::as_completed(std::vector{f})) sum += each.result();
    return sum;
  });
}

// No thread is to be had: the task at the other end runs on the stack of the one that waits.
MODEL_SCENARIO(continuation_is_waited_for_where_threads_are_refused) {
  const int kind = choose(3);
  spool::thread_pool pool(with(1));
  pool.submit([] {}).wait();
  refuse_threads(1'000'000);
  spool::event go;
  spool::future<int> wanted;
  const auto f = pool.submit([&] {
    go.wait();
    return wanted.result();
  });
  pool.post([] {});
  wanted = continued(pool, pool.submit([] { return 1; }), kind);
  go.set();
  MODEL_CHECK(f.result() == 1);
}

// Who waits looks along the way while what lies on it is completed, and goes.
MODEL_SCENARIO(continuation_completes_while_it_is_looked_through, .timeouts_may_rescue = false) {
  const int kind = choose(3);
  spool::thread_pool pool(with(2));
  const auto f = pool.submit([&] {
    auto last = continued(pool, pool.submit([] { return 1; }), kind);
    if (choose(2) == 0) last = last.then(same);
    return last.result_for(1h);
  });
  MODEL_CHECK(f.result() == 1);
}

// A coroutine has let go of the first when it awaits the second.
MODEL_SCENARIO(continuation_awaits_another_while_it_is_looked_through, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  const auto f = pool.submit([&] {
    const auto both = awaiting_both(pool.submit([] { return 1; }), pool.submit([] { return 2; }));
    return both.result_for(1h);
  });
  MODEL_CHECK(f.result() == 3);
}

// The same, while it is cancelled.
MODEL_SCENARIO(continuation_is_cancelled_while_it_is_looked_through, .timeouts_may_rescue = false) {
  const int kind = choose(3);
  spool::thread_pool pool(with(1));
  std::optional<spool::future<int>> source(pool.submit([] { return 1; }));
  std::optional<spool::future<int>> middle(continued(pool, *source, kind));
  const auto last = middle->then(same);
  const auto waits = pool.submit([&] { return last.wait_for(1h); });
  const int which = choose(2);
  at_once([&] { (which == 0 ? source : middle)->cancel(); }, [&] { (which == 0 ? middle : source).reset(); });
  MODEL_CHECK(waits.result());
}
