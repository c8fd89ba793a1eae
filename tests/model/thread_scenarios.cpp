// tests/model/thread_scenarios.cpp · the claims of thread and timer
// SPDX-License-Identifier: MIT
#include <chrono>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>

#include <spool/thread.hpp>
#include <spool/timer.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(thread_joined_by_two, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread t([&] { ran = 1; });
  t.start();
  const auto join = [&] { t.join(), MODEL_CHECK(ran == 1); };
  at_once(join, join);
  MODEL_CHECK(!t.is_alive());
}

MODEL_SCENARIO(thread_joined_with_a_limit) {
  int ran = 0;
  spool::thread t([&] { ran = 1; });
  t.start();
  at_once(
      [&] {
        if (t.join_for(1ms)) MODEL_CHECK(ran == 1);
      },
      [&] { t.join(), MODEL_CHECK(ran == 1); });
}

MODEL_SCENARIO(thread_started_by_two_runs_once) {
  int ran = 0;
  spool::thread t([&] { ++ran; });
  bool started[2] = {false, false};
  const auto start = [&](int i) {
    try {
      t.start();
      started[i] = true;
    } catch (spool::usage_error const&) {
    }
  };
  at_once([&] { start(0); }, [&] { start(1); });
  t.join();
  MODEL_CHECK(started[0] != started[1]);
  MODEL_CHECK(ran == 1);
}

MODEL_SCENARIO(thread_refused_can_be_started_again) {
  int ran = 0;
  spool::thread t([&] { ++ran; });
  refuse_threads(1);
  try {
    t.start();
    MODEL_CHECK(false);
  } catch (std::system_error const&) {
  }
  t.start();
  t.join();
  MODEL_CHECK(ran == 1);
}

MODEL_SCENARIO(thread_asked_to_stop_by_its_handles_end, .timeouts_may_rescue = false) {
  bool stopped = false;
  {
    spool::thread t([&](std::stop_token stop) {
      while (!stop.stop_requested()) std::this_thread::yield();
      stopped = true;
    });
    t.start();
  }
  MODEL_CHECK(stopped);
}

MODEL_SCENARIO(thread_daemon_goes_on_without_its_handle) {
  {
    spool::thread t({.name = "d", .daemon = true}, [] { static_cast<void>(spool::current_thread()); });
    t.start();
  }
}

MODEL_SCENARIO(thread_list_while_threads_come_and_go) {
  spool::thread a([] {});
  spool::thread b([] {});
  a.start();
  b.start();
  const std::size_t n = spool::enumerate().size();
  MODEL_CHECK(n >= 1);
  MODEL_CHECK(n <= 3);
  a.set_name("x");
  a.join();
  b.join();
  MODEL_CHECK(spool::active_count() == 1);
}

MODEL_SCENARIO(timer_fires_once) {
  int fired = 0;
  spool::timer t(1ms, [&] { ++fired; });
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
