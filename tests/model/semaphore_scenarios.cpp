// tests/model/semaphore_scenarios.cpp · the claims of semaphore
// SPDX-License-Identifier: MIT
#include <chrono>
#include <stop_token>
#include <thread>

#include <spool/semaphore.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(semaphore_guards_what_one_permit_guards, .timeouts_may_rescue = false) {
  spool::semaphore s(1);
  int inside = 0;
  const auto work = [&] { s.acquire(), ++inside, s.release(); };
  at_once(work, work, work);
  MODEL_CHECK(inside == 3);
  MODEL_CHECK(s.value() == 1);
}

MODEL_SCENARIO(semaphore_passes_what_came_before_the_release, .timeouts_may_rescue = false) {
  spool::semaphore s(0);
  int message = 0;
  at_once([&] { s.acquire(), MODEL_CHECK(message == 1); }, [&] { message = 1, s.release(); });
  MODEL_CHECK(s.value() == 0);
}

MODEL_SCENARIO(semaphore_release_of_two_wakes_two, .timeouts_may_rescue = false) {
  spool::semaphore s(0);
  const auto take = [&] { s.acquire(); };
  at_once([&] { s.release(2); }, take, take);
  MODEL_CHECK(s.value() == 0);
}

MODEL_SCENARIO(semaphore_released_by_two_for_three, .timeouts_may_rescue = false) {
  spool::semaphore s(0);
  const auto take = [&] { s.acquire(); };
  at_once([&] { s.release(1); }, take, take, [&] { s.release(2); }, take);
  MODEL_CHECK(s.value() == 0);
}

MODEL_SCENARIO(semaphore_keeps_count_of_those_that_gave_up) {
  spool::semaphore s(0);
  int got[2] = {0, 0};
  const auto try_for = [&](int i) { got[i] = s.try_acquire_for(1ms) ? 1 : 0; };
  at_once([&] { s.release(1); }, [&] { try_for(0); }, [&] { try_for(1); });
  MODEL_CHECK(got[0] + got[1] + s.value() == 1);
}

// Who gives up may not take the wake-up with it.
MODEL_SCENARIO(semaphore_one_gives_up_and_one_waits_on) {
  spool::semaphore s(0);
  int got = 0;
  at_once([&] { s.release(1), s.release(1); }, [&] { got = s.try_acquire_for(1ms) ? 1 : 0; }, [&] { s.acquire(); });
  MODEL_CHECK(got + s.value() == 1);
}

// The first release is handed over, the second one calls a sleeper to try: if
// that one gives up just then, the permit that it was called for must still be
// looked for.
MODEL_SCENARIO(semaphore_called_while_giving_up) {
  spool::semaphore s(0);
  bool got = false;
  std::thread first([&] { s.acquire(); });
  if (choose(2) == 0) wait_for_sleepers(1);
  std::thread hasty([&] { got = s.try_acquire_for(1ms); });
  if (choose(2) == 0) wait_for_sleepers(1);
  std::thread patient([&] { s.acquire(); });
  if (choose(2) == 0) wait_for_sleepers(1);
  s.release();
  s.release();
  hasty.join();
  if (got) s.release();
  first.join();
  patient.join();
  MODEL_CHECK(s.value() == 0);
}

MODEL_SCENARIO(semaphore_newcomers_against_sleepers, .timeouts_may_rescue = false) {
  spool::semaphore s(1);
  int inside = 0;
  const auto work = [&] {
    for (int i = 0; i < 2; ++i) s.acquire(), ++inside, s.release();
  };
  at_once(work, work, work);
  MODEL_CHECK(inside == 6);
  MODEL_CHECK(s.value() == 1);
}

MODEL_SCENARIO(semaphore_tried_without_waiting) {
  spool::semaphore s(1);
  int got[2] = {0, 0};
  at_once([&] { got[0] = s.try_acquire() ? 1 : 0; }, [&] { got[1] = s.try_acquire() ? 1 : 0; });
  MODEL_CHECK(got[0] + got[1] == 1);
  MODEL_CHECK(s.value() == 0);
}

