// tests/model/condition_scenarios.cpp · the claims of condition
// SPDX-License-Identifier: MIT
#include <chrono>
#include <mutex>
#include <thread>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>
#include <spool/recursive_mutex.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(condition_wait_for_a_predicate, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition c;
  bool ready = false;
  at_once(
      [&] {
        std::unique_lock held(m);
        c.wait(held, [&] { return ready; });
      },
      [&] {
        m.lock();
        ready = true;
        m.unlock();
        c.notify_one();
      });
}

MODEL_SCENARIO(condition_notified_with_the_lock_held, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition c;
  int tokens = 0;
  const auto take = [&] {
    std::unique_lock held(m);
    c.wait(held, [&] { return tokens > 0; });
    --tokens;
  };
  at_once(
      [&] {
        const std::lock_guard held(m);
        tokens = 2;
        c.notify(2);
      },
      take, take);
  MODEL_CHECK(tokens == 0);
}

MODEL_SCENARIO(condition_bounded_buffer_of_one, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition not_full;
  spool::condition not_empty;
  int full = 0;
  const auto put = [&] {
    std::unique_lock held(m);
    not_full.wait(held, [&] { return full == 0; });
    full = 1;
    held.unlock();
    not_empty.notify_one();
  };
  const auto get = [&] {
    std::unique_lock held(m);
    not_empty.wait(held, [&] { return full == 1; });
    full = 0;
    not_full.notify_one();
  };
  at_once([&] { put(), put(); }, [&] { get(); }, [&] { get(); });
  MODEL_CHECK(full == 0);
}

// Each notification releases just one: as many come back as were notified.
MODEL_SCENARIO(condition_notification_and_limit_counted_on_both_sides) {
  spool::mutex m;
  spool::condition c;
  int waiting = 0;
  int notified = 0;
  const auto wait = [&] {
    std::unique_lock held(m);
    ++waiting;
    if (c.wait_for(held, 1ms)) ++notified;
    --waiting;
  };
  int seen = 0;
  at_once(
      [&] {
        const std::lock_guard held(m);
        seen = waiting;
        c.notify_one();
      },
      wait, wait);
  MODEL_CHECK(notified <= 1);
  static_cast<void>(seen);
}

// One waits for ever and one with a limit. The notification that finds both is
// for one of them, whatever the clock says.
MODEL_SCENARIO(condition_limit_leaves_the_notification_to_the_other) {
  spool::mutex m;
  spool::condition c;
  int waiting = 0;
  bool hasty_was_notified = false;
  std::thread patient([&] {
    std::unique_lock held(m);
    ++waiting;
    c.wait(held);
  });
  std::thread hasty([&] {
    std::unique_lock held(m);
    ++waiting;
    hasty_was_notified = c.wait_for(held, 1ms);
    --waiting;
  });
  bool sent = false;
  for (bool hasty_is_back = false; !sent && !hasty_is_back;) {
    std::unique_lock held(m);
    sent = waiting == 2;
    if (sent) c.notify_one();
    held.unlock();
    std::this_thread::yield();
    if (!sent && choose(20) == 0) break;
  }
  hasty.join();
  while (!sent || hasty_was_notified) {
    std::unique_lock held(m);
    if (waiting == 1) {
      c.notify_one();
      break;
    }
    held.unlock();
    std::this_thread::yield();
  }
  patient.join();
}

MODEL_SCENARIO(condition_wait_in_order, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition c;
  int waiting = 0;
  int order[2] = {0, 0};
  int back = 0;
  const auto wait = [&] {
    std::unique_lock held(m);
    const int mine = ++waiting;
    c.wait(held);
    order[back++] = mine;
    held.unlock();
  };
  at_once(
      [&] {
        for (int sent = 0; sent < 2;) {
          std::unique_lock held(m);
          if (waiting == 2 && back == sent) {
            c.notify_one();
            ++sent;
            continue;
          }
          held.unlock();
          std::this_thread::yield();
        }
      },
      wait, wait);
  MODEL_CHECK(order[0] == 1);
  MODEL_CHECK(order[1] == 2);
}

MODEL_SCENARIO(condition_notify_all_releases_all, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition c;
  bool go = false;
  const auto wait = [&] {
    std::unique_lock held(m);
    c.wait(held, [&] { return go; });
  };
  at_once(
      [&] {
        m.lock();
        go = true;
        m.unlock();
        c.notify_all();
      },
      wait, wait, wait);
}

MODEL_SCENARIO(condition_with_a_recursive_mutex, .timeouts_may_rescue = false) {
  spool::recursive_mutex m;
  spool::condition c;
  int tokens = 0;
  at_once(
      [&] {
        m.lock();
        m.lock();
        while (tokens == 0) c.wait(m);
        --tokens;
        m.unlock();
        MODEL_CHECK(tokens == 0);
        m.unlock();
      },
      [&] {
        m.lock();
        ++tokens;
        m.unlock();
        c.notify_one();
      });
}

MODEL_SCENARIO(condition_passes_what_came_before_the_notification, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition c;
  int message = 0;
  std::thread waits([&] {
    std::unique_lock held(m);
    c.wait(held);
    MODEL_CHECK(message == 1);
  });
  wait_for_sleepers(1);
  message = 1;
  c.notify_one();
  waits.join();
}
