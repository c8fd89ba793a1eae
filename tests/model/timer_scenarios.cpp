// tests/model/timer_scenarios.cpp · the claims of timer and periodic_timer
// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <spool/event.hpp>
#include <spool/timer.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(timer_fires_once_and_not_early) {
  int fired = 0;
  const std::int64_t began = now_ns();
  spool::timer t(1ms, [&] { ++fired, MODEL_CHECK(now_ns() - began >= 1'000'000); });
  t.start();
  t.join();
  MODEL_CHECK(fired == 1);
}

MODEL_SCENARIO(timer_cancel_against_its_time) {
  int fired = 0;
  bool cancelled = false;
  spool::timer t(1ms, [&] { ++fired; });
  t.start();
  at_once([&] { t.join(); },
          [&] {
            if (choose(2) == 0) std::this_thread::sleep_for(1ms);
            cancelled = t.cancel();
          });
  MODEL_CHECK(fired == (cancelled ? 0 : 1));
}

MODEL_SCENARIO(timer_destroyed_around_its_time) {
  int fired = 0;
  {
    spool::timer t(1ms, [&] { ++fired; });
    t.start();
    if (choose(2) == 0) std::this_thread::sleep_for(1ms);
  }
  MODEL_CHECK(fired <= 1);
}

MODEL_SCENARIO(timer_whose_callback_starts_another) {
  int fired = 0;
  std::optional<spool::timer> second;
  spool::timer first(1ms, [&] {
    ++fired;
    second.emplace(1ms, [&] { ++fired; });
    second->start();
  });
  first.start();
  first.join();
  second->join();
  MODEL_CHECK(fired == 2);
}

MODEL_SCENARIO(timers_two_of_which_one_blocks_for_the_other) {
  std::atomic<int> second_fired{0};
  spool::timer first(1ms, [&] {
    while (second_fired.load() == 0) std::this_thread::sleep_for(100us);
  });
  spool::timer second(1ms, [&] { second_fired.store(1); });
  first.start();
  second.start();
  first.join();
  second.join();
}

MODEL_SCENARIO(timer_periodic_cancelled_from_outside) {
  int fired = 0;
  spool::periodic_timer t(1ms, [&] { ++fired; });
  t.start();
  std::this_thread::sleep_for(2500us);
  t.cancel();
  t.join();
}

MODEL_SCENARIO(timer_periodic_destroyed_by_its_callback) {
  std::optional<spool::periodic_timer> t;
  std::atomic<bool> over{false};
  t.emplace(1ms, [&] { t.reset(), over.store(true); });
  t->start();
  while (!over.load()) std::this_thread::sleep_for(500us);
}

MODEL_SCENARIO(timer_cancelled_by_two_and_joined) {
  int fired = 0;
  bool cancelled[2] = {false, false};
  spool::timer t(1ms, [&] { ++fired; });
  t.start();
  at_once([&] { cancelled[0] = t.cancel(); }, [&] { cancelled[1] = t.cancel(); }, [&] { t.join(); });
  MODEL_CHECK(!(cancelled[0] && cancelled[1]));
  MODEL_CHECK(fired == (cancelled[0] || cancelled[1] ? 0 : 1));
}

MODEL_SCENARIO(timer_joined_with_a_limit_around_its_time) {
  int fired = 0;
  spool::timer t(1ms, [&] { ++fired; });
  t.start();
  if (t.join_for(1ms)) MODEL_CHECK(fired == 1);
  t.join();
  MODEL_CHECK(fired == 1);
}

