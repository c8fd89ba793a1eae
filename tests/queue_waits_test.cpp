// tests/queue_waits_test.cpp · queue, lifo_queue, priority_queue: who sleeps, who wakes, and what the wait came to
// SPDX-License-Identifier: MIT
#include <spool/queue.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "battery/destroyable.hpp"
#include "support/asleep.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int duels = 1'000;
#else
constexpr int duels = 6'000;
#endif

}  // namespace

TEMPLATE_TEST_CASE("a hundred threads that wait use no processor, and each gets one item", "", spool::queue<int>,
                   spool::lifo_queue<int>, spool::priority_queue<int>) {
  TestType q;
  sleepers asleep;
  std::atomic<int> sum{0};
  crew getters(100, [&](std::size_t i) {
    asleep.next_call_blocks();
    sum += i % 2 == 0 ? q.get() : *q.get_for(1h);
  });
  asleep.await(100);
  for (int i = 0; i < 50; ++i) q.put(1);
  q.put_many(std::vector<int>(50, 1));
  getters.join();
  CHECK(sum == 100);
  CHECK(q.empty());
}

TEST_CASE("waits of all forms end by an item or a place") {
  spool::queue<int> empty;
  spool::queue<int> full(1);
  full.put(0);
  sleepers asleep;
  std::stop_source stop;
  const std::vector<int> one{1};
  std::atomic<int> got{0}, put{0};
  crew all;
  const auto wait = [&](auto f) {
    all.start([&, f] {
      asleep.next_call_blocks();
      f();
    });
  };
  wait([&] { got += empty.get(); });
  wait([&] { got += *empty.get_for(1h); });
  wait([&] { got += *empty.get_until(std::chrono::system_clock::now() + 1h); });
  wait([&] { got += *empty.get(stop.get_token()); });
  wait([&] { got += *empty.begin(); });
  wait([&] {
    int x = 0;
    empty.get_many(&x, 1);
    got += x;
  });
  wait([&] { full.put(1), ++put; });
  wait([&] { put += full.put_for(1, 1h) ? 1 : 0; });
  wait([&] { put += full.put_until(1, std::chrono::steady_clock::now() + 1h) ? 1 : 0; });
  wait([&] { put += full.put(1, stop.get_token()) ? 1 : 0; });
  wait([&] { full.emplace(1), ++put; });
  wait([&] { full.put_many(one), ++put; });
  asleep.await(12);
  for (int i = 0; i < 6; ++i) empty.put(1);
  int taken = 0;
  for (int i = 0; i < 7; ++i) taken += full.get();
  all.join();
  CHECK(got == 6);
  CHECK(put == 6);
  CHECK(taken == 6);
  CHECK(empty.empty());
  CHECK(full.empty());
}

TEST_CASE("shutdown ends waits of all forms") {
  for (const bool immediate : {false, true}) {
    spool::queue<int> empty;
    spool::queue<int> full(1);
    full.put(0);
    sleepers asleep;
    const std::vector<int> one{1};
    std::atomic<int> refused{0}, ended{0};
    crew all;
    const auto wait = [&](auto f) {
      all.start([&, f] {
        asleep.next_call_blocks();
        try {
          f();
        } catch (spool::queue_shutdown_error const&) {
          ++refused;
        }
      });
    };
    wait([&] { full.emplace(1); });
    wait([&] { full.put_many(one); });
    wait([&] { full.put_many(std::vector<int>{1, 2}); });
    wait([&] { static_cast<void>(full.put_until(1, std::chrono::system_clock::now() + 1h)); });
    wait([&] {
      int x = 0;
      empty.get_many(&x, 1);
    });
    wait([&] { empty.get_until(std::chrono::steady_clock::time_point::max()); });
    wait([&] {
      for (int x : empty) ended += 1000 + x;
      ++ended;
    });
    asleep.await(7);
    full.shutdown(immediate);
    empty.shutdown(immediate);
    all.join();
    CHECK(refused == 6);
    CHECK(ended == 1);
    CHECK(full.size() == (immediate ? 0 : 1));
  }
}

TEST_CASE("what a failed get_many brings back to a queue that was shut down is taken by those who wait") {
  for (const int taken : {0, 1, 2, 3}) {
    spool::queue<int> q;
    sleepers asleep;
    std::atomic<int> sum{0};
    std::atomic<int> ended{0};
    std::optional<crew> workers;
    const auto work = [&](std::size_t i) {
      try {
        asleep.next_call_blocks();
        if (i == 0) sum += q.get(), q.task_done();
        if (i == 1) sum += q.get_for(1h).value(), q.task_done();
        if (i == 2) sum += q.get(std::stop_source().get_token()).value(), q.task_done();
        for (int x : q) sum += x, q.task_done();
        ++ended;
      } catch (spool::queue_shutdown_error const&) {
        ++ended;
      }
    };
    struct failing_out {
      std::function<void(int)> f;
      failing_out& operator*() { return *this; }
      failing_out& operator++() { return *this; }
      void operator=(int x) { f(x); }
    };
    q.put_many(std::vector{1, 2, 4});
    int left = taken;
    const auto take = [&](int x) {
      if (!workers) {
        q.shutdown();
        workers.emplace(4, work);
        asleep.await(4);
      }
      if (left-- == 0) throw tracked_failure();
      sum += x;
      q.task_done();
    };
    if (taken == 3) {
      CHECK(q.get_many(failing_out{take}, 3) == 3);
    } else {
      CHECK_THROWS_AS(q.get_many(failing_out{take}, 3), tracked_failure);
    }
    q.join();
    workers->join();
    CAPTURE(taken);
    CHECK(sum == 7);
    CHECK(ended == 4);
    CHECK(q.empty());
  }
}

