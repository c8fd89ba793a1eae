// tests/semaphore_test.cpp · semaphore, bounded_semaphore and permit keep the contract
// SPDX-License-Identifier: MIT
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 with -fsanitize=address: false, in std::stop_source()
#endif

#include <spool/semaphore.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

#include "battery/destroyable.hpp"
#include "battery/wakeable.hpp"
#include "support/asleep.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::bounded_semaphore;
using spool::permit;
using spool::semaphore;
using steady = std::chrono::steady_clock;

static_assert(!std::is_copy_constructible_v<semaphore> && !std::is_move_constructible_v<semaphore>);
static_assert(!std::is_convertible_v<int, semaphore>);

constinit semaphore before_main{2};
constinit bounded_semaphore bounded_before_main{2};

namespace {

/// Pseudo-random numbers, the same in every run.
struct dice {
  std::uint32_t state;
  std::uint32_t roll(std::uint32_t sides) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % sides;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a semaphore starts with the value given, 1 by default", "[semaphore]", semaphore,
                   bounded_semaphore) {
  CHECK(TestType().value() == 1);
  CHECK(TestType(0).value() == 0);
  CHECK(TestType(7).value() == 7);
  CHECK(TestType(TestType::max()).value() == TestType::max());
}

TEMPLATE_TEST_CASE("a negative value, or one above the largest, is an invalid argument", "[semaphore]", semaphore,
                   bounded_semaphore) {
  CHECK_THROWS_AS(TestType(-1), std::invalid_argument);
  CHECK_THROWS_AS(TestType(std::numeric_limits<std::ptrdiff_t>::min()), std::invalid_argument);
  CHECK_THROWS_AS(TestType(TestType::max() + 1), std::invalid_argument);
}

TEST_CASE("a semaphore with static storage works before main", "[semaphore]") {
  CHECK(before_main.try_acquire());
  CHECK(bounded_before_main.try_acquire());
  before_main.release();
  bounded_before_main.release();
}

TEMPLATE_TEST_CASE("acquire takes one permit and release gives n", "[semaphore]", semaphore, bounded_semaphore) {
  TestType s(4);
  s.acquire();
  CHECK(s.value() == 3);
  CHECK(s.try_acquire());
  CHECK(s.try_acquire_for(1h));
  CHECK(s.try_acquire_until(steady::now() + 1h));
  CHECK(s.value() == 0);
  CHECK_FALSE(s.try_acquire());
  CHECK(s.value() == 0);
  s.release();
  CHECK(s.value() == 1);
  s.release(3);
  CHECK(s.value() == 4);
}

TEST_CASE("a semaphore counts beyond its initial value", "[semaphore]") {
  semaphore s(1);
  s.release(1'000'000'000'000);
  CHECK(s.value() == 1'000'000'000'001);
}

TEMPLATE_TEST_CASE("a zero or negative timeout polls once", "[semaphore]", semaphore, bounded_semaphore) {
  TestType s(8);
  const auto poll = [&](auto const& attempt) {
    CHECK(attempt());
    const std::ptrdiff_t held = s.value();
    for (std::ptrdiff_t i = 0; i < held; ++i) s.acquire();
    CHECK_FALSE(attempt());
    s.release(held + 1);
  };
  poll([&] { return s.try_acquire_for(0s); });
  poll([&] { return s.try_acquire_for(-1ns); });
  poll([&] { return s.try_acquire_for(-0.5s); });
  poll([&] { return s.try_acquire_for(std::chrono::hours::min()); });
  poll([&] { return s.try_acquire_for(std::chrono::nanoseconds::min()); });
  poll([&] { return s.try_acquire_until(steady::now()); });
  poll([&] { return s.try_acquire_until(steady::time_point::min()); });
  poll([&] { return s.try_acquire_until(std::chrono::system_clock::now() - 1h); });
}

TEMPLATE_TEST_CASE("no timeout fires early", "[semaphore]", semaphore, bounded_semaphore) {
  TestType s(0);
  const auto start = steady::now();
  CHECK_FALSE(s.try_acquire_for(15ms));
  CHECK(steady::now() - start >= 15ms);
  const auto until = steady::now() + 15ms;
  CHECK_FALSE(s.try_acquire_until(until));
  CHECK(steady::now() >= until);
  const auto again = steady::now();
  CHECK_FALSE(s.try_acquire_until(std::chrono::system_clock::now() + 15ms));
  CHECK(steady::now() - again >= 14ms);  // the clocks are not one
  const auto third = steady::now();
  CHECK_FALSE(s.try_acquire_for(std::chrono::duration<double, std::milli>(1.5)));
  CHECK(steady::now() - third >= 1500us);
}

TEMPLATE_TEST_CASE("the largest timeout waits for ever", "[semaphore]", semaphore, bounded_semaphore) {
  const auto released_later = [](auto wait) {
    TestType s(1);
    s.acquire();
    sleepers asleep;
    bool got = false;
    crew waiter(1, [&] {
      asleep.next_call_blocks();
      got = wait(s);
    });
    asleep.await(1);
    s.release();
    waiter.join();
    CHECK(got);
  };
  released_later([](auto& s) { return s.try_acquire_for(std::chrono::nanoseconds::max()); });
  released_later([](auto& s) { return s.try_acquire_for(std::chrono::hours::max()); });
  released_later([](auto& s) { return s.try_acquire_for(std::chrono::duration<double>::max()); });
  released_later([](auto& s) { return s.try_acquire_until(steady::time_point::max()); });
  released_later([](auto& s) { return s.try_acquire_until(std::chrono::system_clock::time_point::max()); });
}

TEMPLATE_TEST_CASE("releasing less than one is an invalid argument and changes nothing", "[semaphore]", semaphore,
                   bounded_semaphore) {
  TestType s(2);
  s.acquire();
  CHECK_THROWS_AS(s.release(0), std::invalid_argument);
  CHECK_THROWS_AS(s.release(-1), std::invalid_argument);
  CHECK_THROWS_AS(s.release(std::numeric_limits<std::ptrdiff_t>::min()), std::invalid_argument);
  CHECK(s.value() == 1);
  s.release();
  CHECK(s.value() == 2);
}

TEST_CASE("a release past the largest count is a usage error and changes nothing", "[semaphore]") {
  semaphore s(semaphore::max());
  CHECK_THROWS_AS(s.release(), spool::usage_error);
  CHECK_THROWS_AS(s.release(std::numeric_limits<std::ptrdiff_t>::max()), spool::usage_error);
  CHECK(s.value() == semaphore::max());
  s.acquire();
  CHECK_THROWS_AS(s.release(2), spool::usage_error);
  CHECK(s.value() == semaphore::max() - 1);
  s.release();
  CHECK(s.value() == semaphore::max());
}

TEST_CASE("a release of a bounded semaphore past its initial value is a usage error and changes nothing",
          "[semaphore]") {
  bounded_semaphore s(2);
  CHECK_THROWS_AS(s.release(), spool::usage_error);
  CHECK(s.value() == 2);
  s.acquire();
  CHECK_THROWS_AS(s.release(2), spool::usage_error);
  CHECK_THROWS_AS(s.release(std::numeric_limits<std::ptrdiff_t>::max()), spool::usage_error);
  CHECK(s.value() == 1);
  s.release();
  CHECK(s.value() == 2);
  CHECK_THROWS_AS(bounded_semaphore(0).release(), spool::usage_error);
}

TEST_CASE("a bounded release of too much is refused while threads sleep, too", "[semaphore]") {
  bounded_semaphore s(2);
  s.acquire();
  s.acquire();
  sleepers asleep;
  crew waiter(1, [&] {
    asleep.next_call_blocks();
    s.acquire();
  });
  asleep.await(1);
  CHECK_THROWS_AS(s.release(3), spool::usage_error);
  CHECK(s.value() == 0);
  s.release(2);
  waiter.join();
  CHECK(s.value() == 1);
}

TEST_CASE("of racing releases a bounded semaphore takes as many as it may", "[semaphore]") {
  for (int round = 0; round < 500; ++round) {
    bounded_semaphore s(2);
    s.acquire();
    s.acquire();
    std::atomic<int> taken{0};
    std::atomic<int> refused{0};
    crew::run(4, [&] {
      try {
        s.release();
        ++taken;
      } catch (spool::usage_error const&) {
        ++refused;
      }
    });
    REQUIRE(taken == 2);
    REQUIRE(refused == 2);
    REQUIRE(s.value() == 2);
  }
}

TEST_CASE("a bounded semaphore never refuses a permit that was taken", "[semaphore]") {
  bounded_semaphore s(2);
  crew::run(4, [&] {  // a refusal would leave the thread as an exception
    for (int i = 0; i < 20'000; ++i) {
      if (i % 3 == 0) {
        while (!s.try_acquire()) std::this_thread::yield();
      } else {
        s.acquire();
      }
      s.release();
    }
  });
  CHECK(s.value() == 2);
}

TEMPLATE_TEST_CASE("a permit holds one of a semaphore's until its end", "[semaphore]", semaphore, bounded_semaphore) {
  TestType s(2);
  {
    permit p{s};
    CHECK(s.value() == 1);
    permit q{s};
    CHECK(s.value() == 0);
  }
  CHECK(s.value() == 2);
  try {
    permit p{s};
    throw std::runtime_error("out of the scope");
  } catch (std::runtime_error const&) {
  }
  CHECK(s.value() == 2);
}

TEST_CASE("a permit whose release is refused tells the excepthook, and the program goes on", "[semaphore]") {
  int told = 0;
  const auto before = spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr what) {
    try {
      std::rethrow_exception(what);
    } catch (spool::usage_error const&) {
      ++told;
    }
  });
  bounded_semaphore s(1);
  {
    permit p{s};
    s.release();  // the bug: it is not ours
  }
  spool::set_excepthook(before);
  CHECK(told == 1);
  CHECK(s.value() == 1);
}

