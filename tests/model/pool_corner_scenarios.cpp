// tests/model/pool_corner_scenarios.cpp · rarer moments of a pool: stand-ins, initializers, discards, loops
// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include <spool/event.hpp>
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

MODEL_SCENARIO(pool_three_submit_to_two_workers, .timeouts_may_rescue = false) {
  int ran[3] = {0, 0, 0};
  {
    spool::thread_pool pool(with(2));
    at_once([&] { pool.post([&] { ran[0] = 1; }); }, [&] { pool.post([&] { ran[1] = 1; }); },
            [&] { pool.submit([&] { ran[2] = 1; }).wait(); });
  }
  MODEL_CHECK(ran[0] + ran[1] + ran[2] == 3);
}

// Each of the two tasks needs the other one to run at the same time.
MODEL_SCENARIO(pool_two_tasks_that_meet, .timeouts_may_rescue = false) {
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() != 2) std::this_thread::yield();
  };
  spool::thread_pool pool(with(2));
  at_once([&] { pool.post(meet); }, [&] { pool.post(meet); });
}

/// The same twice: whoever sees the second task of a pair come, and calls a worker, does not do so once more for nothing.
MODEL_SCENARIO(pool_starts_no_third_worker_for_two_tasks, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(3));
  for (int pair = 0; pair < 2; ++pair) {
    std::atomic<int> here{0};
    const auto meet = [&] {
      here.fetch_add(1);
      while (here.load() != 2) std::this_thread::yield();
    };
    const auto first = pool.submit(meet);
    const auto second = pool.submit(meet);
    first.wait();
    second.wait();
  }
  MODEL_CHECK(pool.worker_count() == 2);
}

/// The worker takes the first of them after a short task, while who has submitted it calls another, which is counted as
/// searching until it is seen that there is nothing to do: the second task may have been left to it.
MODEL_SCENARIO(pool_two_tasks_that_meet_after_a_short_one, .timeouts_may_rescue = false) {
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() != 2) std::this_thread::yield();
  };
  spool::thread_pool pool(with(2));
  pool.post([] {});
  at_once([&] { pool.post(meet); }, [&] { pool.post(meet); });
}

// The same, both from one task, of which one must be stolen.
MODEL_SCENARIO(pool_two_tasks_of_one_that_meet, .timeouts_may_rescue = false) {
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() != 2) std::this_thread::yield();
  };
  spool::thread_pool pool(with(2));
  pool.submit([&] { pool.post(meet), pool.post(meet); }).wait();
}

// The same behind others in one lane: taken over in a batch, they must not lie
// where nobody sees them.
MODEL_SCENARIO(pool_tasks_that_meet_behind_others, .timeouts_may_rescue = false) {
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() < 2) std::this_thread::yield();
  };
  spool::thread_pool pool(with(2));
  for (int i = 0; i < 9; ++i) pool.post([] {});
  pool.post(meet);
  pool.post(meet);
}

// Two that meet are taken over at once, and before they are put where others see them, all others run: the worker that
// found nothing more and went to sleep has to be woken.
MODEL_SCENARIO(pool_tasks_that_meet_taken_in_one_batch, .timeouts_may_rescue = false) {
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() < 2) std::this_thread::yield();
  };
  spool::event go;
  spool::thread_pool pool(with(2));
  pool.post([&] { go.wait(); });
  pool.post([&] { go.wait(); });
  wait_for_sleepers(2);
  pool.post(meet);
  pool.post(meet);
  for (int i = 0; i < 14; ++i) pool.post([] {});
  begin_contest();
  go.set();
}

MODEL_SCENARIO(pool_two_waits_in_a_row_on_one_worker, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  const auto outer = pool.submit([&] {
    const auto middle = pool.submit([&] { return pool.submit([] { return 1; }).result() + 1; });
    return middle.result() + 1;
  });
  MODEL_CHECK(outer.result() == 3);
}

// The waiting task cannot run it: it must be another thread that stands in.
MODEL_SCENARIO(pool_stand_in_runs_what_two_wait_for, .timeouts_may_rescue = false) {
  spool::event go;
  spool::thread_pool pool(with(1));
  const auto a = pool.submit([&] { go.wait(); });
  const auto wait = [&] { a.wait(); };
  spool::promise<void> p;
  const auto b = pool.submit([f = p.get_future()] { f.wait(); });
  const auto c = pool.submit([&] { p.set_value(); });
  at_once([&] { go.set(); }, wait);
  b.wait();
  c.wait();
}

