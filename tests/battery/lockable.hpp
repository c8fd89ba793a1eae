// tests/battery/lockable.hpp · what every lock of the library must do
// SPDX-License-Identifier: MIT
//
// Included by the test of a lock, which says first which one it is:
//
//     using lock_under_test = spool::mutex;
//     #include "battery/lockable.hpp"
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <random>
#include <thread>
#include <type_traits>

#include <spool/errors.hpp>

#include "battery/destroyable.hpp"
#include "battery/wakeable.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/latch.hpp"
#include "support/low_priority.hpp"

namespace lockable_battery {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// The standard's named requirements.
template <class L>
concept basic_lockable = requires(L& l) {
  l.lock();
  l.unlock();
};
template <class L>
concept lockable = basic_lockable<L> && requires(L& l) {
  { l.try_lock() } -> std::same_as<bool>;
};
template <class L>
concept timed_lockable =
    lockable<L> && requires(L& l, std::chrono::duration<float> d, std::chrono::system_clock::time_point t) {
      { l.try_lock_for(d) } -> std::same_as<bool>;
      { l.try_lock_until(t) } -> std::same_as<bool>;
    };
static_assert(timed_lockable<lock_under_test>);
static_assert(!std::is_copy_constructible_v<lock_under_test> && !std::is_move_constructible_v<lock_under_test>);
static_assert(!std::is_copy_assignable_v<lock_under_test> && !std::is_move_assignable_v<lock_under_test>);
static_assert(std::is_nothrow_default_constructible_v<lock_under_test>);
static_assert(std::is_trivially_destructible_v<lock_under_test>);

inline constinit lock_under_test a_constant_initialized_one{};

/// Runs f on another thread, to the end.
template <class F>
void elsewhere(F f) {
  crew other;
  other.start(f);
  other.join();
}

inline bool free_for_others(lock_under_test& m) {
  bool got = false;
  elsewhere([&] {
    got = m.try_lock();
    if (got) m.unlock();
  });
  return got;
}

/// Holds the lock on another thread while it lives.
class held_elsewhere {
public:
  explicit held_elsewhere(lock_under_test& m) {
    holder_.start([this, &m] {
      const std::lock_guard held(m);
      holds_ = true;
      eventually([this] { return release_.load(); });
    });
    eventually([this] { return holds_.load(); });
  }
  ~held_elsewhere() { release(); }
  void release() { release_ = true; }

private:
  std::atomic<bool> holds_{false};
  std::atomic<bool> release_{false};
  crew holder_;
};

TEST_CASE("the standard's guards take it") {
  lock_under_test& a = a_constant_initialized_one;
  lock_under_test b;
  {
    const std::lock_guard held(a);
    CHECK_FALSE(free_for_others(a));
  }
  {
    const std::scoped_lock held(a, b);
    CHECK_FALSE(free_for_others(a));
    CHECK_FALSE(free_for_others(b));
  }
  std::unique_lock held(a, std::try_to_lock);
  CHECK(held.owns_lock());
  held.unlock();
  held = std::unique_lock(b, 1ms);
  CHECK(held.owns_lock());
  CHECK(free_for_others(a));
  held.unlock();
  CHECK(std::try_lock(a, b) == -1);
  a.unlock();
  b.unlock();
}

TEST_CASE("two scoped_locks in opposite order do not deadlock") {
  lock_under_test a;
  lock_under_test b;
  int rounds = 0;
  crew::run(2, [&](std::size_t i) {
    for (int k = 0; k < 2'000; ++k) {
      if (i == 0) {
        const std::scoped_lock held(a, b);
        ++rounds;
      } else {
        const std::scoped_lock held(b, a);
        ++rounds;
      }
    }
  });
  CHECK(rounds == 4'000);
}

TEST_CASE("locked tells whether somebody holds it") {
  lock_under_test m;
  CHECK_FALSE(m.locked());
  m.lock();
  CHECK(m.locked());
  bool seen_elsewhere = false;
  elsewhere([&] { seen_elsewhere = m.locked(); });
  CHECK(seen_elsewhere);
  m.unlock();
  CHECK_FALSE(m.locked());
}

TEST_CASE("unlocking an unlocked one is a usage_error, and it stays usable") {
  lock_under_test m;
  CHECK_THROWS_AS(m.unlock(), spool::usage_error);
  CHECK_FALSE(m.locked());
  m.lock();
  m.unlock();
  CHECK_THROWS_AS(m.unlock(), spool::usage_error);
  CHECK(m.try_lock());
  CHECK_FALSE(free_for_others(m));
  m.unlock();
  CHECK(free_for_others(m));
}

TEST_CASE("zero, negative and passed deadlines try once") {
  lock_under_test m;
  const auto each = [&m](bool expected) {
    const auto tried = [&](bool got) {
      CHECK(got == expected);
      if (got) m.unlock();
    };
    tried(m.try_lock());
    tried(m.try_lock_for(0s));
    tried(m.try_lock_for(-1h));
    tried(m.try_lock_for(std::chrono::nanoseconds::min()));
    tried(m.try_lock_for(std::chrono::hours::min()));
    tried(m.try_lock_for(std::chrono::duration<double>(-1e300)));
    tried(m.try_lock_until(steady::now()));
    tried(m.try_lock_until(steady::time_point::min()));
    tried(m.try_lock_until(std::chrono::system_clock::now() - 1h));
    tried(m.try_lock_until(std::chrono::system_clock::time_point::min()));
  };
  each(true);
  const held_elsewhere holder(m);
  each(false);
}

TEST_CASE("the largest durations and time points wait for ever") {
  lock_under_test m;
  const auto waits = [&m](auto lock_it) {
    held_elsewhere holder(m);
    bool got = false;
    crew waiter;
    waiter.start([&] {
      got = lock_it();
      if (got) m.unlock();
    });
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    holder.release();
    waiter.join();
    CHECK(got);
  };
  waits([&] { return m.try_lock_for(std::chrono::nanoseconds::max()); });
  waits([&] { return m.try_lock_for(std::chrono::hours::max()); });
  waits([&] { return m.try_lock_for(std::chrono::duration<std::uint64_t, std::pico>::max()); });
  waits([&] { return m.try_lock_for(std::chrono::duration<double>(std::numeric_limits<double>::infinity())); });
  waits([&] { return m.try_lock_until(steady::time_point::max()); });
  waits([&] { return m.try_lock_until(std::chrono::system_clock::time_point::max()); });
}

TEST_CASE("no timed lock gives up early") {
  lock_under_test m;
  const held_elsewhere holder(m);
  for (const auto d : {1us, 100us, 3'000us, 20'000us}) {
    auto began = steady::now();
    CHECK_FALSE(m.try_lock_for(d));
    CHECK(steady::now() - began >= d);
    began = steady::now();
    CHECK_FALSE(m.try_lock_until(began + d));
    CHECK(steady::now() >= began + d);
    const auto of_system = std::chrono::system_clock::now() + d;
    CHECK_FALSE(m.try_lock_until(of_system));
    CHECK(std::chrono::system_clock::now() >= of_system);
  }
}

TEST_CASE("5 threads add 100,000 times each") {
  lock_under_test m;
  long sum = 0;
  crew::run(5, [&] {
    for (int i = 0; i < 100'000; ++i) {
      const std::lock_guard held(m);
      ++sum;
    }
  });
  CHECK(sum == 500'000);
}

TEST_CASE("no wake-up is lost between a waiter's last look and its sleep") {
  // One unlock each time: a waiter that misses it sleeps for ever.
  constexpr int episodes = 10'000;
  lock_under_test m;
  std::atomic<int> meetings{0};
  const auto meet = [&meetings](int nth) {
    ++meetings;
    eventually([&] { return meetings.load() >= 2 * nth; });
  };
  int inside = 0;  // guarded by m
  crew::run(2, [&](std::size_t i) {
    std::minstd_rand random(1);
    for (int k = 0; k < episodes; ++k) {
      if (i == 0) m.lock();
      meet(2 * k + 1);
      if (i == 0) {
        // Long enough for the other to come, on one processor too, but not always for it to fall asleep.
        for (auto yields = random() % 4; yields > 0; --yields) std::this_thread::yield();
        for (auto steps = random() % 30'000; steps > 0; --steps) std::atomic_signal_fence(std::memory_order_seq_cst);
      } else {
        m.lock();
      }
      ++inside;
      m.unlock();
      meet(2 * k + 2);
    }
  });
  CHECK(inside == 2 * episodes);
}

TEST_CASE("no lock and no wake-up is lost when deadlines race with unlocks") {
  // Some come and go, some are patient: they would sleep for ever if a wake-up were lost in one that gave up. Many
  // short episodes, as a later unlock would cover the loss.
  constexpr int episodes = 2'000;
  constexpr int locks = 3;
  lock_under_test m;
  barrier together(3);
  long inside = 0;  // guarded by m
  std::atomic<long> got{0};
  std::atomic<long> missed{0};
  crew::run(3, [&](std::size_t i) {
    std::minstd_rand random(static_cast<unsigned>(i + 1));
    for (int e = 0; e < episodes; ++e) {
      for (int k = 0; k < locks; ++k) {
        const bool patient = i < 2;  // the first of them in a hurry to have it again
        if (patient) {
          m.lock();
        } else if (!m.try_lock_for(std::chrono::microseconds(random() % 40))) {
          ++missed;
          continue;
        }
        ++got;
        ++inside;
        const auto until = steady::now() + std::chrono::microseconds(i == 0 ? random() % 40 : 0);
        while (steady::now() < until) {
          if (random() % 64 == 0) std::this_thread::yield();
        }
        m.unlock();
      }
      together.arrive_and_wait();
    }
  });
  CHECK(got + missed == 3L * episodes * locks);
  CHECK(inside == got);
  CHECK_FALSE(m.locked());
  CHECK(free_for_others(m));
}

TEST_CASE("a waiter is not starved by a thread that unlocks and locks in a loop") {
  constexpr int times = 40;
  lock_under_test m;
  std::atomic<int> served{0};
  std::atomic<long> rounds{0};  // of the greedy one
  crew waiter;
  m.lock();
  waiter.start([&] {
    for (int i = 0; i < times; ++i) {
      const long before = rounds.load();
      eventually([&] { return rounds.load() != before; });  // the greedy one has it
      m.lock();
      ++served;
      m.unlock();
    }
  });
  while (served.load() < times) {
    ++rounds;
    const auto until = steady::now() + 1ms;
    while (steady::now() < until) {
    }
    m.unlock();
    m.lock();
  }
  m.unlock();
  waiter.join();
  // Two to four rounds each time, if the waiter has a processor; without fairness many more.
  CHECK(rounds < 40 * times);
}

TEST_CASE("a waiter gets the lock though it never has the processor while the lock is free") {
  if (!one_processor::works) return;
  lock_under_test m;
  CHECK(looks_of_a_starved_waiter(50, [&] { m.unlock(); }, [&] { m.lock(); }) <= 50);
}

TEST_CASE("one that gives up with the lock reserved for it leaves it to the others") {
  // The holder lets go for so short a time that the waiter finds it held again and again, until it reserves it, or its
  // time is up, or both.
  lock_under_test m;
  std::atomic<bool> over{false};
  crew holder;
  holder.start([&] {
    one_processor::use();
    std::minstd_rand random(1);
    while (!over) {
      m.lock();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
      m.unlock();
      m.lock();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
      m.unlock();
    }
  });
  crew::run(1, [&] {
    one_processor::use();
    one_processor::low_priority();
    for (int i = 0; i < 200; ++i) {
      if (m.try_lock_for(std::chrono::microseconds(800 + 4 * i))) m.unlock();
    }
  });
  over = true;
  holder.join();
  CHECK_FALSE(m.locked());
  CHECK(free_for_others(m));
}

TEST_CASE("a wake-up is not lost in one whose time is up just then") {
  // The holder lets go and locks again when the impatient one gives up: woken or not, that one finds it held. Then
  // a patient one comes, which must be woken by the next unlock.
  constexpr int rounds = 4'000;
  lock_under_test m;
  std::atomic<steady::time_point> until{};
  std::atomic<int> round{0};
  std::atomic<int> gave_up{0};
  std::atomic<int> patient_round{0};  // in which it is about to lock
  std::atomic<int> patient_done{0};
  crew threads;
  threads.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return round == r; });
      const auto mine = steady::now() + 60us;
      until = mine;
      if (m.try_lock_until(mine)) m.unlock();
      gave_up = r;
    }
  });
  threads.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return gave_up == r; });
      patient_round = r;
      m.lock();
      m.unlock();
      patient_done = r;
    }
  });
  std::minstd_rand random(3);
  for (int r = 1; r <= rounds; ++r) {
    m.lock();
    const auto start = steady::now();
    round = r;
    const auto about = std::chrono::microseconds(static_cast<int>(random() % 120) - 5);  // its sleep may run over
    while (until.load() < start) std::this_thread::yield();
    while (steady::now() < until.load() + about) {
    }
    m.unlock();
    m.lock();
    eventually([&] { return patient_round == r; });
    for (auto yields = random() % 8; yields > 0; --yields) std::this_thread::yield();
    m.unlock();
    eventually([&] { return patient_done == r; });
  }
  threads.join();
  CHECK_FALSE(m.locked());
}

TEST_CASE("16 threads that all want it all get it") {
  lock_under_test m;
  long sum = 0;
  crew::run(16, [&] {
    for (int i = 0; i < 3'000; ++i) {
      const std::lock_guard held(m);
      if (++sum % 64 == 0) std::this_thread::yield();  // now and then a holder loses its processor
    }
  });
  CHECK(sum == 48'000);
}

TEST_CASE("it may be destroyed by the next holder while the last unlock is still returning") {
  struct shared {
    lock_under_test m{};
    std::atomic<bool> taken{false};
  };
  const auto seen = destroyed_right_after_release(
      100'000, [] { return shared(); },
      [](shared& s) {
        s.m.lock();
        s.taken.store(true);
        s.m.unlock();
      },
      [](shared& s) {
        eventually([&s] { return s.taken.load(); });
        s.m.lock();
        s.m.unlock();
      });
  CHECK(seen.early == 0);
  CHECK(seen.late == 0);
}

}  // namespace lockable_battery