TEMPLATE_TEST_CASE("release(n) lets exactly n sleepers go, or all if they are fewer", "[semaphore]", semaphore,
                   bounded_semaphore) {
  for (int round = 0; round < 10; ++round) {
    TestType s(20);
    for (int i = 0; i < 20; ++i) s.acquire();
    sleepers asleep;
    std::atomic<int> through{0};
    crew waiters(5, [&] {
      asleep.next_call_blocks();
      s.acquire();
      ++through;
    });
    asleep.await(5);
    s.release(2);
    eventually([&] { return through == 2; });
    CHECK(s.value() == 0);
    s.release();
    eventually([&] { return through == 3; });
    CHECK(s.value() == 0);
    s.release(10);
    waiters.join();
    CHECK(through == 5);
    CHECK(s.value() == 8);
  }
}

TEST_CASE("sleepers are woken oldest first", "[semaphore]") {
  semaphore s(0);
  sleepers asleep;
  std::vector<int> order;
  std::atomic<std::size_t> through{0};
  crew waiters;
  for (std::size_t i = 0; i < 4; ++i) {
    waiters.start([&, i] {
      asleep.next_call_blocks();
      s.acquire();
      order.push_back(static_cast<int>(i));  // one at a time: released one by one
      ++through;
    });
    asleep.await(i + 1);
  }
  for (std::size_t i = 1; i <= 4; ++i) {
    s.release();
    eventually([&] { return through == i; });
  }
  waiters.join();
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("what happened before a release is seen after the acquire", "[semaphore]") {
  semaphore full(0);
  semaphore empty(1);
  int item = 0;  // plain: ThreadSanitizer judges
  long sum = 0;
  crew both;
  both.start([&] {
    for (int i = 1; i <= 20'000; ++i) {
      empty.acquire();
      item = i;
      full.release();
    }
  });
  both.start([&] {
    for (int i = 1; i <= 20'000; ++i) {
      full.acquire();
      sum += item;
      empty.release();
    }
  });
  both.join();
  CHECK(sum == 20'000L * 20'001 / 2);
}

TEST_CASE("never more threads are inside than there are permits, and 64 threads get through", "[semaphore]") {
  bounded_semaphore s(3);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> passes{0};
  crew::run(64, [&](std::size_t i) {
    dice d{static_cast<std::uint32_t>(i)};
    for (int k = 0; k < 200; ++k) {
      permit p{s};
      const int now = ++inside;
      int seen = most.load();
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      if (d.roll(8) == 0) std::this_thread::yield();
      ++passes;
      --inside;
    }
  });
  CHECK(most <= 3);
  CHECK(passes == 64 * 200);
  CHECK(s.value() == 3);
}

// Each release is counted, and each acquire that succeeded. Timeouts of a few microseconds end all around the moment
// of the release: before the sleep, in it, after the wake-up.
TEST_CASE("no permit is lost or made when timeouts race with releases", "[semaphore]") {
  semaphore s(0);
  std::atomic<std::ptrdiff_t> released{0};
  std::atomic<std::ptrdiff_t> acquired{0};
  std::atomic<int> releasing{2};
  crew threads;
  for (std::uint32_t t = 0; t < 2; ++t) {
    threads.start([&, t] {
      dice d{t};
      for (int i = 0; i < 3000; ++i) {
        const auto n = static_cast<std::ptrdiff_t>(1 + d.roll(3));
        s.release(n);
        released += n;
        for (std::uint32_t k = d.roll(40); k > 0; --k) std::this_thread::yield();
      }
      --releasing;
    });
  }
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.start([&, t] {
      dice d{t + 10};
      while (releasing != 0) {
        if (s.try_acquire_for(std::chrono::microseconds(d.roll(60)))) ++acquired;
      }
    });
  }
  threads.join();
  CHECK(acquired + s.value() == released);
}

