// tests/event_test.cpp · event keeps the contract
// SPDX-License-Identifier: MIT
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 with -fsanitize=address: false, in std::stop_source()
#endif

#include <spool/event.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <thread>
#include <type_traits>

#include "battery/destroyable.hpp"
#include "battery/wakeable.hpp"
#include "support/asleep.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::event;
using steady = std::chrono::steady_clock;

static_assert(!std::is_copy_constructible_v<event> && !std::is_move_constructible_v<event>);

constinit event before_main;

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

TEST_CASE("an event starts down unless said", "[event]") {
  CHECK_FALSE(event().is_set());
  CHECK_FALSE(event(false).is_set());
  CHECK(event(true).is_set());
}

TEST_CASE("an event with static storage works before main", "[event]") {
  before_main.set();
  CHECK(before_main.is_set());
  before_main.clear();
}

TEST_CASE("set raises the flag and clear lowers it, again and again", "[event]") {
  event e;
  for (int i = 0; i < 3; ++i) {
    e.set();
    CHECK(e.is_set());
    e.set();
    CHECK(e.is_set());
    e.clear();
    CHECK_FALSE(e.is_set());
    e.clear();
    CHECK_FALSE(e.is_set());
  }
}

TEST_CASE("a wait for a set event returns at once", "[event]") {
  event e(true);
  std::stop_source stop;
  e.wait();
  e.wait();
  CHECK(e.wait_for(0s));
  CHECK(e.wait_for(1h));
  CHECK(e.wait_until(steady::now() - 1h));
  CHECK(e.wait(stop.get_token()));
  CHECK(e.is_set());
}

TEST_CASE("a zero or negative timeout polls once", "[event]") {
  event e;
  for (const bool up : {false, true}) {
    if (up) e.set();
    CHECK(e.wait_for(0s) == up);
    CHECK(e.wait_for(-1ns) == up);
    CHECK(e.wait_for(-0.5s) == up);
    CHECK(e.wait_for(std::chrono::hours::min()) == up);
    CHECK(e.wait_for(std::chrono::nanoseconds::min()) == up);
    CHECK(e.wait_until(steady::now()) == up);
    CHECK(e.wait_until(steady::time_point::min()) == up);
    CHECK(e.wait_until(std::chrono::system_clock::now() - 1h) == up);
  }
}

TEST_CASE("no timeout fires early", "[event]") {
  event e;
  const auto start = steady::now();
  CHECK_FALSE(e.wait_for(15ms));
  CHECK(steady::now() - start >= 15ms);
  const auto until = steady::now() + 15ms;
  CHECK_FALSE(e.wait_until(until));
  CHECK(steady::now() >= until);
  const auto again = steady::now();
  CHECK_FALSE(e.wait_until(std::chrono::system_clock::now() + 15ms));
  CHECK(steady::now() - again >= 14ms);  // the clocks are not one
  const auto third = steady::now();
  CHECK_FALSE(e.wait_for(std::chrono::duration<double, std::milli>(1.5)));
  CHECK(steady::now() - third >= 1500us);
}

TEST_CASE("the largest timeout waits for ever", "[event]") {
  const auto set_later = [](auto wait) {
    event e;
    sleepers asleep;
    bool seen = false;
    crew waiter(1, [&] {
      asleep.next_call_blocks();
      seen = wait(e);
    });
    asleep.await(1);
    e.set();
    waiter.join();
    CHECK(seen);
  };
  set_later([](event& e) { return e.wait_for(std::chrono::nanoseconds::max()); });
  set_later([](event& e) { return e.wait_for(std::chrono::hours::max()); });
  set_later([](event& e) { return e.wait_for(std::chrono::duration<double>::max()); });
  set_later([](event& e) { return e.wait_until(steady::time_point::max()); });
  set_later([](event& e) { return e.wait_until(std::chrono::system_clock::time_point::max()); });
}

TEST_CASE("set releases every thread that waits, even if clear follows at once", "[event]") {
  for (int round = 0; round < 50; ++round) {
    event e;
    std::stop_source stop;
    sleepers asleep;
    std::atomic<int> released{0};
    crew waiters(6, [&](std::size_t i) {
      asleep.next_call_blocks();
      if (i % 3 == 0) {
        e.wait();
        ++released;
      } else {
        released += i % 3 == 1 ? e.wait_for(1h) : e.wait(stop.get_token());
      }
    });
    asleep.await(6);
    e.set();
    e.clear();
    waiters.join();
    REQUIRE(released == 6);
    REQUIRE_FALSE(e.is_set());
  }
}

