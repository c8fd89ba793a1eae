// tests/model/pool_fairness_scenarios.cpp · no task is starved, and none begins while too many are at work
// SPDX-License-Identifier: MIT
//
// What is starved never runs: the execution goes on for ever and is taken for a livelock.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

spool::pool_options with(std::size_t workers) {
  return {.max_workers = workers, .thread_name_prefix = "w", .initializer = {}, .max_pending = 0};
}

/// A task that posts itself until `enough` says so.
class again {
public:
  again(spool::thread_pool& pool, std::function<bool()> enough) : pool_(pool), enough_(std::move(enough)) {}
  void operator()() const {
    if (!enough_()) pool_.post(std::cref(*this));
  }

private:
  spool::thread_pool& pool_;
  std::function<bool()> enough_;
};

}  // namespace

MODEL_SCENARIO(pool_child_runs_though_its_sibling_posts_itself_again, .steps = 60'000, .timeouts_may_rescue = false) {
  std::atomic<bool> ran{false};
  spool::thread_pool pool(with(1));
  const again poll(pool, [&] { return ran.load(); });
  pool.post([&] { pool.post([&] { ran.store(true); }), pool.post(std::cref(poll)); });
  pool.wait_idle();
}

MODEL_SCENARIO(pool_task_from_outside_runs_though_one_inside_posts_itself_again, .steps = 60'000,
               .timeouts_may_rescue = false) {
  std::atomic<bool> ran{false};
  spool::thread_pool pool(with(1));
  const again poll(pool, [&] { return ran.load(); });
  pool.post(std::cref(poll));
  begin_contest();
  pool.submit([&] { ran.store(true); }).wait();
  pool.wait_idle();
}

// The child lies in the deque of a worker that is busy; the other worker has a task of its own at any time.
MODEL_SCENARIO(pool_child_of_a_busy_worker_runs_though_the_other_is_busy, .steps = 60'000,
               .timeouts_may_rescue = false) {
  std::atomic<bool> ran{false};
  spool::thread_pool pool(with(2));
  const again poll(pool, [&] { return ran.load(); });
  pool.post(std::cref(poll));
  pool.post([&] {
    pool.post([&] { ran.store(true); });
    while (!ran.load()) std::this_thread::yield();
  });
  pool.wait_idle();
}

// What is waited for comes first, but not all of it: the stranger has its turn before a hundred of them have run.
MODEL_SCENARIO(pool_stranger_has_its_turn_among_what_is_waited_for, .steps = 60'000, .timeouts_may_rescue = false) {
  std::atomic<bool> ran{false};
  spool::thread_pool pool(with(1));
  pool.post([&] {
    pool.post([&] { ran.store(true); });
    std::vector<spool::future<void>> hundred;
    for (int i = 0; i < 100; ++i) hundred.push_back(pool.submit([] {}));
    spool::wait_for(hundred, 1h);
    MODEL_CHECK(ran.load());
  });
  pool.wait_idle();
}

namespace {

/// One task has returned from its wait and is at work, while the one that let it go on comes to its end.
struct one_too_many_at_work {
  spool::thread_pool pool{with(1)};
  spool::promise<void> go_on;
  std::atomic<bool> at_work{false};
  std::atomic<std::int64_t> since{0};
  std::atomic<bool> other_ended{false};
  spool::future<void> returned = pool.submit([this, f = go_on.get_future()] {
    f.wait();
    since.store(now_ns());
    at_work.store(true);
    while (!other_ended.load()) std::this_thread::yield();
    for (unsigned i = choose(30); i != 0; --i) std::this_thread::yield();
    at_work.store(false);
  });

  /// At work, and not for so long that the pool may be taken to stand still.
  bool keeps_others_from_it() const { return at_work.load() && now_ns() - since.load() < 400'000'000; }

  void let_it_go_on() {
    go_on.set_value();
    while (!at_work.load()) std::this_thread::yield();
  }
};

}  // namespace

// What stands next in the queue begins when the one that has returned has ended.
MODEL_SCENARIO(pool_no_task_begins_while_too_many_are_at_work, .timeouts_may_rescue = false) {
  one_too_many_at_work s;
  const auto other = s.pool.submit([&] { s.let_it_go_on(); });
  const auto next = s.pool.submit([&] { MODEL_CHECK(!s.at_work.load()); });
  other.wait();
  s.other_ended.store(true);
  next.wait();
  s.returned.wait();
}

// Likewise what another waits for.
MODEL_SCENARIO(pool_no_awaited_task_begins_while_too_many_are_at_work, .timeouts_may_rescue = false) {
  one_too_many_at_work s;
  spool::promise<spool::future<void>> made;
  const auto waits = s.pool.submit([f = made.get_future()] { MODEL_CHECK(f.result().wait_for(1h)); });
  const auto other = s.pool.submit([&] {
    s.let_it_go_on();
    made.set_value(s.pool.submit([&] { MODEL_CHECK(!s.keeps_others_from_it()); }));
  });
  other.wait();
  s.other_ended.store(true);
  waits.wait();
  s.returned.wait();
}

// Nor does the task that another waits for begin on top of that one.
MODEL_SCENARIO(pool_no_task_begins_in_its_waiter_while_too_many_are_at_work, .timeouts_may_rescue = false) {
  one_too_many_at_work s;
  const auto other = s.pool.submit([&] {
    s.let_it_go_on();
    const auto child = s.pool.submit([&] { MODEL_CHECK(!s.keeps_others_from_it()); });
    s.other_ended.store(true);
    child.wait();
  });
  other.wait();
  s.returned.wait();
}

// A worker that gives way leaves a task behind in its deque, where the others must find it while it is parked.
MODEL_SCENARIO(pool_task_left_by_a_worker_that_gives_way, .timeouts_may_rescue = false) {
  one_too_many_at_work s;
  bool ran = false;
  const auto other = s.pool.submit([&] {
    s.pool.post([&] { ran = true; });
    s.let_it_go_on();
  });
  other.wait();
  s.other_ended.store(true);
  s.returned.wait();
  s.pool.wait_idle();
  MODEL_CHECK(ran);
}