namespace {

/// An impatient sleeper, one that waits for ever, and one permit, released when the first gives up: if that one did not
/// take it, the other must. A wake-up that goes to the one who gives up must not be lost; if it is, this hangs.
/// One semaphore for all the rounds: a release seldom hands its permit over.
template <class Impatient, class End>
void give_up_beside_a_patient_one(int rounds, Impatient impatient, End end) {
  semaphore s(0);
  std::atomic<int> round{0};
  std::atomic<int> given_up{0};  // the last round that the impatient one has ended,
  std::atomic<bool> got{false};  // and how
  std::atomic<int> patient{0};   // the last round that the patient one has ended
  crew threads;
  threads.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return round == r; });
      got = impatient(s, r);
      given_up = r;
    }
  });
  threads.start([&] {
    dice d{7};
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return round == r; });
      for (std::uint32_t k = d.roll(20); k > 0; --k) std::this_thread::yield();  // mostly the second in the list
      s.acquire();
      patient = r;
    }
  });
  for (int r = 1; r <= rounds; ++r) {
    round = r;
    end(r);
    s.release();
    eventually([&] { return given_up == r; });
    if (got) s.release();
    eventually([&] { return patient == r; });
  }
  threads.join();
  CHECK(s.value() == 0);
}

}  // namespace

