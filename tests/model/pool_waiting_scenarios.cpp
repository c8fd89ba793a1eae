// tests/model/pool_waiting_scenarios.cpp · tasks that wait: for what is cancelled, shared, stopped, or of many
// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
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

MODEL_SCENARIO(pool_task_waits_for_what_is_cancelled_meanwhile, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread_pool pool(with(1));
  auto block = std::make_unique<int>(1);
  const auto inner = pool.submit([] {});
  const auto awaited = pool.submit([&ran, block = std::move(block)] { ran = *block; });
  const auto outer = pool.submit([&] { awaited.wait(), MODEL_CHECK(awaited.done()); });
  bool cancelled = false;
  at_once([&] { cancelled = awaited.cancel(); }, [&] { outer.wait(); });
  awaited.wait();
  inner.wait();
  pool.shutdown();
  MODEL_CHECK(ran == (cancelled ? 0 : 1));
}

MODEL_SCENARIO(pool_two_tasks_wait_for_the_same, .timeouts_may_rescue = false) {
  std::optional<spool::future<int>> shared;
  spool::event go;
  spool::thread_pool pool(with(2));
  const auto wait = [&] {
    go.wait();
    return shared->result();
  };
  const auto a = pool.submit(wait);
  const auto b = pool.submit(wait);
  shared = pool.submit([] { return 1; });
  go.set();
  MODEL_CHECK(a.result() + b.result() == 2);
}

MODEL_SCENARIO(pool_task_waits_for_the_first_of_two, .timeouts_may_rescue = false) {
  spool::promise<int> never;
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&, slow = never.get_future()] {
    std::vector<spool::future<int>> all{slow, pool.submit([] { return 1; })};
    const auto result = spool::wait(all, spool::first_completed);
    MODEL_CHECK(result.done.size() == 1);
    return result.done[0].result();
  });
  MODEL_CHECK(f.result() == 1);
}

MODEL_SCENARIO(pool_task_takes_them_as_they_complete, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&] {
    std::vector<spool::future<int>> all{pool.submit([] { return 1; }), pool.submit([] { return 2; })};
    int sum = 0;
    for (auto& each : spool::as_completed(std::move(all))) sum += each.result();
    return sum;
  });
  MODEL_CHECK(f.result() == 3);
}

MODEL_SCENARIO(pool_task_waits_until_stopped, .timeouts_may_rescue = false) {
  std::stop_source stop;
  spool::promise<int> p;
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&, other = p.get_future()] {
    const auto inner = pool.submit([] { return 1; });
    if (inner.wait(stop.get_token())) MODEL_CHECK(inner.result() == 1);
    return other.wait(stop.get_token());
  });
  at_once([&] { stop.request_stop(); }, [&] { MODEL_CHECK(!f.result()); });
}

// A waiting task holds a lock that the tasks of others want: what it waits for must run all the same.
MODEL_SCENARIO(pool_task_waits_with_a_lock_held, .timeouts_may_rescue = false) {
  spool::mutex m;
  int inside = 0;
  spool::thread_pool pool(with(1));
  const auto outer = pool.submit([&] {
    m.lock();
    ++inside;
    pool.submit([] {}).wait();
    m.unlock();
  });
  const auto other = pool.submit([&] {
    m.lock();
    ++inside;
    m.unlock();
  });
  outer.wait();
  other.wait();
  MODEL_CHECK(inside == 2);
}

// The one that stands in is blocked by that lock, and as many as may are awake: one too many has to come.
MODEL_SCENARIO(pool_task_waits_again_with_a_lock_held) {
  spool::mutex m;
  spool::promise<void> blocked;
  spool::thread_pool pool(with(1));
  const auto outer = pool.submit([&, begun = blocked.get_future()] {
    m.lock();
    begun.wait();
    const auto inner = pool.submit([] { return 1; });
    while (!inner.wait_for(1h)) continue;
    m.unlock();
    return inner.result();
  });
  const auto other = pool.submit([&] {
    blocked.set_value();
    m.lock();
    m.unlock();
  });
  MODEL_CHECK(outer.result() == 1);
  other.wait();
}

