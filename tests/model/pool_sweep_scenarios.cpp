// tests/model/pool_sweep_scenarios.cpp · cancelled tasks that are taken out of the queues while others use them
// SPDX-License-Identifier: MIT
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>

#include <support.hpp>

using namespace model;

namespace {

spool::pool_options with(std::size_t workers) {
  return {.max_workers = workers, .thread_name_prefix = "w", .initializer = {}, .max_pending = 0};
}

/// So large that the entry of a single one is worth a sweep, once it is cancelled. Nothing of it is ever touched.
class large_task {
public:
  explicit large_task(std::atomic<int>& ran) noexcept : ran_(&ran) {}
  large_task(large_task const& other) noexcept : ran_(other.ran_) {}  // NOLINT
  void operator()() const { ran_->fetch_add(1); }

private:
  std::atomic<int>* ran_;
  char room_[17 * 1024];
};

/// Cancels it.      Returns  whether it was still to run.
bool cancels(spool::future<void>&& f) {
  const spool::future<void> mine(std::move(f));
  return mine.cancel();
}

}  // namespace

MODEL_SCENARIO(pool_sweeps_a_lane_while_it_is_taken_from, .timeouts_may_rescue = false) {
  std::atomic<int> ran{0}, large_ran{0};
  bool cancelled = false;
  {
    spool::thread_pool pool(with(2));
    auto first = pool.submit(large_task(large_ran));
    pool.post([&] { ran.fetch_add(1); });
    at_once([&] { cancelled = cancels(std::move(first)); }, [&] { pool.post([&] { ran.fetch_add(1); }); });
  }
  MODEL_CHECK(ran == 2);
  MODEL_CHECK(large_ran == (cancelled ? 0 : 1));
}

/// The order of what comes from outside stays, for a single worker.
MODEL_SCENARIO(pool_sweeps_a_lane_in_its_order, .timeouts_may_rescue = false) {
  std::atomic<int> large_ran{0};
  std::vector<int> order;
  {
    spool::thread_pool pool(with(1));
    auto first = pool.submit(large_task(large_ran));
    pool.post([&] { order.push_back(1); });
    auto second = pool.submit(large_task(large_ran));
    pool.post([&] { order.push_back(2); });
    at_once([&] { cancels(std::move(first)); }, [&] { cancels(std::move(second)); });
    pool.post([&] { order.push_back(3); });
  }
  MODEL_CHECK((order == std::vector{1, 2, 3}));
}

/// A task cancels what it has made: its worker sweeps its own deque, from which another steals. Nobody may miss what was
/// in neither queue for a moment: the task waits until another worker has run it.
MODEL_SCENARIO(pool_sweeps_its_own_deque_while_it_is_stolen_from, .timeouts_may_rescue = false) {
  std::atomic<int> large_ran{0};
  std::atomic<bool> ran{false};
  spool::thread_pool pool(with(2));
  pool.submit([&] {
        auto first = pool.submit(large_task(large_ran));
        pool.post([&] { ran.store(true); });
        const bool cancelled = cancels(std::move(first));
        while (!ran.load()) std::this_thread::yield();
        MODEL_CHECK(!cancelled || large_ran == 0);
      })
      .result();
}

/// A thread outside cancels what a busy task has made: what waits beside it in the deque goes into a lane, while the
/// deque's worker takes from it and another steals.
MODEL_SCENARIO(pool_sweeps_the_deque_of_a_worker_that_takes_from_it, .timeouts_may_rescue = false) {
  std::atomic<int> ran{0}, large_ran{0};
  bool cancelled = false;
  {
    spool::thread_pool pool(with(2));
    spool::future<void> large;
    pool.submit([&] {
          pool.post([&] { ran.fetch_add(1); });
          large = pool.submit(large_task(large_ran));
          pool.post([&] { ran.fetch_add(1); });
        })
        .result();
    cancelled = cancels(std::move(large));
  }
  MODEL_CHECK(ran == 2);
  MODEL_CHECK(large_ran == (cancelled ? 0 : 1));
}

/// What a sweep has in its hands when the pool is told to cancel all is cancelled when that returns.
MODEL_SCENARIO(pool_is_shut_down_while_a_deque_is_swept, .timeouts_may_rescue = false) {
  std::atomic<int> large_ran{0};
  std::atomic<bool> made{false}, over{false};
  spool::thread_pool pool(with(1));
  spool::future<void> kept, large;
  pool.post([&] {
    kept = pool.submit([] {});
    large = pool.submit(large_task(large_ran));
    made.store(true);
    while (!over.load()) std::this_thread::yield();
  });
  while (!made.load()) std::this_thread::yield();
  at_once(
      [&] { pool.shutdown({.wait = false, .cancel_pending = true}), MODEL_CHECK(kept.cancelled()), over.store(true); },
      [&] { cancels(std::move(large)); });
}

/// The pool may end, and be destroyed, as soon as its last task is cancelled: the sweep comes before that is counted.
MODEL_SCENARIO(pool_ends_when_its_last_task_is_cancelled, .timeouts_may_rescue = false) {
  std::atomic<int> large_ran{0};
  std::optional<spool::thread_pool> pool(std::in_place, with(1));
  auto first = pool->submit(large_task(large_ran));
  auto second = pool->submit(large_task(large_ran));
  bool cancelled[2] = {false, false};
  at_once([&] { pool.reset(); }, [&] { cancelled[0] = cancels(std::move(first)); },
          [&] { cancelled[1] = cancels(std::move(second)); });
  MODEL_CHECK(large_ran == (cancelled[0] ? 0 : 1) + (cancelled[1] ? 0 : 1));
}