TEST_CASE("a set followed at once by clear releases those, too, who have not fallen asleep yet", "[event]") {
  // Nobody else can see whether a wait has begun. But it begins at once, so most of these sets come after that; who
  // only looked at the flag now and then would miss most of them. One more is asleep, or nobody.
  const bool one_asleep = GENERATE(false, true);
  const int rounds = one_asleep ? 300 : 2'000;
  event e;
  std::atomic<int> called{0};
  std::atomic<int> returned{0};
  std::atomic<int> missed{0};
  crew waiter;
  waiter.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return called == r; });
      called = -r;
      if (missed <= rounds / 4 && !e.wait_for(50ms)) ++missed;
      returned = r;
    }
  });
  for (int r = 1; r <= rounds; ++r) {
    sleepers asleep;
    crew sleeper;
    if (one_asleep) {
      sleeper.start([&] {
        asleep.next_call_blocks();
        e.wait();
      });
      asleep.await(1);
    }
    called = r;
    eventually([&] { return called == -r; });
    const auto begun = steady::now();
    while (steady::now() < begun + 2us) {
    }
    e.set();
    e.clear();
    eventually([&] { return returned == r; });
    sleeper.join();
  }
  waiter.join();
  CHECK(missed <= rounds / 4);
}

TEST_CASE("no set is lost between a wait's last look and its sleep", "[event]") {
  event e;
  std::stop_source stop;
  const auto set = [&] { e.set(); };
  each_release_wakes(
      10'000,
      [&] {
        e.wait();
        e.clear();
      },
      set);
  each_release_wakes(
      5'000,
      [&] {
        if (e.wait_for(1h)) e.clear();
      },
      set);
  each_release_wakes(
      5'000,
      [&] {
        if (e.wait(stop.get_token())) e.clear();
      },
      set);
  CHECK_FALSE(e.is_set());
}

TEST_CASE("a wait that starts after clear waits for the next set", "[event]") {
  event e(true);
  e.clear();
  CHECK_FALSE(e.wait_for(0s));
  sleepers asleep;
  std::atomic<bool> through{false};
  crew waiter(1, [&] {
    asleep.next_call_blocks();
    e.wait();
    through = true;
  });
  asleep.await(1);
  e.clear();
  CHECK_FALSE(through);
  e.set();
  waiter.join();
}

TEST_CASE("what happened before set is seen after the wait", "[event]") {
  for (int round = 0; round < 2000; ++round) {
    event e;
    int data = 0;  // plain: ThreadSanitizer judges
    std::atomic<int> seen{0};
    crew waiters(2, [&](std::size_t i) {
      if (i == 0) {
        data = 1;
        e.set();
        if (round % 2 == 0) e.clear();
      } else {
        while (!e.wait_for(round % 4 < 2 ? std::chrono::microseconds(20) : std::chrono::microseconds(0))) {
          if (round % 2 == 0 && !e.is_set()) return;  // it may have come too late for this one
        }
        seen = data;
      }
    });
    waiters.join();
    if (round % 2 != 0) REQUIRE(seen == 1);
  }
}

// Who sets counts nothing here; who waits must be released just if the set came in time. Once the event stays set,
// false is wrong for every wait that begins afterwards, and no wait may hang.
TEST_CASE("timeouts that race with set end either way, and none hangs", "[event]") {
  for (std::uint32_t round = 0; round < 2000; ++round) {
    event e;
    std::atomic<int> in_time{0};
    std::atomic<int> late{0};
    crew::run(4, [&](std::size_t i) {
      dice d{round * 4 + static_cast<std::uint32_t>(i)};
      if (i == 0) {
        for (std::uint32_t k = d.roll(50); k > 0; --k) std::this_thread::yield();
        e.set();
      } else {
        ++(e.wait_for(std::chrono::microseconds(d.roll(80))) ? in_time : late);
        if (!e.wait_for(1h)) late += 1000;
      }
    });
    REQUIRE(in_time + late == 3);
    REQUIRE(e.is_set());
  }
}

