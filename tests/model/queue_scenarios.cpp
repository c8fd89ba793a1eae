// tests/model/queue_scenarios.cpp · the claims of queue, lifo_queue and priority_queue
// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <spool/queue.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

using item = std::unique_ptr<int>;
item make(int x) { return std::make_unique<int>(x); }

/// Two put two items each, two get two each: nothing is lost, nothing comes
/// twice.
template <class Queue>
void two_put_and_two_get(Queue& q) {
  int sum[2] = {0, 0};
  const auto get = [&](int i) { sum[i] += *q.get(), sum[i] += *q.get(); };
  at_once([&] { q.put(make(1)), q.put(make(2)); }, [&] { q.put(make(4)), q.put(make(8)); }, [&] { get(0); },
          [&] { get(1); });
  MODEL_CHECK(sum[0] + sum[1] == 15);
  MODEL_CHECK(q.empty());
}

struct by_value {
  bool operator()(const item& a, const item& b) const { return *a < *b; }
};

}  // namespace

MODEL_SCENARIO(queue_keeps_the_order_of_one_that_puts) {
  spool::queue<item> q;
  at_once(
      [&] {
        for (int i = 0; i < 3; ++i) MODEL_CHECK(*q.get() == i);
      },
      [&] {
        for (int i = 0; i < 3; ++i) q.put(make(i));
      });
}

MODEL_SCENARIO(queue_without_a_bound_loses_nothing) {
  spool::queue<item> q;
  two_put_and_two_get(q);
}

MODEL_SCENARIO(queue_with_one_place_loses_nothing) {
  spool::queue<item> q(1);
  two_put_and_two_get(q);
}

MODEL_SCENARIO(lifo_queue_with_one_place_loses_nothing) {
  spool::lifo_queue<item> q(1);
  two_put_and_two_get(q);
}

MODEL_SCENARIO(priority_queue_with_two_places_loses_nothing) {
  spool::priority_queue<item, by_value> q(2);
  two_put_and_two_get(q);
}

MODEL_SCENARIO(queue_of_one_place_where_all_give_up) {
  spool::queue<item> q(1);
  int put = 0;
  int got[2] = {0, 0};
  const auto get = [&](int i) {
    if (const auto x = q.get_for(1ms)) got[i] = **x;
  };
  at_once(
      [&] {
        if (q.put_for(make(1), 1ms)) put += 1;
        if (q.put_for(make(2), 1ms)) put += 2;
      },
      [&] { get(0); }, [&] { get(1); });
  int left = 0;
  while (const auto x = q.try_get()) left += **x;
  MODEL_CHECK(got[0] + got[1] + left == put);
}

// A getter that gives up leaves the item to the one that waits for ever.
MODEL_SCENARIO(queue_getter_that_gives_up_leaves_the_item_to_the_other) {
  spool::queue<item> q;
  int got[2] = {0, 0};
  at_once([&] { q.put(make(1)), q.put(make(2)); },
          [&] {
            if (const auto x = q.get_for(1ms)) got[0] = **x;
          },
          [&] { got[1] = *q.get(); });
  int left = 0;
  while (const auto x = q.try_get()) left += **x;
  MODEL_CHECK(got[0] + got[1] + left == 3);
}

MODEL_SCENARIO(queue_putter_that_gives_up_leaves_the_place_to_the_other) {
  spool::queue<item> q(1);
  q.put(make(1));
  bool put = false;
  int sum = 0;
  at_once([&] { sum += *q.get(), sum += *q.get(); }, [&] { put = q.put_for(make(2), 1ms); }, [&] { q.put(make(4)); });
  while (const auto x = q.try_get()) sum += **x;
  MODEL_CHECK(sum == 5 + (put ? 2 : 0));
}

// The one that fails to take it was called for it: it must call the other.
MODEL_SCENARIO(queue_getter_that_throws_leaves_the_item_to_the_other) {
  struct touchy {
    explicit touchy(bool& throws) : throws_once(throws) {}
    touchy(touchy&& other) : throws_once(other.throws_once) {
      if (throws_once) throws_once = false, throw 1;
    }
    bool& throws_once;
  };
  bool throws = true;
  spool::queue<touchy> q;
  int thrown[2] = {0, 0};
  const auto get = [&](int i) {
    try {
      q.get();
    } catch (int) {
      thrown[i] = 1;
    }
  };
  at_once([&] { q.emplace(throws); }, [&] { get(0); }, [&] { get(1); });
  MODEL_CHECK(thrown[0] + thrown[1] == 1);
  MODEL_CHECK(q.empty());
}

MODEL_SCENARIO(queue_stopped_getter_leaves_the_item_to_the_other) {
  spool::queue<item> q;
  std::stop_source stop;
  int got[2] = {0, 0};
  at_once([&] { q.put(make(1)), q.put(make(2)); },
          [&] {
            if (const auto x = q.get(stop.get_token())) got[0] = **x;
          },
          [&] { got[1] = *q.get(); }, [&] { stop.request_stop(); });
  int left = 0;
  while (const auto x = q.try_get()) left += **x;
  MODEL_CHECK(got[0] + got[1] + left == 3);
}

MODEL_SCENARIO(queue_many_at_once_against_single_ones) {
  spool::queue<item> q(2);
  int sum[2] = {0, 0};
  at_once(
      [&] {
        std::vector<item> all;
        for (const int x : {1, 2, 4}) all.push_back(make(x));
        q.put_many(std::move(all));
      },
      [&] {
        std::vector<item> got(2);
        const std::size_t n = q.get_many(got.begin(), 2);
        for (std::size_t i = 0; i < n; ++i) sum[0] += *got[i];
        if (n < 2) sum[0] += *q.get();
      },
      [&] { sum[1] += *q.get(); });
  MODEL_CHECK(sum[0] + sum[1] == 7);
}
