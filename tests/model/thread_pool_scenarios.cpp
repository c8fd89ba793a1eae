// tests/model/thread_pool_scenarios.cpp · the claims of thread_pool: no task lies while a worker could run it
// SPDX-License-Identifier: MIT
//
// Nobody may be rescued by the passing of time, except where a scenario has
// limits of its own: the naps of a waiting task are for the case that the
// system refuses a thread.
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

spool::pool_options with(std::size_t workers, std::size_t pending = 0) {
  return {.max_workers = workers, .thread_name_prefix = "w", .initializer = {}, .max_pending = pending};
}

}  // namespace

MODEL_SCENARIO(pool_runs_one_task, .timeouts_may_rescue = false) {
  int message = 0;
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&] { return message = 1; });
  MODEL_CHECK(f.result() == 1);
  MODEL_CHECK(message == 1);
}

MODEL_SCENARIO(pool_of_one_with_two_that_submit, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread_pool pool(with(1));
  const auto work = [&] { pool.submit([&] { ++ran; }).wait(); };
  at_once(work, work);
  MODEL_CHECK(ran == 2);
}

MODEL_SCENARIO(pool_of_two_with_two_that_submit_twice, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  const auto work = [&] {
    MODEL_CHECK(pool.submit([] { return 1; }).result() == 1);
    MODEL_CHECK(pool.submit([] { return 2; }).result() == 2);
  };
  at_once(work, work);
}

MODEL_SCENARIO(pool_wakes_a_second_worker_for_what_the_first_waits_for, .timeouts_may_rescue = false) {
  spool::promise<void> go;
  spool::thread_pool pool(with(2));
  const auto first = pool.submit([f = go.get_future()] { f.wait(); });
  const auto second = pool.submit([&] { go.set_value(); });
  first.wait();
  second.wait();
}

MODEL_SCENARIO(pool_posted_tasks_end_before_the_pool, .timeouts_may_rescue = false) {
  int ran[3] = {0, 0, 0};
  {
    spool::thread_pool pool(with(2));
    for (int& each : ran) pool.post([&each] { each = 1; });
  }
  MODEL_CHECK(ran[0] + ran[1] + ran[2] == 3);
}

MODEL_SCENARIO(pool_waits_inside_a_task_of_one_worker, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&] { return 1 + pool.submit([] { return 1; }).result(); });
  MODEL_CHECK(f.result() == 2);
}

MODEL_SCENARIO(pool_waits_inside_a_task_for_one_from_outside, .timeouts_may_rescue = false) {
  spool::promise<spool::future<int>> hand;
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([f = hand.get_future()] { return f.result().result() + 1; });
  hand.set_value(pool.submit([] { return 1; }));
  MODEL_CHECK(f.result() == 2);
}

MODEL_SCENARIO(pool_waits_inside_for_what_comes_later_from_outside, .timeouts_may_rescue = false) {
  spool::promise<int> later;
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([f = later.get_future()] { return f.result(); });
  const auto g = pool.submit([&] { later.set_value(1); });
  MODEL_CHECK(f.result() == 1);
  g.wait();
}

MODEL_SCENARIO(pool_tree_of_tasks_on_two_workers, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  const auto f = pool.submit([&] {
    const auto a = pool.submit([] { return 1; });
    const auto b = pool.submit([] { return 2; });
    return a.result() + b.result();
  });
  MODEL_CHECK(f.result() == 3);
}

MODEL_SCENARIO(pool_wait_idle_sees_all_that_ran, .timeouts_may_rescue = false) {
  int ran[2] = {0, 0};
  spool::thread_pool pool(with(2));
  pool.post([&] { ran[0] = 1, pool.post([&] { ran[1] = 1; }); });
  pool.wait_idle();
  MODEL_CHECK(ran[0] == 1);
  MODEL_CHECK(ran[1] == 1);
}

MODEL_SCENARIO(pool_wait_idle_while_another_submits, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  at_once([&] { pool.wait_idle(); }, [&] { pool.submit([] {}).wait(), pool.post([] {}); });
  pool.wait_idle();
}

MODEL_SCENARIO(pool_wait_idle_with_a_limit) {
  int ran = 0;
  spool::thread_pool pool(with(1));
  pool.post([&] { ran = 1; });
  if (pool.wait_idle_for(1ms)) MODEL_CHECK(ran == 1);
}