TEST_CASE("a wake-up is not lost in a sleeper whose time is up", "[semaphore]") {
  std::atomic<steady::time_point> until{};
  give_up_beside_a_patient_one(
      5000,
      [&](semaphore& s, int) {
        const auto mine = steady::now() + 40us;
        until = mine;
        return s.try_acquire_until(mine);
      },
      [&, d = dice{3}](int) mutable {
        const auto about = std::chrono::microseconds(d.roll(120)) - 10us;  // its sleep may run over
        const auto start = steady::now();
        while (until.load() < start && steady::now() < start + 200us) std::this_thread::yield();
        while (steady::now() < until.load() + about) std::this_thread::yield();
      });
}

TEST_CASE("a wake-up is not lost in a sleeper that is stopped", "[semaphore]") {
  std::vector<std::stop_source> stops(3001);
  crew stopper;
  std::atomic<int> stop_now{0};
  stopper.start([&] {
    for (int r = 1; r <= 3000; ++r) {
      eventually([&] { return stop_now >= r; });
      stops[static_cast<std::size_t>(r)].request_stop();
    }
  });
  give_up_beside_a_patient_one(
      3000, [&](semaphore& s, int r) { return s.acquire(stops[static_cast<std::size_t>(r)].get_token()); },
      [&, d = dice{5}](int r) mutable {
        for (std::uint32_t k = d.roll(100); k > 0; --k) std::this_thread::yield();
        stop_now = r;
        for (std::uint32_t k = d.roll(4); k > 0; --k) std::this_thread::yield();
      });
  stopper.join();
}