TEST_CASE("a joiner is let go by the last task_done, or by an immediate shutdown that discards the rest") {
  for (const bool immediate : {false, true}) {
    spool::queue<int> q;
    q.put_many(std::array{1, 2, 3});
    q.get();
    sleepers asleep;
    std::atomic<int> joined{0};
    crew joiners;
    joiners.start([&] {
      asleep.next_call_blocks();
      q.join();
      ++joined;
    });
    joiners.start([&] {
      asleep.next_call_blocks();
      if (q.join_for(1h)) ++joined;
    });
    asleep.await(2);
    q.shutdown();
    asleep.await(2);  // items are left: nothing for a joiner
    if (immediate) {
      q.shutdown(true);
      asleep.await(2);  // one was taken, and is not done
    } else {
      q.task_done();
      q.task_done();
      asleep.await(2);
    }
    CHECK(joined == 0);
    q.task_done();
    joiners.join();
    CHECK(joined == 2);
    CHECK_THROWS_AS(q.task_done(), spool::usage_error);
  }
  spool::queue<int> untouched;
  untouched.put_many(std::array{1, 2, 3});
  sleepers asleep;
  crew joiner;
  joiner.start([&] {
    asleep.next_call_blocks();
    untouched.join();
  });
  asleep.await(1);
  untouched.shutdown(true);
  joiner.join();
}

TEST_CASE("no wait for a queue gives up early") {
  spool::queue<int> q(1);
  q.put(1);
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(q.put_for(2, 2ms));
  CHECK(std::chrono::steady_clock::now() - start >= 2ms);
  CHECK_FALSE(q.join_for(2ms));
  CHECK(std::chrono::steady_clock::now() - start >= 4ms);
  CHECK(q.get() == 1);
  CHECK_FALSE(q.get_until(start + 7ms));
  CHECK(std::chrono::steady_clock::now() - start >= 7ms);
  CHECK_FALSE(q.get_until(odd_clock::now() + 2ms));
  CHECK(std::chrono::steady_clock::now() - start >= 8ms);  // that clock ticks in whole milliseconds
}

TEST_CASE("a putter whose move throws hands its place on") {
  struct shy {
    std::atomic<int>* throws;
    explicit shy(std::atomic<int>* t) : throws(t) {}
    shy(shy&& other) : throws(other.throws) {
      if (throws->load() > 0 && throws->fetch_sub(1) == 1) throw std::string("not now");
    }
  };
  std::atomic<int> throws{0}, failed{0}, put{0};
  spool::queue<shy> q(1);
  q.emplace(&throws);
  sleepers asleep;
  crew putters(2, [&] {
    shy x(&throws);
    asleep.next_call_blocks();
    try {
      q.put(std::move(x));
      ++put;
    } catch (std::string const&) {
      ++failed;
    }
  });
  asleep.await(2);
  throws = 2;  // the first move is that of the item that is taken
  q.get();     // one place: whoever is called fails, and the other must get it
  putters.join();
  CHECK(failed == 1);
  CHECK(put == 1);
  CHECK(q.full());
}

TEST_CASE("a stop that comes with an item loses neither the item nor the wake-up") {
  std::optional<spool::queue<int>> q;
  std::optional<std::stop_source> stop;
  std::atomic<int> got{0};
  int wrong = 0;
  duel(
      duels,
      [&] {
        q.emplace();
        stop.emplace();
        got = 0;
      },
      [&] {
        if (static_cast<std::size_t>(got) + q->size() != 1) ++wrong;
      },
      [&] { q->put(1); },
      [&] {
        if (q->get(stop->get_token())) ++got;
      },
      [&] { stop->request_stop(); });
  CHECK(wrong == 0);

  // The call that one getter no longer needs another one gets: who waits for ever would wait for ever.
  duel(
      duels,
      [&] {
        q.emplace();
        stop.emplace();
      },
      [&] {
        if (!q->empty()) ++wrong;
      },
      [&] { q->put(1); },
      [&] {
        if (q->get(stop->get_token())) q->put(2);
      },
      [&] {
        if (q->get_for(5us)) q->put(3);
      },
      [&] { q->get(); }, [&] { stop->request_stop(); });
  CHECK(wrong == 0);
}

