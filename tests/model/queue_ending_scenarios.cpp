// tests/model/queue_ending_scenarios.cpp · how queues end: shutdown, join, and who destroys them
// SPDX-License-Identifier: MIT
#include <memory>
#include <thread>
#include <utility>

#include <spool/queue.hpp>

#include <support.hpp>

using namespace model;

namespace {

using item = std::unique_ptr<int>;
item make(int x) { return std::make_unique<int>(x); }

/// An output iterator that calls f with every item; f may throw.
template <class F>
struct calling {
  F f;
  calling& operator*() { return *this; }
  calling& operator++() { return *this; }
  void operator=(item&& x) { f(std::move(x)); }
};
template <class F>
calling(F) -> calling<F>;  // clang 16 cannot deduce it

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

// While a get_many may still bring items back, nobody is told that the queue is
// drained: else they would lie there, and join() wait for them for ever.
MODEL_SCENARIO(queue_shutdown_while_a_get_many_fails) {
  spool::queue<item> q;
  int sum[3] = {0, 0, 0};
  for (int i : {1, 2, 4}) q.put(make(i));
  const auto work = [&](int i) {
    for (item& x : q) sum[i] += *x, q.task_done();
  };
  at_once(
      [&] {
        int left = 1;
        try {
          q.get_many(calling{[&](item&& x) {
                       if (left-- == 0) throw 1;
                       sum[0] += *x, q.task_done();
                     }},
                     3);
        } catch (int) {
        } catch (spool::queue_shutdown_error const&) {
        }
        q.join();
      },
      [&] { q.shutdown(); }, [&] { work(1); }, [&] { work(2); });
  MODEL_CHECK(sum[0] + sum[1] + sum[2] == 7);
}

// Nothing comes back: all who waited for that end.
MODEL_SCENARIO(queue_shutdown_while_a_get_many_hands_out_all) {
  spool::queue<item> q;
  std::thread getters[2];
  int ended[2] = {0, 0};
  const auto get = [&](int i) {
    try {
      q.get();
    } catch (spool::queue_shutdown_error const&) {
      ended[i] = 1;
    }
  };
  q.put(make(1));
  q.get_many(calling{[&](item&&) {
               q.shutdown();
               begin_contest();
               for (int i : {0, 1}) getters[i] = std::thread([&, i] { get(i); });
             }},
             1);
  for (std::thread& t : getters) t.join();
  MODEL_CHECK(ended[0] + ended[1] == 2);
}

// Whoever waited for what a get_many might bring back may destroy the queue,
// while that get_many is still about to end.
MODEL_SCENARIO(queue_destroyed_by_who_was_told_that_nothing_comes_back) {
  auto* const q = new spool::queue<item>;
  std::thread getter;
  q->put(make(1));
  const auto get_all = [&] {
    for (item& x : *q) static_cast<void>(x);
    delete q;
  };
  q->get_many(calling{[&](item&&) {
                q->shutdown();
                begin_contest();
                getter = std::thread(get_all);
              }},
              1);
  getter.join();
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