MODEL_SCENARIO(semaphore_stop_against_release) {
  spool::semaphore s(0);
  std::stop_source stop;
  int got = 0;
  at_once([&] { s.release(); }, [&] { got = s.acquire(stop.get_token()) ? 1 : 0; }, [&] { stop.request_stop(); });
  MODEL_CHECK(got + s.value() == 1);
}

MODEL_SCENARIO(semaphore_stop_alone_ends_the_wait, .timeouts_may_rescue = false) {
  spool::semaphore s(0);
  std::stop_source stop;
  at_once([&] { MODEL_CHECK(!s.acquire(stop.get_token())); }, [&] { stop.request_stop(); });
  MODEL_CHECK(s.value() == 0);
}

// Of three that were called, two give up: what they were called for is the third one's.
MODEL_SCENARIO(semaphore_called_for_what_those_that_give_up_leave) {
  spool::semaphore s(0);
  std::thread first([&] { s.acquire(); });
  wait_for_sleepers(1);
  int got[2] = {0, 0};
  const auto try_for = [&](int i) { got[i] = s.try_acquire_for(1ms) ? 1 : 0; };
  std::thread a([&] { try_for(0); }), b([&] { try_for(1); });
  std::thread patient([&] { s.acquire(); });
  std::this_thread::yield();
  s.release();  // handed over to the first
  s.release();
  if (choose(2) == 0) s.release();
  a.join(), b.join();
  for (int more = got[0] + got[1]; more != 0; --more) s.release();
  first.join(), patient.join();
  MODEL_CHECK(s.value() <= 1);
}

MODEL_SCENARIO(semaphore_stopped_one_leaves_the_permit_to_another, .timeouts_may_rescue = false) {
  spool::semaphore s(0);
  std::stop_source stop;
  int got = 0;
  at_once([&] { s.release(), s.release(); }, [&] { got = s.acquire(stop.get_token()) ? 1 : 0; }, [&] { s.acquire(); },
          [&] { stop.request_stop(); });
  MODEL_CHECK(got + s.value() == 1);
}

// Whoever has acquired the last permit may destroy it, while the release is
// still about to wake.
MODEL_SCENARIO(semaphore_destroyed_after_the_last_acquire, .timeouts_may_rescue = false) {
  auto* const s = new spool::semaphore(0);
  at_once([&] { s->acquire(), delete s; }, [&] { s->release(); });
}
MODEL_SCENARIO(semaphore_destroyed_after_the_last_acquire_of_two, .timeouts_may_rescue = false) {
  auto* const s = new spool::semaphore(0);
  at_once(
      [&] {
        s->acquire();
        s->acquire();
        delete s;
      },
      [&] { s->release(); }, [&] { s->release(); });
}

MODEL_SCENARIO(bounded_semaphore_refuses_what_was_not_acquired) {
  spool::bounded_semaphore s(1);
  bool refused[2] = {false, false};
  const auto give = [&](int i) {
    try {
      s.release();
    } catch (spool::usage_error const&) {
      refused[i] = true;
    }
  };
  s.acquire();
  at_once([&] { give(0); }, [&] { give(1); });
  MODEL_CHECK(refused[0] != refused[1]);
  MODEL_CHECK(s.value() == 1);
}

// Two see that one more would fit, where sleepers wait; it is one of them that finds it taken.
MODEL_SCENARIO(bounded_semaphore_refuses_the_second_of_two_where_others_sleep) {
  spool::bounded_semaphore s(1);
  s.acquire();
  const auto take = [&] { s.acquire(); };
  std::thread a(take), b(take), c(take);
  wait_for_sleepers(3);
  s.release();  // handed over; what is released soon after is there for anyone
  int given[2] = {0, 0};
  const auto give = [&](int i) {
    try {
      s.release();
      given[i] = 1;
    } catch (spool::usage_error const&) {
    }
    MODEL_CHECK(s.value() <= 1);
  };
  at_once([&] { give(0); }, [&] { give(1); });
  for (int more = 2 - given[0] - given[1]; more != 0;) {
    given[0] = 0, give(0), more -= given[0];
    std::this_thread::yield();
  }
  a.join(), b.join(), c.join();
  MODEL_CHECK(s.value() == 0);
}
