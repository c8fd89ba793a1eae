// tests/model/thread_scenarios.cpp · the claims of thread
// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <stop_token>
#include <system_error>
#include <thread>

#include <spool/thread.hpp>

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

// Who finds another start under way waits for its end: also if the system refuses it.
MODEL_SCENARIO(thread_started_by_two_of_which_one_is_refused, .timeouts_may_rescue = false) {
  int ran = 0;
  spool::thread t([&] { ++ran; });
  int started[2] = {0, 0};
  int refused[2] = {0, 0};
  const auto start = [&](int i) {
    try {
      t.start();
      started[i] = 1;
    } catch (std::system_error const&) {
      refused[i] = 1;
    } catch (spool::usage_error const&) {
    }
  };
  at_once([&] { refuse_threads(1), start(0); }, [&] { start(1); });
  MODEL_CHECK(started[0] + started[1] <= 1);
  if (started[0] + started[1] == 0) start(0);
  t.join();
  MODEL_CHECK(refused[0] + refused[1] <= 1);
  MODEL_CHECK(ran == 1);
}

MODEL_SCENARIO(thread_is_listed_and_has_its_ids_once_started, .timeouts_may_rescue = false) {
  spool::thread t([] {});
  t.start();
  MODEL_CHECK(t.ident() != std::thread::id());
  MODEL_CHECK(t.native_id() != 0);
  t.join();
}

MODEL_SCENARIO(thread_joined_while_its_start_returns) {
  int ran = 0;
  spool::thread t([&] { ran = 1; });
  const auto join = [&] {
    for (;;) {
      try {
        return t.join();
      } catch (spool::usage_error const&) {  // not started yet
        std::this_thread::yield();
      }
    }
  };
  at_once([&] { t.start(); }, [&] { join(), MODEL_CHECK(ran == 1); });
}

MODEL_SCENARIO(thread_is_alive_as_long_as_it_is_listed) {
  spool::thread t([] {});
  t.start();
  while (t.is_alive()) std::this_thread::yield();
  MODEL_CHECK(spool::active_count() == 1);
  t.join();
}

// The handle is still there then.
MODEL_SCENARIO(thread_callable_ends_with_the_thread, .timeouts_may_rescue = false) {
  auto owned = std::make_shared<int>(1);
  spool::thread t([mine = owned] { static_cast<void>(mine); });
  t.start();
  t.join();
  MODEL_CHECK(owned.use_count() == 1);
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

// The one whose join the system refuses leaves it to the other.
MODEL_SCENARIO(thread_joined_by_two_of_which_one_is_refused, .timeouts_may_rescue = false) {
  int ran = 0;
  int refused[2] = {0, 0};
  spool::thread t([&] { ran = 1; });
  t.start();
  const auto join = [&](int i) {
    try {
      t.join();
      MODEL_CHECK(ran == 1);
    } catch (std::system_error const&) {
      refused[i] = 1;
    }
  };
  refuse_joins(1);
  at_once([&] { join(0); }, [&] { join(1); });
  MODEL_CHECK(refused[0] + refused[1] <= 1);
  refuse_joins(0);
  t.join();
}

// Its own function lets the handle go, while start() has not returned.
MODEL_SCENARIO(thread_daemon_whose_handle_goes_during_its_start) {
  static spool::thread* t = nullptr;
  t = new spool::thread({.name = "d", .daemon = true}, [] { delete t; });
  t->start();
}
