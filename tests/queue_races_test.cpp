// tests/queue_races_test.cpp · queue, lifo_queue, priority_queue: what many threads see
// SPDX-License-Identifier: MIT
#include <spool/queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "battery/destroyable.hpp"
#include "support/asleep.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t effort = 1;
#else
constexpr std::size_t effort = 4;
#endif

struct stamped {
  std::uint32_t putter = 0;
  std::uint32_t number = 0;
  friend bool operator<(const stamped& a, const stamped& b) { return a.number < b.number; }
};
using boxed = std::unique_ptr<stamped>;
struct by_number {
  bool operator()(const boxed& a, const boxed& b) const { return a->number < b->number; }
};

stamped unboxed(const stamped& s) { return s; }
stamped unboxed(const boxed& s) { return *s; }
template <class Item>
Item packed(stamped s) {
  if constexpr (std::is_same_v<Item, boxed>) {
    return std::make_unique<stamped>(s);
  } else {
    return s;
  }
}

/// What the getters of one run took, each in its order.
template <class Queue>
std::vector<std::vector<stamped>> pass_through(Queue& q, std::size_t putters, std::size_t getters, std::uint32_t each) {
  using item = typename Queue::value_type;
  std::vector<std::vector<stamped>> taken(getters);
  std::atomic<std::size_t> putting{putters};
  crew::run(putters + getters, [&](std::size_t who) {
    std::mt19937 random(static_cast<std::uint32_t>(who) + 1);
    std::stop_source stop;
    if (who < putters) {
      for (std::uint32_t i = 0; i < each;) {
        item x = packed<item>({static_cast<std::uint32_t>(who), i});
        bool done = true;
        switch (random() % 6) {
          case 0:
            q.put(std::move(x));
            break;
          case 1:
            done = q.try_put(std::move(x));
            break;
          case 2:
            done = q.put_for(std::move(x), 10us);
            break;
          case 3:
            done = q.put(std::move(x), stop.get_token());
            break;
          case 4:
            q.emplace(std::move(x));
            break;
          default: {
            std::vector<item> some;
            some.push_back(std::move(x));
            for (auto more = random() % 5; more != 0 && i + 1 < each; --more) {
              some.push_back(packed<item>({static_cast<std::uint32_t>(who), ++i}));
            }
            q.put_many(std::move(some));
          }
        }
        if (done) ++i;
      }
      if (--putting == 0) q.shutdown();
    } else {
      std::vector<stamped>& mine = taken[who - putters];
      const auto keep = [&](const std::optional<item>& x) {
        if (x) mine.push_back(unboxed(*x));
      };
      try {
        for (;;) {
          switch (random() % 6) {
            case 0:
              mine.push_back(unboxed(q.get()));
              break;
            case 1:
              keep(q.try_get());
              break;
            case 2:
              keep(q.get_for(10us));
              break;
            case 3:
              keep(q.get(stop.get_token()));
              break;
            case 4:
              for (item& x : q) {
                mine.push_back(unboxed(x));
                if (random() % 4 == 0) break;
              }
              break;
            default: {
              std::vector<item> some;
              q.get_many(std::back_inserter(some), 1 + random() % 7);
              for (item& x : some) mine.push_back(unboxed(x));
            }
          }
        }
      } catch (spool::queue_shutdown_error const&) {
      }
    }
  });
  return taken;
}

bool nothing_lost_or_doubled(const std::vector<std::vector<stamped>>& taken, std::size_t putters, std::uint32_t each) {
  std::vector<std::vector<int>> times(putters, std::vector<int>(each));
  for (const auto& one : taken) {
    for (const stamped& s : one) ++times[s.putter][s.number];
  }
  return std::all_of(times.begin(), times.end(), [](const std::vector<int>& t) {
    return std::all_of(t.begin(), t.end(), [](int n) { return n == 1; });
  });
}

bool in_order_per_putter(const std::vector<std::vector<stamped>>& taken, std::size_t putters) {
  for (const auto& one : taken) {
    std::vector<std::int64_t> last(putters, -1);
    for (const stamped& s : one) {
      if (static_cast<std::int64_t>(s.number) <= last[s.putter]) return false;
      last[s.putter] = s.number;
    }
  }
  return true;
}

}  // namespace