MODEL_SCENARIO(pool_waiting_task_with_a_limit) {
  spool::thread_pool pool(with(1));
  const auto f = pool.submit([&] {
    const auto inner = pool.submit([] { return 1; });
    if (inner.wait_for(1ms)) return inner.result();
    inner.wait();
    return inner.result();
  });
  MODEL_CHECK(f.result() == 1);
}

MODEL_SCENARIO(pool_stand_ins_retire) {
  spool::promise<void> p;
  spool::thread_pool pool(with(1));
  const auto a = pool.submit([f = p.get_future()] { f.wait(); });
  const auto b = pool.submit([&] { p.set_value(); });
  a.wait();
  b.wait();
  std::this_thread::sleep_for(150ms);
  pool.submit([] {}).wait();
}

MODEL_SCENARIO(pool_with_an_initializer, .timeouts_may_rescue = false) {
  std::atomic<int> ready{0};
  auto options = with(2);
  options.initializer = [&] { ready.fetch_add(1); };
  spool::thread_pool pool(std::move(options));
  at_once([&] { pool.submit([&] { MODEL_CHECK(ready.load() >= 1); }).wait(); }, [&] { pool.submit([] {}).wait(); });
}

MODEL_SCENARIO(pool_with_an_initializer_whose_tasks_meet, .timeouts_may_rescue = false) {
  auto options = with(2);
  options.initializer = [] { std::this_thread::yield(); };
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() != 2) std::this_thread::yield();
  };
  spool::thread_pool pool(std::move(options));
  pool.post(meet);
  pool.post(meet);
}

MODEL_SCENARIO(pool_with_an_initializer_and_two_that_submit_what_meets, .timeouts_may_rescue = false) {
  auto options = with(2);
  options.initializer = [] {};
  std::atomic<int> here{0};
  const auto meet = [&] {
    here.fetch_add(1);
    while (here.load() != 2) std::this_thread::yield();
  };
  spool::thread_pool pool(std::move(options));
  at_once([&] { pool.post(meet); }, [&] { pool.post(meet); });
}

// Both workers fail at the same time. The second one found that the first was
// about to say so, but had not yet, and went on to run what was pending: tasks
// ran in a thread whose initializer had thrown.
MODEL_SCENARIO(pool_broken_by_its_initializer, .timeouts_may_rescue = false) {
  const auto before = spool::set_excepthook([](spool::thread_info const&, std::exception_ptr) {});
  {
    auto options = with(2);
    options.initializer = [] { throw std::runtime_error("no"); };
    spool::thread_pool pool(std::move(options));
    const auto work = [&] {
      try {
        const auto f = pool.submit([] {});
        MODEL_CHECK(f.exception() != nullptr);
      } catch (spool::broken_pool_error const&) {
      }
    };
    at_once(work, work);
  }
  spool::set_excepthook({});
}

MODEL_SCENARIO(pool_discards_while_tasks_make_tasks, .timeouts_may_rescue = false) {
  int ran = 0;
  std::vector<spool::future<void>> inner(2);
  spool::thread_pool pool(with(2));
  const auto f = pool.submit([&] {
    try {
      for (auto& each : inner) each = pool.submit([] {});
    } catch (spool::pool_shutdown_error const&) {
    }
    ran = 1;
  });
  pool.shutdown({.wait = true, .cancel_pending = true});
  MODEL_CHECK(f.done());
  MODEL_CHECK(f.cancelled() == (ran == 0));
  for (const auto& each : inner) MODEL_CHECK(!each.valid() || each.done());
}

MODEL_SCENARIO(pool_loop_over_four, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  std::vector<int> all(4, 0);
  pool.for_each(all, [](int& each) { ++each; });
  for (const int each : all) MODEL_CHECK(each == 1);
}

MODEL_SCENARIO(pool_loop_inside_a_task, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  pool.submit([&] {
        std::vector<int> all(3, 0);
        pool.for_each(all, [](int& each) { ++each; });
        for (const int each : all) MODEL_CHECK(each == 1);
      })
      .result();
}

