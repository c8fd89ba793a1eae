// tests/model/condition_ending_scenarios.cpp · waits that a stop ends, and conditions that end right after
// SPDX-License-Identifier: MIT
#include <chrono>
#include <mutex>
#include <stop_token>
#include <thread>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

MODEL_SCENARIO(condition_stop_against_notification) {
  spool::mutex m;
  spool::condition c;
  std::stop_source stop;
  bool ready = false;
  bool both = false;
  at_once(
      [&] {
        std::unique_lock held(m);
        both = c.wait(held, stop.get_token(), [&] { return ready; });
        MODEL_CHECK(both == ready);
      },
      [&] {
        m.lock();
        ready = true;
        m.unlock();
        c.notify_one();
      },
      [&] { stop.request_stop(); },
      [&] {
        std::unique_lock held(m);
        c.wait_for(held, 1ms, [&] { return ready; });
      });
}

MODEL_SCENARIO(condition_stop_alone_ends_the_wait, .timeouts_may_rescue = false) {
  spool::mutex m;
  spool::condition c;
  std::stop_source stop;
  at_once(
      [&] {
        std::unique_lock held(m);
        MODEL_CHECK(!c.wait(held, stop.get_token(), [] { return false; }));
      },
      [&] { stop.request_stop(); });
}

// Once all waits have returned it may go, though the notification is just about
// to end.
MODEL_SCENARIO(condition_destroyed_by_who_was_notified, .timeouts_may_rescue = false) {
  struct shared {
    spool::mutex m;
    spool::condition c;
    bool ready = false;
  };
  auto* const s = new shared;
  at_once(
      [&] {
        {
          std::unique_lock held(s->m);
          s->c.wait(held, [&] { return s->ready; });
        }
        delete s;
      },
      [&] {
        const std::lock_guard held(s->m);
        s->ready = true;
        s->c.notify_all();
      });
}

// All that wait were notified, though one of them just then gives up: it may not come back to what is gone.
MODEL_SCENARIO(condition_destroyed_after_a_notify_that_found_one_giving_up) {
  spool::mutex m;
  auto* const c = new spool::condition;
  int began = 0;
  const auto wait = [&] {
    std::unique_lock held(m);
    ++began;
    c->wait_for(held, 1ms);
  };
  std::thread a(wait), b(wait);
  for (bool both = false; !both;) {
    m.lock();
    both = began == 2;
    if (both) c->notify_all();
    m.unlock();
    std::this_thread::yield();
  }
  delete c;
  a.join(), b.join();
}
