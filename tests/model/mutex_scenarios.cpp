// tests/model/mutex_scenarios.cpp · the claims of mutex and recursive_mutex
// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <memory>
#include <thread>

#include <spool/errors.hpp>
#include <spool/mutex.hpp>
#include <spool/recursive_mutex.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(mutex_excludes_two) {
  spool::mutex m;
  int inside = 0;
  at_once([&] { m.lock(), ++inside, m.unlock(); }, [&] { m.lock(), ++inside, m.unlock(); });
  MODEL_CHECK(inside == 2);
  MODEL_CHECK(!m.locked());
}

MODEL_SCENARIO(mutex_excludes_three_again_and_again, .timeouts_may_rescue = false) {
  spool::mutex m;
  int inside = 0;
  const auto work = [&] {
    for (int i = 0; i < 2; ++i) m.lock(), ++inside, m.unlock();
  };
  at_once(work, work, work);
  MODEL_CHECK(inside == 6);
}

MODEL_SCENARIO(mutex_with_four_sleepers, .timeouts_may_rescue = false) {
  spool::mutex m;
  int inside = 0;
  const auto work = [&] { m.lock(), ++inside, m.unlock(); };
  m.lock();
  std::thread a(work), b(work), c(work), d(work);
  m.unlock();
  work();
  a.join(), b.join(), c.join(), d.join();
  MODEL_CHECK(inside == 5);
}

MODEL_SCENARIO(mutex_tried_by_one_and_held_by_another) {
  spool::mutex m;
  int inside = 0;
  int tried = 0;
  at_once([&] { m.lock(), ++inside, m.unlock(); },
          [&] {
            if (m.try_lock()) tried = 1, ++inside, m.unlock();
          });
  MODEL_CHECK(inside == 1 + tried);
  MODEL_CHECK(m.try_lock());
  m.unlock();
}

MODEL_SCENARIO(mutex_tried_for_a_while_against_unlock) {
  spool::mutex m;
  int inside = 0;
  int in_time = 0;
  at_once([&] { m.lock(), ++inside, m.unlock(); },
          [&] {
            const std::int64_t limit = now_ns() + 1'000'000;
            if (m.try_lock_for(1ms)) {
              in_time = 1, ++inside, m.unlock();
            } else {
              MODEL_CHECK(now_ns() >= limit);
            }
          });
  MODEL_CHECK(inside == 1 + in_time);
  MODEL_CHECK(m.try_lock());
  m.unlock();
}

// The one that gives up may be the one that was woken: the other may not sleep
// on.
MODEL_SCENARIO(mutex_sleeper_that_gives_up_passes_the_wake_up_on, .timeouts_may_rescue = true) {
  spool::mutex m;
  int inside = 0;
  const auto work = [&] { m.lock(), ++inside, m.unlock(); };
  const auto try_for = [&] {
    if (m.try_lock_for(1ms)) ++inside, m.unlock();
  };
  m.lock();
  std::thread a(try_for), b(work), c(try_for);
  m.unlock();
  work();
  a.join(), b.join(), c.join();
  MODEL_CHECK(inside >= 2);
  MODEL_CHECK(m.try_lock());
  m.unlock();
}

MODEL_SCENARIO(mutex_reserved_by_one_that_gives_up) {
  spool::mutex m;
  int inside = 0;
  const auto try_for = [&] {
    if (m.try_lock_for(3ms)) ++inside, m.unlock();
  };
  m.lock();
  std::thread a(try_for), b(try_for);
  std::this_thread::sleep_for(1ms);
  m.unlock();
  for (int i = 0; i < 2; ++i) {
    m.lock();
    ++inside;
    if (choose(2) == 0) std::this_thread::sleep_for(1500us);
    m.unlock();
  }
  a.join(), b.join();
  MODEL_CHECK(m.try_lock());
  MODEL_CHECK(inside >= 2);
  m.unlock();
}