TEMPLATE_TEST_CASE("nothing is lost or duplicated, and a queue keeps each putter's order, whatever threads do", "",
                   spool::queue<stamped>, spool::queue<boxed>, spool::lifo_queue<stamped>, spool::lifo_queue<boxed>,
                   spool::priority_queue<stamped>, (spool::priority_queue<boxed, by_number>)) {
  constexpr std::uint32_t each = 1500;
  for (std::size_t maxsize : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{1024}}) {
    for (auto [putters, getters] : {std::pair<std::size_t, std::size_t>{1, 1}, {4, 1}, {1, 4}, {4, 4}}) {
      for (std::size_t round = 0; round < effort; ++round) {
        TestType q(maxsize);
        const auto taken = pass_through(q, putters, getters, each);
        INFO("maxsize " << maxsize << ", " << putters << " putters, " << getters << " getters");
        CHECK(nothing_lost_or_doubled(taken, putters, each));
        CHECK(q.empty());
        if constexpr (std::is_same_v<TestType, spool::queue<stamped>> ||
                      std::is_same_v<TestType, spool::queue<boxed>>) {
          CHECK(in_order_per_putter(taken, putters));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("fifty threads that put and fifty that get lose and duplicate nothing", "", spool::queue<stamped>,
                   spool::queue<boxed>, spool::lifo_queue<stamped>, (spool::priority_queue<boxed, by_number>)) {
  constexpr std::size_t threads = 50;
  constexpr std::uint32_t each = 250 * effort;
  for (std::size_t maxsize : {std::size_t{0}, std::size_t{5}}) {
    TestType q(maxsize);
    const auto taken = pass_through(q, threads, threads, each);
    INFO("maxsize " << maxsize);
    CHECK(nothing_lost_or_doubled(taken, threads, each));
    CHECK(q.empty());
    if constexpr (std::is_same_v<TestType, spool::queue<stamped>> || std::is_same_v<TestType, spool::queue<boxed>>) {
      CHECK(in_order_per_putter(taken, threads));
    }
  }
}

TEST_CASE("one put wakes one getter, one get wakes one putter") {
  spool::queue<int> q(1);
  sleepers asleep;
  std::atomic<int> sum{0};
  crew getters(5, [&] {
    asleep.next_call_blocks();
    sum += q.get();
  });
  asleep.await(5);
  for (int i = 1; i <= 5; ++i) {
    q.put(1);
    eventually([&] { return sum == i; });
  }
  getters.join();

  q.put(0);
  sleepers full;
  crew putters(5, [&] {
    full.next_call_blocks();
    q.put(1);
  });
  full.await(5);
  CHECK(q.get() == 0);
  for (int i = 1; i <= 5; ++i) {
    eventually([&] { return q.full(); });
    CHECK(q.get() == 1);
  }
  putters.join();
  CHECK(q.empty());
}

TEST_CASE("many puts at once wake as many getters, many gets at once as many putters") {
  spool::queue<int> q(4);
  sleepers asleep;
  std::atomic<int> got{0};
  crew getters(4, [&] {
    asleep.next_call_blocks();
    q.get();
    ++got;
  });
  asleep.await(4);
  q.put_many(std::array{1, 2, 3, 4});
  getters.join();
  CHECK(got == 4);

  q.put_many(std::array{1, 2, 3, 4});
  sleepers full;
  crew putters(4, [&] {
    full.next_call_blocks();
    q.put(5);
  });
  full.await(4);
  int out[4];
  CHECK(q.get_many(out, 4) == 4);
  putters.join();
  CHECK(q.full());
}

TEST_CASE("a getter that timed out or was stopped consumes no wake-up meant for another") {
  for (std::size_t round = 0; round < 300 * effort; ++round) {
    spool::queue<int> q;
    std::stop_source stop;
    std::atomic<std::size_t> impatient{0};
    crew all;
    all.start([&] { q.get(); });  // the one who waits for ever must get what the others leave
    for (int i = 0; i < 2; ++i) {
      all.start([&] {
        if (q.get_for(std::chrono::microseconds(20))) ++impatient;
      });
    }
    all.start([&] {
      if (q.get(stop.get_token())) ++impatient;
    });
    all.start([&] { stop.request_stop(); });
    q.put(1);
    // Whoever of the impatient took the item, another one is owed to the patient.
    all.start([&] {
      while (impatient == 0 && q.size() != 0) std::this_thread::yield();
      q.put(2);
      q.put(3);
      q.put(4);
    });
    all.join();
    CHECK(impatient + 1 + q.size() == 4);
  }
}

TEST_CASE("timeouts that race with puts lose nothing, counted on both sides") {
  for (std::size_t maxsize : {std::size_t{0}, std::size_t{1}}) {
    spool::queue<int> q(maxsize);
    std::atomic<std::uint64_t> put{0}, got{0};
    std::atomic<int> putting{3};
    crew::run(6, [&](std::size_t who) {
      if (who < 3) {
        for (std::size_t i = 0; i < 1000 * effort; ++i) {
          if (q.put_for(1, 10us)) ++put;
        }
        --putting;
      } else {
        while (putting != 0 || !q.empty()) {
          if (q.get_for(10us)) ++got;
        }
      }
    });
    CHECK(put == got);
    CHECK(put != 0);
  }
}

TEST_CASE("shutdown wakes all who wait, and their items are not put") {
  for (bool immediate : {false, true}) {
    spool::queue<std::shared_ptr<int>> q(1);
    spool::queue<int> empty;
    q.put(std::make_shared<int>(0));
    sleepers asleep;
    std::array<std::shared_ptr<int>, 3> items{std::make_shared<int>(1), std::make_shared<int>(2),
                                              std::make_shared<int>(3)};
    std::atomic<int> refused{0}, ended{0};
    std::stop_source stop;
    crew all;
    for (std::size_t i = 0; i < 3; ++i) {
      all.start([&, i] {
        asleep.next_call_blocks();
        try {
          if (i == 0) q.put(std::move(items[i]));
          if (i == 1) static_cast<void>(q.put_for(std::move(items[i]), 1h));
          if (i == 2) static_cast<void>(q.put(std::move(items[i]), stop.get_token()));
        } catch (spool::queue_shutdown_error const&) {
          ++refused;
        }
      });
      all.start([&, i] {
        asleep.next_call_blocks();
        try {
          if (i == 0) empty.get();
          if (i == 1) empty.get_for(1h);
          if (i == 2) empty.get(stop.get_token());
        } catch (spool::queue_shutdown_error const&) {
          ++ended;
        }
      });
    }
    asleep.await(6);
    q.shutdown(immediate);
    empty.shutdown(immediate);
    all.join();
    CHECK(refused == 3);
    CHECK(ended == 3);
    for (auto& item : items) CHECK((item && item.use_count() == 1));
    CHECK(q.size() == (immediate ? 0 : 1));
  }
}

TEST_CASE("shutdown in the midst of 4 putters, 6 getters and 2 joiners leaves nothing behind") {
  for (std::size_t round = 0; round < 12 * effort; ++round) {
    const bool immediate = round % 2 == 0;
    spool::queue<std::shared_ptr<int>> q(round % 3 == 0 ? 0 : 5);
    const auto probe = std::make_shared<int>(0);
    std::atomic<std::uint64_t> put{0}, got{0};
    std::atomic<int> joined{0};
    crew::run(13, [&](std::size_t who) {
      if (who == 12) {
        eventually([&] { return got > 20 + round; });
        q.shutdown(immediate);
        return;
      }
      try {
        while (who < 4) {
          if (put % 3 == 0 ? q.put_for(probe, 10us) : (q.put(probe), true)) ++put;
        }
        while (who < 10) {
          if (got % 3 == 0 ? q.get_for(10us).has_value() : (q.get(), true)) {
            ++got;
            q.task_done();
          }
        }
      } catch (spool::queue_shutdown_error const&) {
      }
      if (who >= 10) {
        eventually([&] { return put != 0; });
        q.join();
        ++joined;
      }
    });
    q.join();  // all is done: taken and done, or discarded
    CHECK(joined == 2);
    CHECK(q.empty());
    CHECK((immediate ? got <= put : got == put));
    CHECK_THROWS_AS(q.task_done(), spool::usage_error);  // and none was counted twice
    CHECK(probe.use_count() == 1);
  }
}

TEST_CASE("a stop request wakes the one who waits with that token") {
  spool::queue<int> q(1);
  sleepers asleep;
  std::stop_source stop;
  std::atomic<int> given_up{0};
  crew waiting;
  waiting.start([&] {
    asleep.next_call_blocks();
    if (!q.get(stop.get_token())) ++given_up;
  });
  asleep.await(1);
  stop.request_stop();
  waiting.join();
  CHECK(given_up == 1);
  std::stop_source again;
  q.put(1);
  sleepers full;
  waiting.start([&] {
    full.next_call_blocks();
    if (!q.put(2, again.get_token())) ++given_up;
  });
  full.await(1);
  again.request_stop();
  waiting.join();
  CHECK(given_up == 2);
  CHECK(q.size() == 1);
}

TEST_CASE("join returns when the last item is done, and a joiner may time out meanwhile") {
  for (std::size_t round = 0; round < 200 * effort; ++round) {
    spool::queue<int> q;
    constexpr int items = 8;
    for (int i = 0; i < items; ++i) q.put(i);
    std::atomic<int> done{0}, early{0};
    crew::run(5, [&](std::size_t who) {
      if (who < 2) {
        for (int i = 0; i < items / 2; ++i) {
          q.get();
          ++done;
          q.task_done();
        }
      } else if (who == 2) {
        if (q.join_for(std::chrono::microseconds(round % 50)) && done != items) ++early;
      } else {
        q.join();
        if (done != items) ++early;
      }
    });
    CHECK(early == 0);
  }
}

TEST_CASE("a getter whose move throws hands its wake-up on") {
  struct heavy {
    explicit heavy(std::atomic<int>* t) : throws(t) {}
    heavy(heavy&& other) : throws(other.throws) {
      if (throws->load() > 0 && throws->fetch_sub(1) == 1) throw std::string("too heavy");
    }
    std::atomic<int>* throws;
  };
  for (std::size_t round = 0; round < 100 * effort; ++round) {
    std::atomic<int> throws{0}, failed{0}, got{0};
    spool::queue<heavy> q;
    crew all;
    for (int i = 0; i < 2; ++i) {
      all.start([&] {
        try {
          q.get();
          ++got;
        } catch (std::string const&) {
          ++failed;
        }
      });
    }
    if (round % 4 == 0) let_others_sleep();
    throws = 1;
    q.emplace(&throws);  // one getter fails, the other must get it
    all.join();
    CHECK(failed == 1);
    CHECK(got == 1);
  }
}

TEST_CASE("a queue may be destroyed right after the last get") {
  const auto seen = destroyed_right_after_release(
      4'000 * effort, [] { return std::make_unique<spool::queue<int>>(); }, [](auto& q) { q->put(1); },
      [](auto& q) { q->get(); });
  CHECK(seen.early == 0);
  struct in_place : spool::queue<std::string> {
    in_place() = default;
    in_place(in_place&&) : in_place() {}
  };
  const auto direct = destroyed_right_after_release(
      4'000 * effort, [] { return in_place(); }, [](in_place& q) { q.put("x"); }, [](in_place& q) { q.get(); });
  CHECK(direct.early == 0);
  CHECK(direct.late == 0);
}

TEST_CASE("a queue may be destroyed right after the last join, or the end of the last waiting call at shutdown") {
  struct joinable : spool::queue<int> {
    joinable() { put(1); }
    joinable(joinable&&) : joinable() {}
  };
  const auto joined = destroyed_right_after_release(
      4'000 * effort, [] { return joinable(); }, [](joinable& q) { q.task_done(); }, [](joinable& q) { q.join(); });
  CHECK(joined.early == 0);
  CHECK(joined.late == 0);
  struct empty : spool::queue<int> {
    empty() = default;
    empty(empty&&) : empty() {}
  };
  const auto shut = destroyed_right_after_release(
      1'000 * effort, [] { return empty(); }, [](empty& q) { q.shutdown(); },
      [](empty& q) {
        for (int& x : q) static_cast<void>(x);
      });
  CHECK(shut.early == 0);
  CHECK(shut.late == 0);
}