/// Each needs all others to be under way: the caller's helper asks for the next before it begins itself.
MODEL_SCENARIO(pool_loop_over_three_that_meet, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  std::vector<int> all(3, 0);
  std::atomic<int> here{0};
  pool.for_each(all, [&](int& each) {
    here.fetch_add(1);
    while (here.load() != 3) std::this_thread::yield();
    each = 1;
  });
  for (const int each : all) MODEL_CHECK(each == 1);
}

/// A helper asks for another while the caller takes the last element: the loop goes only when that one has gone, too.
MODEL_SCENARIO(pool_loop_is_over_while_a_helper_asks, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  std::vector<int> all(3, 0);
  pool.submit([] {}).wait();
  pool.for_each(all, [&](int& each) {
    for (unsigned i = choose(20); i != 0; --i) std::this_thread::yield();
    each = 1;
  });
  for (const int each : all) MODEL_CHECK(each == 1);
}

/// Who walks the range holds its lock, and waits for a task behind the worker that wants the lock.
MODEL_SCENARIO(pool_loop_whose_steps_wait_for_tasks) {
  spool::thread_pool pool(with(1));
  const std::vector<int> all{1, 2, 3};
  auto odd = all | std::views::filter([&](int n) { return pool.submit([n] { return n % 2 == 1; }).result(); });
  std::atomic<int> sum{0};
  pool.for_each(odd, [&](int n) { sum += n; });
  MODEL_CHECK(sum == 4);
}

MODEL_SCENARIO(pool_map_in_order, .timeouts_may_rescue = false) {
  int expected = 1;
  spool::thread_pool pool(with(2));
  for (const int x : pool.map([](int i) { return i + 1; }, std::vector<int>{0, 1, 2})) MODEL_CHECK(x == expected++);
}

MODEL_SCENARIO(pool_map_dropped_at_once, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  auto range = pool.map([](int i) { return i + 1; }, std::vector<int>{0, 1, 2});
  MODEL_CHECK(*range.begin() == 1);
}

MODEL_SCENARIO(pool_handles_dropped_before_the_tasks_end, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1));
  std::optional f(pool.submit([] { return std::make_unique<int>(1); }));
  std::optional g(*f);
  at_once([&] { f.reset(); }, [&] { g->cancel(), g.reset(); });
}

MODEL_SCENARIO(pool_callback_submits_again, .timeouts_may_rescue = false) {
  std::atomic<int> ran{0};
  spool::thread_pool pool(with(1));
  pool.submit([] {}).add_done_callback([&](const auto&) { pool.post([&] { ran.store(1); }); });
  while (ran.load() == 0) std::this_thread::yield();
}

MODEL_SCENARIO(pool_closed_while_the_last_submit_leaves) {
  std::optional<spool::thread_pool> pool(std::in_place, with(1));
  spool::event ran;
  at_once([&] { ran.wait(), pool.reset(); }, [&] { pool->post([&] { ran.set(); }); });
}

MODEL_SCENARIO(pool_refused_every_thread_but_one) {
  spool::promise<void> p;
  spool::thread_pool pool(with(1));
  pool.submit([] {}).wait();
  refuse_threads(3);
  const auto f = pool.submit([&] {
    const auto inner = pool.submit([] { return 1; });
    return inner.result();
  });
  MODEL_CHECK(f.result() == 1);
}

MODEL_SCENARIO(pool_task_waits_for_one_of_another_pool, .timeouts_may_rescue = false) {
  spool::thread_pool a(with(1));
  spool::thread_pool b(with(1));
  const auto f = a.submit([&] { return b.submit([&] { return a.submit([] { return 1; }).result(); }).result(); });
  MODEL_CHECK(f.result() == 1);
}

MODEL_SCENARIO(pool_closing_refuses_at_once_who_waits_to_submit, .timeouts_may_rescue = false) {
  spool::event go;
  bool refused = false;
  spool::thread_pool pool(with(1, 1));
  pool.post([&] { go.wait(); });
  pool.post([] {});
  at_once([&] { pool.shutdown({.wait = false}); },
          [&] {
            try {
              pool.post([] {});
            } catch (spool::pool_shutdown_error const&) {
              refused = true;
            }
            go.set();
          });
  MODEL_CHECK(refused);
}

MODEL_SCENARIO(pool_wait_idle_by_two_while_a_bound_holds, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(1, 1));
  at_once([&] { pool.wait_idle(); },
          [&] {
            for (int i = 0; i < 3; ++i) pool.post([] {});
            pool.wait_idle();
          });
}
