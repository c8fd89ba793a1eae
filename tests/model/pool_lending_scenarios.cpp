// tests/model/pool_lending_scenarios.cpp · places lent from elsewhere, a pool that stands still, threads owed to a pool
// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

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

}  // namespace

// ── places lent from elsewhere ──

// Whoever has the lock in the loop waits for a task; the only worker may want it.
MODEL_SCENARIO(pool_loop_outside_waits_with_a_lock_held, .timeouts_may_rescue = false) {
  spool::mutex m;
  int sum = 0;
  spool::thread_pool pool(with(1));
  std::array<int, 2> elements{1, 1};
  pool.for_each(elements, [&](int x) {
    m.lock();
    sum += pool.submit([x] { return x; }).result();
    m.unlock();
  });
  MODEL_CHECK(sum == 2);
}

// The range was made where nobody waits. Which task is in the queue behind those that want the lock is for the pool to see.
MODEL_SCENARIO(pool_task_with_a_lock_goes_through_a_range_made_outside, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::event inside, go;
  std::vector<spool::future<int>> children;
  std::optional<decltype(spool::as_completed(children))> range;
  spool::thread_pool pool(with(2));
  const auto holder = pool.submit([&] {
    m.lock();
    inside.set();
    go.wait();
    int sum = 0;
    for (auto& f : *range) sum += f.result();
    m.unlock();
    return sum;
  });
  inside.wait();
  for (int i = 0; i < 2; ++i) {
    pool.post([&] {
      m.lock();
      m.unlock();
    });
  }
  children.push_back(pool.submit([] { return 1; }));
  range.emplace(spool::as_completed(children));
  go.set();
  MODEL_CHECK(holder.result() == 1);
}

MODEL_SCENARIO(pool_task_with_a_lock_waits_for_a_full_pool) {
  spool::mutex m;
  spool::event blocked;
  spool::thread_pool pool(with(1));
  spool::thread_pool other(with(1));
  const auto holder = other.submit([&] {
    m.lock();
    pool.post([&] {
      blocked.set();
      m.lock();
      m.unlock();
    });
    blocked.wait();
    const int got = pool.submit([] { return 1; }).result();
    m.unlock();
    return got;
  });
  MODEL_CHECK(holder.result() == 1);
}

// With one worker those from outside keep their order, unless nothing goes on any more.
MODEL_SCENARIO(pool_of_one_lets_what_is_waited_for_overtake) {
  spool::mutex m;
  spool::event inside, go;
  spool::future<int> wanted;
  spool::thread_pool pool(with(1));
  const auto holder = pool.submit([&] {
    m.lock();
    inside.set();
    go.wait();
    const int got = wanted.result();
    m.unlock();
    return got;
  });
  inside.wait();
  pool.post([&] {
    m.lock();
    m.unlock();
  });
  wanted = pool.submit([] { return 1; });
  go.set();
  MODEL_CHECK(holder.result() == 1);
}

// The one that came because the pool stood still is blocked by a second lock: after a while another has to come.
MODEL_SCENARIO(pool_extra_one_is_blocked_in_turn, .steps = 60'000) {
  spool::mutex first, second;
  spool::promise<void> p, q;
  spool::thread_pool pool(with(1));
  const auto a = pool.submit([&, f = p.get_future()] {
    first.lock();
    f.wait();
    const auto wanted = pool.submit([&] {
      second.lock();
      second.unlock();
      return 1;
    });
    while (!wanted.wait_for(1h)) continue;
    first.unlock();
    return wanted.result();
  });
  const auto b = pool.submit([&, f = q.get_future()] {
    second.lock();
    f.wait();
    const auto wanted = pool.submit([] { return 1; });
    while (!wanted.wait_for(1h)) continue;
    second.unlock();
    return wanted.result();
  });
  pool.post([&] {
    p.set_value();
    first.lock();
    first.unlock();
  });
  std::this_thread::sleep_for(3s);
  q.set_value();
  MODEL_CHECK(a.result() + b.result() == 2);
}

