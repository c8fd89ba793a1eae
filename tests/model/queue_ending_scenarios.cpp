// tests/model/queue_ending_scenarios.cpp · how queues end: shutdown, join, and who destroys them
// SPDX-License-Identifier: MIT
#include <memory>
#include <thread>

#include <spool/queue.hpp>

#include <support.hpp>

using namespace model;

namespace {

using item = std::unique_ptr<int>;
item make(int x) { return std::make_unique<int>(x); }

}  // namespace

MODEL_SCENARIO(queue_shutdown_ends_those_who_wait) {
  spool::queue<item> q;
  int got = 0;
  int ended = 0;
  const auto get = [&](int& sum, int& end) {
    try {
      for (;;) sum += *q.get();
    } catch (spool::queue_shutdown_error const&) {
      end = 1;
    }
  };
  int got2 = 0;
  int ended2 = 0;
  at_once([&] { q.put(make(1)), q.put(make(2)), q.shutdown(); }, [&] { get(got, ended); }, [&] { get(got2, ended2); });
  MODEL_CHECK(got + got2 == 3);
  MODEL_CHECK(ended + ended2 == 2);
}

MODEL_SCENARIO(queue_shutdown_ends_who_waits_for_a_place) {
  spool::queue<item> q(1);
  q.put(make(1));
  bool refused = false;
  at_once([&] { q.shutdown(); },
          [&] {
            try {
              q.put(make(2));
            } catch (spool::queue_shutdown_error const&) {
              refused = true;
            }
          });
  MODEL_CHECK(refused);
}

MODEL_SCENARIO(queue_shutdown_against_put_and_get) {
  spool::queue<item> q(1);
  int put = 0;
  int got = 0;
  at_once(
      [&] {
        try {
          for (int i = 0; i < 3; ++i) q.put(make(1)), ++put;
        } catch (spool::queue_shutdown_error const&) {
        }
      },
      [&] {
        try {
          for (;;) got += *q.get();
        } catch (spool::queue_shutdown_error const&) {
        }
      },
      [&] { q.shutdown(); });
  MODEL_CHECK(put == got);
}

MODEL_SCENARIO(queue_immediate_shutdown_lets_join_return) {
  spool::queue<item> q;
  q.put(make(1));
  q.put(make(2));
  at_once([&] { q.join(); }, [&] { q.shutdown(true); },
          [&] {
            try {
              q.get();
              q.task_done();
            } catch (spool::queue_shutdown_error const&) {
            } catch (spool::usage_error const&) {
            }
          });
}

MODEL_SCENARIO(queue_join_waits_for_all_that_was_put) {
  spool::queue<item> q;
  int done[2] = {0, 0};
  q.put(make(0));
  q.put(make(1));
  const auto work = [&] { done[*q.get()] = 1, q.task_done(); };
  at_once([&] { q.join(), MODEL_CHECK(done[0] + done[1] == 2); }, work, work);
}

// Whoever got the last item may destroy the queue, while the put is still about
// to end.
MODEL_SCENARIO(queue_destroyed_by_who_got_the_last_item) {
  auto* const q = new spool::queue<item>;
  at_once([&] { q->get(), delete q; }, [&] { q->put(make(1)); });
}

// Who joined may destroy it, while the last task_done() is still about to return.
MODEL_SCENARIO(queue_destroyed_by_who_joined) {
  auto* const q = new spool::queue<item>;
  q->put(make(1));
  at_once([&] { q->join(), delete q; }, [&] { q->get(), q->task_done(); });
}