MODEL_SCENARIO(pool_cancel_against_run, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread_pool pool(with(1));
  auto owned = std::make_unique<int>(1);
  const auto f = pool.submit([&ran, owned = std::move(owned)] { ran = *owned; });
  bool cancelled[2] = {false, false};
  at_once([&] { cancelled[0] = f.cancel(); }, [&] { cancelled[1] = f.cancel(); });
  f.wait();
  pool.shutdown();
  MODEL_CHECK(cancelled[0] == cancelled[1]);
  MODEL_CHECK(ran == (cancelled[0] ? 0 : 1));
}

MODEL_SCENARIO(pool_shutdown_against_submit, .timeouts_may_rescue = false) {
  int ran = 0;
  bool refused = false;
  spool::thread_pool pool(with(2));
  at_once([&] { pool.shutdown(); },
          [&] {
            try {
              pool.submit([&] { ran = 1; }).wait();
            } catch (spool::pool_shutdown_error const&) {
              refused = true;
            }
          });
  MODEL_CHECK(ran == (refused ? 0 : 1));
}

MODEL_SCENARIO(pool_shutdown_that_cancels_leaves_none_undone, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread_pool pool(with(1));
  std::vector<spool::future<void>> all;
  for (int i = 0; i < 3; ++i) all.push_back(pool.submit([&] { ++ran; }));
  pool.shutdown({.wait = true, .cancel_pending = true});
  int cancelled = 0;
  for (const auto& f : all) MODEL_CHECK(f.done()), cancelled += f.cancelled() ? 1 : 0;
  MODEL_CHECK(ran + cancelled == 3);
}

MODEL_SCENARIO(pool_shutdown_by_two_with_a_limit) {
  int ran = 0;
  spool::thread_pool pool(with(2));
  pool.post([&] { ran = 1; });
  at_once(
      [&] {
        if (pool.shutdown_for(1ms)) MODEL_CHECK(ran == 1);
      },
      [&] { pool.shutdown(), MODEL_CHECK(ran == 1); });
}

MODEL_SCENARIO(pool_bound_makes_submit_wait, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread_pool pool(with(1, 1));
  const auto work = [&] {
    for (int i = 0; i < 2; ++i) pool.post([&] { ++ran; });
  };
  at_once(work, work);
  pool.wait_idle();
  MODEL_CHECK(ran == 4);
}

MODEL_SCENARIO(pool_bound_and_shutdown_refuse_who_waits_to_submit, .timeouts_may_rescue = false) {
  int ran = 0;
  int refused = 0;
  spool::thread_pool pool(with(1, 1));
  const auto work = [&] {
    for (int i = 0; i < 3; ++i) pool.post([&] { ++ran; });
  };
  at_once([&] { pool.shutdown(); },
          [&] {
            try {
              work();
            } catch (spool::pool_shutdown_error const&) {
              refused = 1;
            }
          });
  MODEL_CHECK(ran <= 3);
  MODEL_CHECK((ran == 3) == (refused == 0));
}

MODEL_SCENARIO(pool_stop_reaches_the_running_and_the_waiting, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto until_stopped = [](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  };
  const auto a = pool.submit(until_stopped);
  const auto b = pool.submit(until_stopped);
  pool.shutdown({.wait = true, .cancel_pending = false, .request_stop = true});
  MODEL_CHECK(a.done());
  MODEL_CHECK(b.done());
}

MODEL_SCENARIO(pool_goes_with_its_own_task) {
  auto* const pool = new spool::thread_pool(with(1));
  spool::future<void> f;
  f = pool->submit([pool] { delete pool; });
  f.wait();
}

MODEL_SCENARIO(pool_wait_for_all_inside_a_task, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&] {
    std::vector<spool::future<int>> all;
    for (int i = 0; i < 2; ++i) all.push_back(pool.submit([i] { return i; }));
    return static_cast<int>(spool::wait(all).done.size());
  });
  MODEL_CHECK(f.result() == 2);
}

MODEL_SCENARIO(pool_refused_its_second_thread, .timeouts_may_rescue = true) {
  spool::thread_pool pool(with(2));
  const auto first = pool.submit([] { return 1; });
  refuse_threads(2);
  const auto second = pool.submit([] { return 2; });
  MODEL_CHECK(first.result() + second.result() == 3);
}