TEST_CASE("100,000 waits that time out leave nothing behind", "[event]") {
  event e;
  std::atomic<int> seen{0};
  crew::run(2, [&] {
    for (int i = 0; i < 50'000; ++i) seen += e.wait_for(std::chrono::nanoseconds(i % 8 == 0 ? 8000 : 1));
  });
  CHECK(seen == 0);
  e.set();
  CHECK(e.wait_for(0s));
}

TEST_CASE("a wait gives up on a stop request", "[event]") {
  event e;
  std::stop_source stop;
  std::stop_source other;
  sleepers asleep;
  std::atomic<int> stopped{0};
  std::atomic<int> released{0};
  crew waiters(3, [&](std::size_t i) {
    asleep.next_call_blocks();
    ++(e.wait(i == 1 ? stop.get_token() : other.get_token()) ? released : stopped);
  });
  asleep.await(3);
  stop.request_stop();
  eventually([&] { return stopped == 1; });
  CHECK(released == 0);
  e.set();
  waiters.join();
  CHECK(stopped == 1);
  CHECK(released == 2);
}

TEST_CASE("after a stop request a wait polls once", "[event]") {
  event e;
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(e.wait(stop.get_token()));
  e.set();
  CHECK(e.wait(stop.get_token()));
}

TEST_CASE("a wait with a token that nobody can stop waits for the set", "[event]") {
  event e;
  sleepers asleep;
  bool seen = false;
  crew waiter(1, [&] {
    asleep.next_call_blocks();
    seen = e.wait(std::stop_token());
  });
  asleep.await(1);
  e.set();
  waiter.join();
  CHECK(seen);
}

TEST_CASE("stop requests that race with set end either way, and none hangs", "[event]") {
  for (std::uint32_t round = 0; round < 3000; ++round) {
    event e;
    std::stop_source stop;
    std::atomic<int> ended{0};
    std::atomic<int> wrong{0};
    crew::run(4, [&](std::size_t i) {
      dice d{round * 4 + static_cast<std::uint32_t>(i)};
      for (std::uint32_t k = i < 2 ? d.roll(60) : 0; k > 0; --k) std::this_thread::yield();
      if (i == 0) {
        stop.request_stop();
      } else if (i == 1) {
        e.set();
      } else {
        if (!e.wait(stop.get_token()) && !stop.stop_requested()) ++wrong;
        ++ended;
      }
    });
    REQUIRE(ended == 2);
    REQUIRE(wrong == 0);
  }
}

TEST_CASE("set, clear and waits of every kind by 64 threads, and all end", "[event]") {
  event e;
  std::stop_source stop;
  std::atomic<int> waiting{56};
  crew::run(64, [&](std::size_t i) {
    dice d{static_cast<std::uint32_t>(i)};
    if (i >= 56) {
      while (waiting != 0) {
        e.set();
        if (d.roll(2) == 0) e.clear();
        std::this_thread::yield();
      }
      return;
    }
    for (int k = 0; k < 100; ++k) {
      switch (d.roll(4)) {
        case 0:
          e.wait();
          break;
        case 1:
          static_cast<void>(e.wait_for(std::chrono::microseconds(d.roll(100))));
          break;
        case 2:
          static_cast<void>(e.wait(stop.get_token()));
          break;
        default:
          e.clear();
      }
    }
    if (--waiting == 3) stop.request_stop();
  });
  CHECK(waiting == 0);
}

TEST_CASE("set releases a waiter even if the event dies right after", "[event]") {
  const auto make = [] { return event(); };
  const auto set = [](event& e) { e.set(); };
  SECTION("wait") {
    const auto seen = destroyed_right_after_release(100'000, make, set, [](event& e) { e.wait(); });
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  }
  SECTION("wait_for, whose sleep ends now and then just before the set") {
    const auto seen = destroyed_right_after_release(20'000, make, set, [](event& e) {
      while (!e.wait_for(5us)) {
      }
    });
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  }
  SECTION("wait, with a stop token") {
    std::stop_source stop;
    const auto seen = destroyed_right_after_release(20'000, make, set,
                                                    [&](event& e) { static_cast<void>(e.wait(stop.get_token())); });
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  }
}