TEST_CASE("no wake-up is lost between an acquire's last look and its sleep", "[semaphore]") {
  semaphore s(0);
  std::stop_source stop;
  const auto release = [&] { s.release(); };
  each_release_wakes(6'000, [&] { s.acquire(); }, release);
  each_release_wakes(3'000, [&] { static_cast<void>(s.try_acquire_for(1h)); }, release);
  each_release_wakes(3'000, [&] { static_cast<void>(s.acquire(stop.get_token())); }, release);
  CHECK(s.value() == 0);
}

TEST_CASE("a sleeper gets a permit though it never has the processor while one is free", "[semaphore]") {
  semaphore s(1);
  if (!one_processor::works) return;
  CHECK(looks_of_a_starved_waiter(50, [&] { s.release(); }, [&] { s.acquire(); }) <= 50);
}

TEMPLATE_TEST_CASE("an acquire gives up on a stop request", "[semaphore]", semaphore, bounded_semaphore) {
  TestType s(1);
  s.acquire();
  std::stop_source stop;
  sleepers asleep;
  bool got = true;
  crew waiter(1, [&] {
    asleep.next_call_blocks();
    got = s.acquire(stop.get_token());
  });
  asleep.await(1);
  stop.request_stop();
  waiter.join();
  CHECK_FALSE(got);
  s.release();
  CHECK(s.value() == 1);
}

TEMPLATE_TEST_CASE("after a stop request an acquire polls once", "[semaphore]", semaphore, bounded_semaphore) {
  TestType s(1);
  std::stop_source stop;
  stop.request_stop();
  CHECK(s.acquire(stop.get_token()));
  CHECK(s.value() == 0);
  CHECK_FALSE(s.acquire(stop.get_token()));
}

TEMPLATE_TEST_CASE("an acquire with a token that nobody stops waits for its permit", "[semaphore]", semaphore,
                   bounded_semaphore) {
  const std::stop_source source;
  for (std::stop_token const& token : {std::stop_token(), source.get_token()}) {
    TestType s(1);
    s.acquire();
    sleepers asleep;
    bool got = false;
    crew waiter(1, [&] {
      asleep.next_call_blocks();
      got = s.acquire(token);
    });
    asleep.await(1);
    s.release();
    waiter.join();
    CHECK(got);
  }
}

TEST_CASE("a stop request stops those with its token only", "[semaphore]") {
  semaphore s(0);
  std::stop_source stop;
  std::stop_source other;
  sleepers asleep;
  std::atomic<int> stopped{0};
  std::atomic<int> got{0};
  crew waiters(3, [&](std::size_t i) {
    asleep.next_call_blocks();
    ++(s.acquire(i == 1 ? stop.get_token() : other.get_token()) ? got : stopped);
  });
  asleep.await(3);
  stop.request_stop();
  eventually([&] { return stopped == 1; });
  s.release(2);
  waiters.join();
  CHECK(stopped == 1);
  CHECK(got == 2);
}

TEST_CASE("no permit is lost or made when stop requests race with releases", "[semaphore]") {
  for (std::uint32_t round = 0; round < 3000; ++round) {
    semaphore s(0);
    std::stop_source stop;
    std::atomic<int> got{0};
    crew::run(4, [&](std::size_t i) {
      dice d{round * 4 + static_cast<std::uint32_t>(i)};
      for (std::uint32_t k = i < 2 ? d.roll(60) : 0; k > 0; --k) std::this_thread::yield();
      if (i == 0) {
        stop.request_stop();
      } else if (i == 1) {
        s.release();
      } else if (i == 2 && round % 2 == 0) {
        if (s.try_acquire_for(1us)) ++got;
      } else {
        if (s.acquire(stop.get_token())) ++got;
      }
    });
    REQUIRE(got + s.value() == 1);
  }
}

// A thread that takes the permit again as soon as it gave it: without the handing over, which sleeper gets a permit
// is left to luck.
TEST_CASE("a thread that releases and acquires in a loop starves nobody", "[semaphore]") {
  semaphore s(1);
  std::atomic<int> others{2};
  crew threads;
  threads.start([&] {
    while (others != 0) {
      s.acquire();
      for (int i = 0; i < 200; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
      s.release();
    }
  });
  for (int t = 0; t < 2; ++t) {
    threads.start([&] {
      for (int i = 0; i < 100; ++i) {
        s.acquire();
        s.release();
      }
      --others;
    });
  }
  threads.join();
  CHECK(s.value() == 1);
}

TEMPLATE_TEST_CASE("release wakes a sleeper even if the semaphore dies right after", "[semaphore]", semaphore,
                   bounded_semaphore) {
  const auto drained = [](TestType& s) { s.acquire(); };
  SECTION("acquire") {
    const auto seen = destroyed_right_after_release(
        100'000, [] { return TestType(1); }, [](TestType& s) { s.release(); }, [](TestType& s) { s.acquire(); },
        drained);
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  }
  SECTION("try_acquire_for, whose sleep ends now and then just before the release") {
    const auto seen = destroyed_right_after_release(
        20'000, [] { return TestType(1); }, [](TestType& s) { s.release(); },
        [](TestType& s) {
          while (!s.try_acquire_for(5us)) {
          }
        },
        drained);
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  }
  SECTION("acquire, with a stop token") {
    std::stop_source stop;
    const auto seen = destroyed_right_after_release(
        20'000, [] { return TestType(1); }, [](TestType& s) { s.release(); },
        [&](TestType& s) { static_cast<void>(s.acquire(stop.get_token())); }, drained);
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  }
}
