// tests/timed_waits_test.cpp · beside threads that compute, waits end about as late as the standard's
// SPDX-License-Identifier: MIT
//
// Each wait is measured in turn with one on a std::condition_variable, by the same thread: how late it ends depends on the
// machine, and on what else runs there. The margin is wide, and the best of several runs counts; a wait that gives its
// processor away again and again, or looks at no clock, ends a hundred times as late.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;
using ms = std::chrono::duration<double, std::milli>;

/// Threads that compute until its end.
class load {
public:
  load() {
    for (int i = 0; i < 16; ++i) {
      threads_.emplace_back([this] {
        while (!over_.load(std::memory_order_relaxed)) {
        }
      });
    }
  }
  ~load() {
    over_ = true;
    for (std::thread& t : threads_) t.join();
  }

private:
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;
};

struct latenesses {
  void add(ms late) {
    sum += late;
    worst = std::max(worst, late);
  }
  ms sum{};
  ms worst{};
};

/// Runs both by turns; each returns how late it was.      Returns  whether ours kept up, in the mean and at worst.
template <class Ours, class Standards>
bool keeps_up(int rounds, ms margin, Ours ours, Standards standards) {
  for (int runs = 0; runs < 5; ++runs) {
    latenesses of_ours;
    latenesses of_standard;
    for (int i = 0; i < rounds; ++i) {
      of_standard.add(standards());
      of_ours.add(ours());
    }
    if (of_ours.sum / rounds <= 4 * of_standard.sum / rounds + margin &&
        of_ours.worst <= 4 * of_standard.worst + 2 * margin) {
      return true;
    }
    UNSCOPED_INFO("in the mean " << of_ours.sum.count() / rounds << " ms, the standard's "
                                 << of_standard.sum.count() / rounds << "; at worst " << of_ours.worst.count()
                                 << " ms, the standard's " << of_standard.worst.count());
  }
  return false;
}

constexpr auto limit = 1ms;

/// Whether a wait of `limit` for what never comes ends on time.
template <class Wait>
bool ends_on_time(Wait wait) {
  const load busy;
  std::mutex mutex;
  std::condition_variable never;
  const auto lateness_of = [](auto&& f) {
    const auto end = steady::now() + limit;
    f();
    return ms(steady::now() - end);
  };
  return keeps_up(
      5, 30ms, [&] { return lateness_of(wait); },
      [&] {
        return lateness_of([&] {
          std::unique_lock held(mutex);
          never.wait_for(held, limit);
        });
      });
}

/// Whether a thread that sleeps wakes soon.
template <class Event>
bool wakes_soon() {
  struct condvar_event {
    void set() {
      {
        const std::lock_guard held(mutex);
        up = true;
      }
      changed.notify_one();
    }
    void wait() {
      std::unique_lock held(mutex);
      changed.wait(held, [this] { return up; });
      up = false;
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool up = false;
  };
  const auto latency_of = [](auto& event) {
    std::atomic<bool> begun{false};
    steady::time_point woken;
    std::thread waiter([&] {
      begun = true;
      event.wait();
      woken = steady::now();
    });
    while (!begun) std::this_thread::sleep_for(100us);
    std::this_thread::sleep_for(1ms);  // likely to be asleep by now
    const auto before = steady::now();
    event.set();
    waiter.join();
    return ms(woken - before);
  };
  const load busy;
  Event ours;
  condvar_event standards;
  return keeps_up(8, 8ms, [&] { return latency_of(ours); }, [&] { return latency_of(standards); });
}

template <class Error, class Wait>
void expect(Wait wait) {
  try {
    wait();
    FAIL("it did not give up");
  } catch (const Error&) {
  }
}

}  // namespace

TEST_CASE("beside threads that compute, event::wait_for ends on time") {
  spool::event e;
  CHECK(ends_on_time([&] { REQUIRE_FALSE(e.wait_for(limit)); }));
}

TEST_CASE("beside threads that compute, semaphore::try_acquire_for ends on time") {
  spool::semaphore s(0);
  CHECK(ends_on_time([&] { REQUIRE_FALSE(s.try_acquire_for(limit)); }));
}

TEST_CASE("beside threads that compute, bounded_semaphore::try_acquire_for ends on time") {
  spool::bounded_semaphore s(0);
  CHECK(ends_on_time([&] { REQUIRE_FALSE(s.try_acquire_for(limit)); }));
}

TEST_CASE("beside threads that compute, barrier::wait_for ends on time") {
  spool::barrier b(2);
  CHECK(ends_on_time([&] {
    expect<spool::broken_barrier_error>([&] { b.wait_for(limit); });
    b.reset();
  }));
}

TEST_CASE("beside threads that compute, condition::wait_for ends on time") {
  spool::mutex m;
  spool::condition c;
  CHECK(ends_on_time([&] {
    std::unique_lock held(m);
    REQUIRE_FALSE(c.wait_for(held, limit));
  }));
}

TEST_CASE("beside threads that compute, mutex::try_lock_for ends on time") {
  spool::mutex m;
  m.lock();
  CHECK(ends_on_time([&] { REQUIRE_FALSE(m.try_lock_for(limit)); }));
}