// Those that have given up count as sleepers no more: else, after a few of them, nobody would be woken.
MODEL_SCENARIO(mutex_sleeps_and_wakes_after_four_have_given_up) {
  spool::mutex m;
  bool entered = false;
  const auto give_up = [&] { MODEL_CHECK(!m.try_lock_for(1ms)); };
  m.lock();
  std::thread a(give_up), b(give_up), c(give_up), d(give_up);
  a.join(), b.join(), c.join(), d.join();
  for (int i = 0; i < 3; ++i) m.unlock(), m.lock();
  std::thread patient([&] { m.lock(), entered = true, m.unlock(); });
  if (choose(4) != 0) wait_for_sleepers(1);
  m.unlock();
  patient.join();
  MODEL_CHECK(entered);
}

// Two that unlock one lock are a mistake of theirs, and one of them hears of it. Which of the two lets go and which one
// has promised to wake may be mixed up: the sleeper, who has done nothing wrong, is woken all the same.
MODEL_SCENARIO(mutex_unlocked_by_two_wakes_its_sleeper, .timeouts_may_rescue = false) {
  spool::mutex m;
  const auto refused = [&] {
    try {
      m.unlock();
      return 0;
    } catch (const spool::usage_error&) {
      return 1;
    }
  };
  std::array<int, 3> refusals{};
  m.lock();
  std::thread sleeper([&] { m.lock(), refusals[0] = refused(); });
  if (choose(4) != 0) wait_for_sleepers(1);
  at_once([&] { refusals[1] = refused(); }, [&] { refusals[2] = refused(); });
  sleeper.join();
  MODEL_CHECK(refusals[0] + refusals[1] + refusals[2] == 1);  // two locks, three unlocks
  MODEL_CHECK(m.try_lock());
  m.unlock();
}

// Who has locked last may destroy it, while the unlock before is still about to
// wake.
MODEL_SCENARIO(mutex_destroyed_right_after_the_last_unlock) {
  struct counted {
    spool::mutex m;
    int owners = 2;
  };
  auto* const c = new counted;
  const auto drop = [c] {
    c->m.lock();
    const bool last = --c->owners == 0;
    c->m.unlock();
    if (last) delete c;
  };
  at_once(drop, drop);
}
MODEL_SCENARIO(mutex_of_three_destroyed_right_after_the_last_unlock) {
  struct counted {
    spool::mutex m;
    int owners = 3;
  };
  auto* const c = new counted;
  const auto drop = [c] {
    c->m.lock();
    const bool last = --c->owners == 0;
    c->m.unlock();
    if (last) delete c;
  };
  at_once(drop, drop, drop);
}

MODEL_SCENARIO(recursive_mutex_excludes, .timeouts_may_rescue = false) {
  spool::recursive_mutex m;
  int inside = 0;
  const auto work = [&] {
    m.lock();
    ++inside;
    m.lock();
    ++inside;
    m.unlock();
    ++inside;
    m.unlock();
  };
  at_once(work, work, work);
  MODEL_CHECK(inside == 9);
}

MODEL_SCENARIO(recursive_mutex_tried_while_another_comes_and_goes) {
  spool::recursive_mutex m;
  int inside = 0;
  int tried = 0;
  at_once(
      [&] {
        m.lock();
        MODEL_CHECK(m.try_lock());
        ++inside;
        m.unlock();
        m.unlock();
      },
      [&] {
        if (m.try_lock_for(1ms)) tried = 1, ++inside, m.unlock();
      });
  MODEL_CHECK(inside == 1 + tried);
}

// Who was the last owner, and of what depth, is forgotten before the next one comes in.
MODEL_SCENARIO(recursive_mutex_excludes_those_that_come_back, .timeouts_may_rescue = false) {
  spool::recursive_mutex m;
  int inside = 0;
  const auto work = [&] {
    for (int i = 0; i < 2; ++i) m.lock(), ++inside, m.unlock();
  };
  at_once(work, work);
  MODEL_CHECK(inside == 4);
}

MODEL_SCENARIO(recursive_mutex_unlocked_by_who_never_locked_anything) {
  spool::recursive_mutex m;
  bool refused = false;
  std::thread([&] {
    try {
      m.unlock();
    } catch (spool::usage_error const&) {
      refused = true;
    }
  }).join();
  MODEL_CHECK(refused);
  MODEL_CHECK(m.try_lock());
  m.unlock();
}