// Three tasks in a row, each waiting for the next, of which the last comes from outside and late.
MODEL_SCENARIO(pool_chain_whose_end_comes_late, .timeouts_may_rescue = false) {
  spool::promise<int> last;
  spool::thread_pool pool(with(2));
  const auto c = pool.submit([f = last.get_future()] { return f.result(); });
  const auto b = pool.submit([c] { return c.result() + 1; });
  const auto a = pool.submit([b] { return b.result() + 1; });
  pool.post([&] { last.set_value(1); });
  MODEL_CHECK(a.result() == 3);
}

// One too many is awake, and parks; just then the other one begins to wait again, for what nobody else would run.
MODEL_SCENARIO(pool_stand_in_parks_while_the_other_begins_to_wait, .timeouts_may_rescue = false) {
  spool::promise<void> p[2];
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([a = p[0].get_future(), b = p[1].get_future()] { a.wait(), b.wait(); });
  pool.post([&] { p[0].set_value(); });
  pool.post([&] { p[1].set_value(); });
  begin_contest();
  f.wait();
}

MODEL_SCENARIO(pool_waits_of_two_pools_in_each_other, .timeouts_may_rescue = false) {
  spool::thread_pool a(with(1));
  spool::thread_pool b(with(1));
  const auto f = a.submit([&] { return b.submit([] { return 1; }).result(); });
  const auto g = b.submit([&] { return a.submit([] { return 1; }).result(); });
  MODEL_CHECK(f.result() + g.result() == 2);
}

MODEL_SCENARIO(pool_shutdown_while_tasks_wait_and_make_more, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto f =
      pool.submit([&] { return pool.submit([] { return 1; }).result() + pool.submit([] { return 1; }).result(); });
  pool.shutdown();
  MODEL_CHECK(f.result() == 2);
}

MODEL_SCENARIO(pool_discards_what_a_task_waits_for, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&] {
    try {
      return pool.submit([] { return 1; }).result();
    } catch (spool::cancelled_error const&) {
    } catch (spool::pool_shutdown_error const&) {
    }
    return 1;
  });
  pool.shutdown({.wait = true, .cancel_pending = true});
  MODEL_CHECK(f.done());
  if (!f.cancelled()) MODEL_CHECK(f.result() == 1);
}

MODEL_SCENARIO(pool_wait_idle_while_tasks_wait_for_tasks, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread_pool pool(with(1));
  pool.post([&] { pool.submit([&] { ++ran; }).wait(), ++ran; });
  pool.wait_idle();
  MODEL_CHECK(ran == 2);
}

MODEL_SCENARIO(pool_callback_waits_for_another_task, .timeouts_may_rescue = false) {
  std::atomic<int> got{0};
  spool::thread_pool pool(with(1));
  pool.submit([] {}).add_done_callback([&](const auto&) { got.store(pool.submit([] { return 1; }).result()); });
  pool.wait_idle();
  while (got.load() == 0) std::this_thread::yield();
}

MODEL_SCENARIO(pool_refused_a_stand_in_while_two_wait) {
  spool::thread_pool pool(with(2));
  pool.submit([] {}).wait();
  refuse_threads(4);
  const auto wait = [&] { return pool.submit([] { return 1; }).result(); };
  const auto a = pool.submit(wait);
  const auto b = pool.submit(wait);
  MODEL_CHECK(a.result() + b.result() == 2);
}

MODEL_SCENARIO(pool_stop_token_of_a_task_that_is_cancelled, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([](std::stop_token stop) { return stop.stop_requested(); });
  at_once([&] { f.request_stop(); }, [&] { f.cancel(); });
  f.wait();
}
