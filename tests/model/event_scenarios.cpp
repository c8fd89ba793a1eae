// tests/model/event_scenarios.cpp · the claims of event
// SPDX-License-Identifier: MIT
#include <chrono>
#include <stop_token>
#include <thread>

#include <spool/event.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(event_passes_what_came_before_the_set, .timeouts_may_rescue = false) {
  spool::event e;
  int message = 0;
  at_once([&] { e.wait(), MODEL_CHECK(message == 1); }, [&] { message = 1, e.set(); });
}

MODEL_SCENARIO(event_set_wakes_all, .timeouts_may_rescue = false) {
  spool::event e;
  const auto wait = [&] { e.wait(); };
  at_once([&] { e.set(); }, wait, wait, wait);
  MODEL_CHECK(e.is_set());
}

// A set that is taken back at once still lets everyone go who waits.
MODEL_SCENARIO(event_set_and_cleared_at_once_lets_go_who_waited, .timeouts_may_rescue = false) {
  spool::event e;
  std::thread a([&] { e.wait(); });
  std::thread b([&] { e.wait(); });
  wait_for_sleepers(2);
  e.set();
  e.clear();
  a.join();
  b.join();
  MODEL_CHECK(!e.is_set());
}

MODEL_SCENARIO(event_limit_against_set) {
  spool::event e;
  int message = 0;
  at_once(
      [&] {
        const std::int64_t limit = now_ns() + 1'000'000;
        if (e.wait_for(1ms)) {
          MODEL_CHECK(message == 1);
        } else {
          MODEL_CHECK(now_ns() >= limit);
        }
      },
      [&] { message = 1, e.set(); }, [&] { e.wait(), MODEL_CHECK(message == 1); });
}

MODEL_SCENARIO(event_stop_against_set) {
  spool::event e;
  std::stop_source stop;
  int message = 0;
  at_once(
      [&] {
        if (e.wait(stop.get_token())) MODEL_CHECK(message == 1);
      },
      [&] { message = 1, e.set(); }, [&] { stop.request_stop(); }, [&] { e.wait(); });
}

MODEL_SCENARIO(event_stop_alone_ends_the_wait, .timeouts_may_rescue = false) {
  spool::event e;
  std::stop_source stop;
  at_once([&] { MODEL_CHECK(!e.wait(stop.get_token())); }, [&] { stop.request_stop(); });
}

MODEL_SCENARIO(event_set_by_two_against_clear, .timeouts_may_rescue = false) {
  spool::event e;
  at_once([&] { e.wait(); }, [&] { e.set(); }, [&] { e.clear(), e.set(); });
  MODEL_CHECK(e.is_set());
}

// Whoever has waited may destroy it, while the set is still about to wake.
MODEL_SCENARIO(event_destroyed_after_the_wait, .timeouts_may_rescue = false) {
  auto* const e = new spool::event;
  at_once([&] { e->wait(), delete e; }, [&] { e->set(); });
}
// The same where the set finds it asleep.
MODEL_SCENARIO(event_destroyed_by_who_slept_for_it, .timeouts_may_rescue = false) {
  auto* const e = new spool::event;
  std::thread sleeper([e] { e->wait(), delete e; });
  wait_for_sleepers(1);
  begin_contest();
  e->set();
  sleeper.join();
}

// Who gives up while a set is about to call it waits for that call: it may not come to its next sleep.
MODEL_SCENARIO(event_given_up_while_it_is_set) {
  spool::event e;
  spool::event never;
  at_once([&] { e.set(); }, [&] { e.wait_for(1ms), MODEL_CHECK(!never.wait_for(1ms)); });
}

// A clear that finds the flag down leaves those alone who sleep.
MODEL_SCENARIO(event_cleared_while_it_is_down, .timeouts_may_rescue = false) {
  spool::event e;
  std::thread sleeper([&] { e.wait(); });
  wait_for_sleepers(1);
  e.clear();
  e.set();
  sleeper.join();
}