TEST_CASE("beside threads that compute, recursive_mutex::try_lock_for ends on time") {
  spool::recursive_mutex m;
  spool::event locked;
  spool::event end;
  std::thread owner([&] {
    m.lock();
    locked.set();
    end.wait();
    m.unlock();
  });
  locked.wait();
  CHECK(ends_on_time([&] { REQUIRE_FALSE(m.try_lock_for(limit)); }));
  end.set();
  owner.join();
}

TEST_CASE("beside threads that compute, the timed calls of queue end on time") {
  spool::queue<int> empty;
  spool::queue<int> full(1);
  full.put(1);
  SECTION("get_for") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(empty.get_for(limit)); }));
  }
  SECTION("put_for") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(full.put_for(2, limit)); }));
  }
  SECTION("join_for") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(full.join_for(limit)); }));
  }
}

TEST_CASE("beside threads that compute, timed waits for a future end on time") {
  spool::promise<int> p;
  spool::promise<int> q;
  const std::vector<spool::future<int>> both{p.get_future(), q.get_future()};
  SECTION("wait_for") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(both[0].wait_for(limit)); }));
  }
  SECTION("result_for") {
    CHECK(ends_on_time([&] { expect<spool::timeout_error>([&] { both[0].result_for(limit); }); }));
  }
  SECTION("wait_for, for all") {
    CHECK(ends_on_time([&] { REQUIRE(spool::wait_for(both, limit).not_done.size() == 2); }));
  }
  SECTION("wait_for, for the first") {
    CHECK(ends_on_time([&] { REQUIRE(spool::wait_for(both, limit, spool::first_completed).done.empty()); }));
  }
  SECTION("as_completed_for") {
    CHECK(ends_on_time([&] {
      expect<spool::timeout_error>([&] {
        for (auto& f : spool::as_completed_for(both, limit)) static_cast<void>(f);
      });
    }));
  }
}

TEST_CASE("beside threads that compute, thread::join_for and timer::join_for end on time") {
  spool::event end;
  spool::thread blocked([&] { end.wait(); });
  spool::timer far(1h, [] {});
  blocked.start();
  far.start();
  SECTION("thread") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(blocked.join_for(limit)); }));
  }
  SECTION("timer") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(far.join_for(limit)); }));
  }
  end.set();
}

TEST_CASE("beside threads that compute, the timed calls of thread_pool end on time") {
  spool::event end;
  spool::thread_pool pool(1);
  pool.post([&] { end.wait(); });
  SECTION("wait_idle_for") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(pool.wait_idle_for(limit)); }));
  }
  SECTION("shutdown_for") {
    CHECK(ends_on_time([&] { REQUIRE_FALSE(pool.shutdown_for(limit)); }));
  }
  SECTION("map with a timeout") {
    const std::vector<int> inputs{1, 2};
    CHECK(ends_on_time([&] {
      auto results = pool.map({.timeout = limit}, [](int x) { return x; }, inputs);
      expect<spool::timeout_error>([&] { static_cast<void>(*results.begin()); });
    }));
  }
  end.set();
}

TEST_CASE("beside threads that compute, a task's timed wait for another ends on time") {
  spool::thread_pool pool(2);
  spool::promise<int> p;
  const spool::future<int> f = p.get_future();
  CHECK(pool.submit([&] { return ends_on_time([&] { f.wait_for(limit); }); }).result());
}

TEST_CASE("beside threads that compute, a thread that waits for an event wakes soon") {
  struct of_event {
    void set() { e.set(); }
    void wait() {
      e.wait();
      e.clear();
    }
    spool::event e;
  };
  CHECK(wakes_soon<of_event>());
}

TEST_CASE("beside threads that compute, a thread that waits for a semaphore wakes soon") {
  struct of_semaphore {
    void set() { s.release(); }
    void wait() { s.acquire(); }
    spool::semaphore s{0};
  };
  CHECK(wakes_soon<of_semaphore>());
}

TEST_CASE("beside threads that compute, a thread that waits at a barrier wakes soon") {
  struct of_barrier {
    void set() { b.wait(); }
    void wait() { b.wait(); }
    spool::barrier b{2};
  };
  CHECK(wakes_soon<of_barrier>());
}

TEST_CASE("beside threads that compute, a thread that waits for a queue wakes soon") {
  struct of_queue {
    void set() { q.put(1); }
    void wait() { q.get(); }
    spool::queue<int> q;
  };
  CHECK(wakes_soon<of_queue>());
}

TEST_CASE("beside threads that compute, a thread that waits for a future wakes soon") {
  struct of_future {
    void set() { std::exchange(p, spool::promise<int>()).set_value(1); }
    void wait() {
      next.wait();
      next = p.get_future();
    }
    spool::promise<int> p;
    spool::future<int> next = p.get_future();
  };
  CHECK(wakes_soon<of_future>());
}

TEST_CASE("a timed wait for a predicate ends in time, though each of its sleeps ends by a notification") {
  spool::condition c;
  struct notifying {
    spool::condition& condition;
    std::mutex mutex;
    void lock() { mutex.lock(); }
    void unlock() {
      mutex.unlock();
      condition.notify_one();
    }
  };
  notifying guard{c, {}};
  guard.lock();
  CHECK_FALSE(c.wait_for(guard, 1ms, [] { return false; }));
  CHECK_FALSE(c.wait_until(guard, steady::now() + 1ms, [] { return false; }));
  guard.unlock();
}