namespace {

/// Requests a stop while it is moved, which happens under the queue's lock: so that a thread that waits with that token
/// wakes, but gets the lock only when it has been called.
struct stopping {
  std::stop_source* stop = nullptr;
  explicit stopping(std::stop_source* s) : stop(s) {}
  stopping(stopping&& other) : stop(std::exchange(other.stop, nullptr)) {
    if (stop == nullptr) return;
    stop->request_stop();
    for (int i = 0; i < 10; ++i) let_others_sleep();
  }
};

}  // namespace

TEST_CASE("who is called and stopped at once takes the item or the place, or hands its call on") {
  for (int round = 0; round < 5; ++round) {
    std::stop_source stop;
    spool::queue<stopping> empty;
    sleepers asleep;
    std::atomic<int> stopped_got{0}, got{0};
    crew getters;
    getters.start([&] {
      asleep.next_call_blocks();
      if (empty.get(stop.get_token())) ++stopped_got;
    });
    asleep.await(1);  // so it is the first that is called
    getters.start([&] {
      asleep.next_call_blocks();
      empty.get();
      ++got;
    });
    asleep.await(2);
    empty.put(stopping(&stop));
    eventually([&] { return stopped_got + got == 1; });
    if (got == 0) empty.put(stopping(nullptr));
    getters.join();
    CHECK(got == 1);
    CHECK(empty.empty());

    std::stop_source again;
    spool::queue<stopping> full(1);
    full.emplace(&again);
    sleepers putting;
    std::atomic<int> stopped_put{0}, put{0};
    crew putters;
    putters.start([&] {
      putting.next_call_blocks();
      if (full.put(stopping(nullptr), again.get_token())) ++stopped_put;
    });
    putting.await(1);
    putters.start([&] {
      putting.next_call_blocks();
      full.put(stopping(nullptr));
      ++put;
    });
    putting.await(2);
    full.get();
    eventually([&] { return stopped_put + put == 1; });
    if (put == 0) full.get();
    putters.join();
    CHECK(put == 1);
    CHECK(full.full());
  }
}

TEST_CASE("a stop or a timeout that comes with a place puts the item or leaves it whole") {
  std::optional<spool::queue<std::unique_ptr<int>>> q;
  std::optional<std::stop_source> stop;
  std::unique_ptr<int> mine, other;
  bool put = false, other_put = false;
  int wrong = 0;
  duel(
      duels,
      [&] {
        q.emplace(1);
        q->put(nullptr);
        stop.emplace();
        mine = std::make_unique<int>(1);
        other = std::make_unique<int>(2);
      },
      [&] {
        if (put == (mine != nullptr) || other_put == (other != nullptr)) ++wrong;
        if (q->size() != (put || other_put ? 1 : 0) || (put && other_put)) ++wrong;
      },
      [&] { q->get(); }, [&] { put = q->put(std::move(mine), stop->get_token()); },
      [&] { other_put = q->put_for(std::move(other), 3us); }, [&] { stop->request_stop(); });
  CHECK(wrong == 0);
}

TEST_CASE("shutdowns of both kinds may race with each other and with puts, gets, task_done and join") {
  std::optional<spool::queue<std::shared_ptr<int>>> q;
  const auto probe = std::make_shared<int>(0);
  std::atomic<int> put{0}, taken{0}, too_often{0};
  int wrong = 0;
  const auto use = [&](int i) {
    try {
      while (true) {
        if (i == 0) {
          q->put(probe);
          ++put;
        } else if (q->get()) {
          ++taken;
          q->task_done();
        }
      }
    } catch (spool::queue_shutdown_error const&) {
    } catch (spool::usage_error const&) {
      ++too_often;
    }
  };
  duel(
      duels / 10,
      [&] {
        q.emplace(3);
        q->put(probe);
        put = 1;
        taken = 0;
      },
      [&] {
        if (!q->join_for(0s) || !q->empty() || taken > put || probe.use_count() != 1) ++wrong;
      },
      [&] { q->shutdown(true); }, [&] { q->shutdown(); }, [&] { use(0); }, [&] { use(0); }, [&] { use(1); },
      [&] { use(1); },
      [&] {
        q->join();
        q->shutdown(true);
      });
  CHECK(wrong == 0);
  CHECK(too_often == 0);
}

TEST_CASE("a queue may be destroyed right after the last put that waited, or was given up") {
  struct full : spool::queue<int> {
    full() : spool::queue<int>(1) { put(1); }
    full(full&&) : full() {}
  };
  const auto put = destroyed_right_after_release(
      static_cast<std::size_t>(duels) / 2, [] { return full(); }, [](full& q) { q.get(); }, [](full& q) { q.put(2); });
  CHECK(put.early == 0);
  CHECK(put.late == 0);
  const auto timed = destroyed_right_after_release(
      static_cast<std::size_t>(duels) / 2, [] { return full(); }, [](full& q) { q.get(); },
      [](full& q) {
        while (!q.put_for(2, 2us)) continue;
      });
  CHECK(timed.early == 0);
  CHECK(timed.late == 0);
}