// Once the pool has stood still because of a lock, the next that waits for something under that lock goes on soon.
MODEL_SCENARIO(pool_that_has_stood_still_goes_on_soon, .steps = 60'000) {
  spool::mutex wanted;
  spool::promise<void> p;
  spool::thread_pool pool(with(1));
  const auto waits = pool.submit([&, f = p.get_future()] {
    wanted.lock();
    f.wait();
    const std::int64_t began = now_ns();
    for (int i = 0; i < 3; ++i) {
      const auto child = pool.submit([] {});
      while (!child.wait_for(1h)) continue;
    }
    MODEL_CHECK(now_ns() - began < 2'000'000'000);  // the first child alone takes a second
    wanted.unlock();
  });
  pool.post([&] {
    p.set_value();
    wanted.lock();
    wanted.unlock();
  });
  waits.wait();
}

// A task waits for others that are all blocked: one extra after the other comes, but ever more seldom.
MODEL_SCENARIO(pool_that_stands_still_grows_ever_more_slowly, .steps = 200'000) {
  spool::event go;
  std::atomic<int> begun{0};
  spool::thread_pool pool(with(1));
  const auto waits = pool.submit([&] {
    std::vector<spool::future<void>> blocked;
    for (int i = 0; i < 12; ++i) blocked.push_back(pool.submit([&] { begun.fetch_add(1), go.wait(); }));
    static_cast<void>(spool::wait(blocked, spool::first_completed));
  });
  std::this_thread::sleep_for(84s);
  const int threads = begun.fetch_add(0);  // the newest value
  MODEL_CHECK(threads >= 4);
  MODEL_CHECK(threads <= 10);
  go.set();
  waits.wait();
}

// ── threads owed ──

// A task sleeps and needs nobody. Then one comes for which a thread is refused again and again: it has to be woken.
MODEL_SCENARIO(pool_sleeper_becomes_the_lookout) {
  spool::promise<void> p;
  spool::event done;
  spool::thread_pool pool(with(1));
  const auto sleeps = pool.submit([f = p.get_future()] { f.wait(); });
  wait_for_sleepers(choose(2));
  refuse_threads(8);
  pool.post([&] {
    p.set_value();
    done.set();
  });
  done.wait();
  sleeps.wait();
}

// Threads are refused for a while, and later again: the one that looked out the first time sleeps, and has to be woken again.
MODEL_SCENARIO(pool_lookout_of_the_first_time_is_woken_again) {
  spool::promise<void> p, q;
  spool::event between, done;
  spool::thread_pool pool(with(1));
  const auto first = pool.submit([f = p.get_future()] { f.wait(); });
  wait_for_sleepers(1);
  refuse_threads(8);
  const auto second = pool.submit([&, f = q.get_future()] { between.set(), f.wait(); });
  between.wait();
  std::this_thread::sleep_for(100ms);
  refuse_threads(8);
  pool.post([&] {
    p.set_value(), q.set_value();
    done.set();
  });
  done.wait();
  first.wait();
  second.wait();
}

// The same, if the one that sleeps is outside.
MODEL_SCENARIO(pool_sleeper_outside_becomes_the_lookout) {
  spool::event opened, done;
  spool::thread_pool pool(with(2));
  const auto blocked = pool.submit([&] { opened.wait(); });
  std::thread waits([&] { blocked.wait(); });
  if (choose(2) == 1) std::this_thread::sleep_for(100ms);
  refuse_threads(8);
  pool.post([&] {
    opened.set();
    done.set();
  });
  done.wait();
  waits.join();
}

// Nobody waits for the pool: one of its workers is blocked in a lock, an event or a queue, and has to ask.
MODEL_SCENARIO(pool_blocked_worker_becomes_the_lookout) {
  spool::event opened, done;
  spool::thread_pool pool(with(2));
  const auto blocked = pool.submit([&] { opened.wait(); });
  wait_for_sleepers(choose(2));
  refuse_threads(8);
  pool.post([&] {
    opened.set();
    done.set();
  });
  done.wait();
  blocked.wait();
}

// Two are blocked. The lookout goes on, to where nobody can ask: the other has to follow it.
MODEL_SCENARIO(pool_blocked_lookout_has_a_successor) {
  spool::event first, second;
  std::atomic<bool> done{false};
  spool::thread_pool pool(with(3));
  const auto busy = [&done](spool::event& e) {
    e.wait();
    while (!done.load()) std::this_thread::sleep_for(1ms);
  };
  const auto a = pool.submit([&] { busy(first); });
  const auto b = pool.submit([&] { busy(second); });
  wait_for_sleepers(2);
  refuse_threads(20);
  pool.post([&] { done.store(true); });
  (choose(2) == 0 ? first : second).set();
  while (!done.load()) std::this_thread::sleep_for(1ms);
  first.set();
  second.set();
  a.wait();
  b.wait();
}

// The lookout goes on with its task, and is blocked: the other sleeper has to follow it.
MODEL_SCENARIO(pool_lookout_that_goes_on_has_a_successor) {
  spool::promise<void> p, q;
  spool::event waiting, done;
  spool::thread_pool pool(with(2));
  const auto first = pool.submit([&, f = p.get_future()] { f.wait(), done.wait(); });
  const auto second = pool.submit([&, f = q.get_future()] { waiting.set(), f.wait(); });
  waiting.wait();
  refuse_threads(20);
  pool.post([&] { done.set(); });
  p.set_value();
  done.wait();
  q.set_value();
  first.wait();
  second.wait();
}

// What may end before the task has is not kept by it.
MODEL_SCENARIO(pool_refused_and_a_timed_wait_comes_back) {
  spool::event go;
  spool::thread_pool pool(with(1));
  pool.submit([] {}).wait();
  refuse_threads(5);
  const auto f = pool.submit([&] {
    const auto child = pool.submit([&] { go.wait(); });
    child.wait_for(1ms);
    go.set();
    child.wait();
  });
  f.wait();
}