// The later one is put in first: whoever keeps the time must hear of the earlier one.
MODEL_SCENARIO(timer_earlier_than_the_one_before) {
  int fired = 0;
  spool::timer late(1h, [] {});
  spool::timer early(1ms, [&] { ++fired; });
  const std::int64_t began = now_ns();
  late.start();
  early.start();
  early.join();
  MODEL_CHECK(fired == 1);
  MODEL_CHECK(now_ns() - began < 60'000'000'000);
  MODEL_CHECK(late.cancel());
}

MODEL_SCENARIO(timer_started_by_two_threads) {
  std::atomic<int> fired{0};
  const auto work = [&] {
    spool::timer t(1ms, [&] { fired.fetch_add(1); });
    t.start();
    t.join();
  };
  at_once(work, work);
  MODEL_CHECK(fired.load() == 2);
}

MODEL_SCENARIO(timer_threads_end_while_another_starts) {
  int fired = 0;
  spool::timer first(1ms, [&] { ++fired; });
  first.start();
  first.join();
  std::this_thread::sleep_for(50ms);
  spool::timer second(1ms, [&] { ++fired; });
  second.start();
  second.join();
  MODEL_CHECK(fired == 2);
}

MODEL_SCENARIO(timer_refused_its_thread) {
  int fired = 0;
  refuse_threads(1);
  spool::timer t(1ms, [&] { ++fired; });
  try {
    t.start();
    MODEL_CHECK(false);
  } catch (std::system_error const&) {
  }
  t.start();
  t.join();
  MODEL_CHECK(fired == 1);
}

// Each start has a thread of its own to rely on: that of the other may be refused.
MODEL_SCENARIO(timer_started_by_two_of_which_one_is_refused) {
  std::atomic<int> fired{0};
  const auto work = [&](int& refused) {
    spool::timer t(1ms, [&] { fired.fetch_add(1); });
    try {
      t.start();
    } catch (std::system_error const&) {
      refused = 1;
      return;
    }
    while (t.is_alive()) std::this_thread::sleep_for(1ms);  // a join would ask for a thread itself
  };
  int refused[2] = {0, 0};
  at_once([&] { refuse_threads(1), work(refused[0]); }, [&] { work(refused[1]); });
  MODEL_CHECK(refused[0] + refused[1] <= 1);
  MODEL_CHECK(fired.load() == 2 - refused[0] - refused[1]);
}

// Nobody but the one thread that there is can ask for another before it blocks.
MODEL_SCENARIO(timers_whose_second_thread_is_refused_for_a_moment) {
  std::atomic<int> second_fired{0};
  spool::timer first(1ms, [&] {
    while (second_fired.load() == 0) std::this_thread::sleep_for(1ms);
  });
  spool::timer second(1ms, [&] { second_fired.store(1); });
  first.start();
  refuse_threads(1 + choose(3));
  second.start();
  while (second_fired.load() == 0) std::this_thread::sleep_for(1ms);
  refuse_threads(0);
}

// Who waits for a timer asks for the thread that the others gave up.
MODEL_SCENARIO(timers_whose_second_thread_is_refused_for_long) {
  std::atomic<int> second_fired{0};
  spool::timer first(1ms, [&] {
    while (second_fired.load() == 0) std::this_thread::sleep_for(200ms);
  });
  spool::timer second(1ms, [&] { second_fired.store(1); });
  first.start();
  refuse_threads(70);
  second.start();
  if (choose(2) == 0) std::this_thread::sleep_for(300ms);
  second.join();
}

// Nobody joins: the callback that keeps the other waiting sleeps in an event, and has its thread ask.
MODEL_SCENARIO(timers_whose_callback_sleeps_while_a_thread_is_refused) {
  spool::event second_fired;
  spool::timer first(1ms, [&] { second_fired.wait(); });
  spool::timer second(1ms, [&] { second_fired.set(); });
  first.start();
  if (choose(2) == 0) std::this_thread::sleep_for(300ms);
  refuse_threads(70);
  second.start();
  second_fired.wait();
}

MODEL_SCENARIO(timer_periodic_cancels_itself) {
  std::optional<spool::periodic_timer> t;
  int fired = 0;
  t.emplace(1ms, [&] {
    if (++fired == 3) t->cancel();
  });
  t->start();
  t->join();
  MODEL_CHECK(fired == 3);
}

MODEL_SCENARIO(timer_periodic_against_one_that_blocks) {
  std::atomic<int> ticks{0};
  spool::timer blocks(1ms, [&] {
    while (ticks.load() < 3) std::this_thread::sleep_for(300us);
  });
  spool::periodic_timer t(1ms, [&] { ticks.fetch_add(1); });
  blocks.start();
  t.start();
  blocks.join();
  t.cancel();
  t.join();
}

// What the callback owns is gone when join() returns.
MODEL_SCENARIO(timer_callable_ends_before_the_join) {
  int alive = 0;
  struct counted {
    explicit counted(int& n) : alive(&n) { ++n; }
    counted(counted&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
    ~counted() {
      if (alive != nullptr) --*alive;
    }
    void operator()() const {}
    int* alive;
  };
  spool::timer t(1ms, counted(alive));
  t.start();
  t.join();
  MODEL_CHECK(alive == 0);
}

MODEL_SCENARIO(timers_fire_in_the_order_of_their_deadlines) {
  std::vector<int> fired;
  std::optional<spool::timer> all[6];
  int i = 0;
  for (const int hours : {2, 1, 5, 6, 3, 4}) {
    all[i].emplace(std::chrono::hours(hours), [&fired, hours] { fired.push_back(hours); });
    all[i++]->start();
  }
  for (auto& t : all) t->join();
  MODEL_CHECK(fired == std::vector<int>{1, 2, 3, 4, 5, 6});
}
