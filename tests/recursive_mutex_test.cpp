// tests/recursive_mutex_test.cpp · spool::recursive_mutex
// SPDX-License-Identifier: MIT
#include <spool/recursive_mutex.hpp>

using lock_under_test = spool::recursive_mutex;
#include "battery/lockable.hpp"

#include <vector>

static_assert(sizeof(spool::recursive_mutex) <= 16);
static_assert(std::is_same_v<spool::rlock, spool::recursive_mutex>);

using lockable_battery::elsewhere;
using lockable_battery::free_for_others;
using namespace std::chrono_literals;

namespace {

int throws_usage_error(spool::recursive_mutex& m) {
  try {
    m.unlock();
  } catch (const spool::usage_error&) {
    return 1;
  }
  return 0;
}

}  // namespace

TEST_CASE("its owner may take it 100,000 times, and lets go with the last unlock only") {
  spool::recursive_mutex m;
  constexpr int depth = 100'000;
  for (int i = 0; i < depth; ++i) m.lock();
  CHECK_FALSE(free_for_others(m));
  for (int i = 0; i < depth - 1; ++i) m.unlock();
  CHECK(m.locked());
  CHECK_FALSE(free_for_others(m));
  m.unlock();
  CHECK_FALSE(m.locked());
  CHECK(free_for_others(m));
  CHECK_THROWS_AS(m.unlock(), spool::usage_error);
}

TEST_CASE("every form of lock takes it again") {
  spool::recursive_mutex m;
  m.lock();
  CHECK(m.try_lock());
  CHECK(m.try_lock_for(0s));
  CHECK(m.try_lock_for(1s));
  CHECK(m.try_lock_until(std::chrono::steady_clock::now()));
  for (int i = 0; i < 4; ++i) m.unlock();
  CHECK_FALSE(free_for_others(m));
  m.unlock();
  CHECK(free_for_others(m));
}

TEST_CASE("unlocked by another thread it throws usage_error, and its owner's depth stays") {
  spool::recursive_mutex m;
  m.lock();
  m.lock();
  int thrown = 0;
  elsewhere([&] {
    for (int i = 0; i < 5; ++i) thrown += throws_usage_error(m);
  });
  CHECK(thrown == 5);
  CHECK_FALSE(free_for_others(m));
  m.unlock();
  CHECK_FALSE(free_for_others(m));
  m.unlock();
  CHECK(free_for_others(m));
}

TEST_CASE("an owner that ended is never mistaken for a new thread") {
  // A new thread often gets the dead one's stack, thread-locals and id.
  for (int depth = 1; depth <= 2; ++depth) {
    spool::recursive_mutex m;
    elsewhere([&] {
      for (int i = 0; i < depth; ++i) m.lock();
    });
    int got = 0;
    int thrown = 0;
    constexpr int heirs = 100;
    for (int i = 0; i < heirs; ++i) {
      elsewhere([&] {
        if (m.try_lock()) ++got;
        thrown += throws_usage_error(m);
      });
    }
    CHECK(got == 0);
    CHECK(thrown == heirs);
    CHECK(m.locked());
  }
}

TEST_CASE("locked deeper than max_depth it throws usage_error, and the depth stays") {
  spool::recursive_mutex m;
  for (std::uint64_t i = 0; i < spool::recursive_mutex::max_depth; ++i) m.lock();
  CHECK_THROWS_AS(m.lock(), spool::usage_error);
  CHECK_THROWS_AS(m.try_lock(), spool::usage_error);
  CHECK_THROWS_AS(m.try_lock_for(1ms), spool::usage_error);
  CHECK_FALSE(free_for_others(m));
  for (std::uint64_t i = 0; i < spool::recursive_mutex::max_depth; ++i) m.unlock();
  CHECK(free_for_others(m));
  CHECK_THROWS_AS(m.unlock(), spool::usage_error);
}

TEST_CASE("threads that take it again and again exclude each other") {
  spool::recursive_mutex m;
  long sum = 0;
  int thrown = 0;
  std::atomic<bool> over{false};
  crew intruder;
  intruder.start([&] {
    while (!over.load()) thrown += 1 - throws_usage_error(m);  // never its own
  });
  crew::run(4, [&] {
    for (int i = 0; i < 10'000; ++i) {
      const std::scoped_lock outer(m);
      ++sum;
      const std::scoped_lock inner(m);
      ++sum;
    }
  });
  over = true;
  intruder.join();
  CHECK(sum == 80'000);
  CHECK(thrown == 0);
}
