// tests/mutex_test.cpp · spool::mutex
// SPDX-License-Identifier: MIT
#include <spool/mutex.hpp>

using lock_under_test = spool::mutex;
#include "battery/lockable.hpp"

#include <array>
#include <vector>

static_assert(sizeof(spool::mutex) <= 8);
static_assert(std::is_same_v<spool::lock, spool::mutex>);
static_assert(noexcept(std::declval<spool::mutex&>().lock()));

TEST_CASE("any thread may unlock it") {
  spool::mutex m;
  m.lock();
  lockable_battery::elsewhere([&] { m.unlock(); });
  CHECK_FALSE(m.locked());
  CHECK(m.try_lock());

  // A waiter is let in by a stranger's unlock.
  long inside = 0;
  crew waiter;
  waiter.start([&] {
    m.lock();
    ++inside;
  });
  lockable_battery::elsewhere([&] { m.unlock(); });
  waiter.join();
  CHECK(inside == 1);
  m.unlock();  // what the waiter locked
}

TEST_CASE("it is not recursive") {
  spool::mutex m;
  m.lock();
  CHECK_FALSE(m.try_lock());
  CHECK_FALSE(m.try_lock_for(std::chrono::milliseconds(1)));
  m.unlock();
}

TEST_CASE("of two threads that unlock one lock just one succeeds") {
  spool::mutex m;
  std::atomic<int> thrown{0};
  std::atomic<int> done{0};
  constexpr int rounds = 20'000;
  crew::run(3, [&](std::size_t i) {
    for (int round = 1; round <= rounds; ++round) {
      if (i == 0) {
        m.lock();
        // A sleeper now and then: the slow way out is a race too.
        if (m.try_lock_for(std::chrono::microseconds(round % 64 == 0 ? 20 : 0))) ++thrown;
      }
      // all three meet here, twice: the lock is held, then two unlock it, then it is free
      ++done;
      eventually([&] { return done.load() >= 6 * round - 3; });
      if (i != 0) {
        try {
          m.unlock();
        } catch (const spool::usage_error&) {
          ++thrown;
        }
      }
      ++done;
      eventually([&] { return done.load() >= 6 * round; });
    }
  });
  CHECK(thrown == rounds);
  CHECK_FALSE(m.locked());
}

TEST_CASE("it may be destroyed while another thread's unlock of the same lock is still returning") {
  const auto seen = destroyed_right_after_release(
      100'000, [] { return spool::mutex(); }, [](spool::mutex& m) { m.unlock(); }, [](spool::mutex& m) { m.lock(); },
      [](spool::mutex& m) { m.lock(); });
  CHECK(seen.early == 0);
  CHECK(seen.late == 0);
}

TEST_CASE("5 depositors and 5 withdrawers leave the account as it was") {
  spool::mutex m;
  long balance = 0;
  crew::run(10, [&](std::size_t i) {
    for (int k = 0; k < 10'000; ++k) {
      const std::scoped_lock held(m);
      balance += i < 5 ? 1 : -1;
    }
  });
  CHECK(balance == 0);
}
