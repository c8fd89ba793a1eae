// tests/timer_due_together_test.cpp · timers that are due at the same moment: what one callback may do to the others
// SPDX-License-Identifier: MIT
//
// However many of them a thread takes at once to run their callbacks one after the other, each is a timer of its own
// until its own callback begins: it can be cancelled, destroyed and joined, and is not delayed by one that blocks.
#include <spool/timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/failing_new.hpp"
#include "support/latch.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::periodic_timer;
using spool::timer;

namespace {

constexpr bool sanitized = !failing_new::works;
constexpr int rounds_of(int n) { return sanitized ? (n + 4) / 5 : n; }

constexpr std::size_t many = 100;  // more than a thread takes at once
constexpr auto a_while = 500us;    // in which all of them are started

}  // namespace

TEST_CASE("a callback may cancel those due with it, and each fires or is prevented") {
  long prevented_in_all = 0;
  int wrong = 0;
  for (int round = 0; round < rounds_of(200); ++round) {
    std::deque<timer> timers;
    std::vector<std::atomic<int>> fired(many), prevented(many);
    for (std::size_t i = 0; i < many; ++i) {
      timers.emplace_back(a_while, [&, i] {
        ++fired[i];
        if (i == 0) {
          for (std::size_t k = 1; k < many; k += 2) prevented[k] += timers[k].cancel() ? 1 : 0;
        }
      });
    }
    for (timer& t : timers) t.start();
    for (timer& t : timers) t.join();
    for (std::size_t i = 0; i < many; ++i) {
      if (fired[i] + prevented[i] != 1) ++wrong;
      prevented_in_all += prevented[i];
    }
  }
  CHECK(wrong == 0);
  CHECK(prevented_in_all > 0);  // never true only if a timer cannot be cancelled any more once it is due
}

TEST_CASE("a callback may destroy those due with it, at once and for good") {
  tracked::reset();
  constexpr std::size_t destroyer = many / 3;
  int wrong = 0;
  for (int round = 0; round < rounds_of(200); ++round) {
    std::deque<std::optional<timer>> timers(many);
    std::vector<std::atomic<int>> fired(many);
    const auto fired_behind = [&] {
      int sum = 0;
      for (std::size_t k = destroyer + 1; k < many; ++k) sum += fired[k];
      return sum;
    };
    latch all_started(1);
    int when_destroyed = -1;
    for (std::size_t i = 0; i < many; ++i) {
      timers[i].emplace(a_while, [&, i, t = tracked()] {
        ++fired[i];
        if (i != destroyer) return;
        all_started.wait();
        for (std::size_t k = many - 1; k > i; --k) timers[k].reset();  // one that runs elsewhere is waited for
        when_destroyed = fired_behind();
      });
    }
    for (auto& t : timers) t->start();
    all_started.count_down();
    timers[destroyer]->join();
    for (std::size_t i = 0; i < destroyer; ++i) timers[i]->join();
    if (fired_behind() != when_destroyed) ++wrong;
    if (std::any_of(fired.begin(), fired.end(), [](const auto& calls) { return calls > 1; })) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(tracked::live() == 0);
}

TEST_CASE("a callback that blocks does not delay those due with it") {
  for (int round = 0; round < rounds_of(20); ++round) {
    for (const std::size_t blocker : {std::size_t{0}, std::size_t{1}, many / 2}) {
      std::deque<timer> timers;
      std::atomic<std::size_t> fired{0};
      for (std::size_t i = 0; i < many; ++i) {
        timers.emplace_back(a_while, [&, i] {
          if (i == blocker) eventually([&] { return fired == many - 1; });
          ++fired;
        });
      }
      for (timer& t : timers) t.start();
      for (timer& t : timers) t.join();
      REQUIRE(fired == many);
    }
  }
}

TEST_CASE("several callbacks that block at once delay none of those due with them") {
  for (int round = 0; round < rounds_of(20); ++round) {
    constexpr std::size_t blockers = 5;
    std::deque<timer> timers;
    latch all_others(many - blockers);
    for (std::size_t i = 0; i < many; ++i) {
      timers.emplace_back(a_while, [&, i] {
        if (i % (many / blockers) == 1) {
          all_others.wait();
        } else {
          all_others.count_down();
        }
      });
    }
    for (timer& t : timers) t.start();
    for (timer& t : timers) t.join();
    REQUIRE(all_others.try_wait());
  }
}

TEST_CASE("a callback may join those due with it") {
  for (int round = 0; round < rounds_of(40); ++round) {
    std::deque<timer> timers;
    std::atomic<std::size_t> joined{0};
    latch all_started(1);
    for (std::size_t i = 0; i < many; ++i) {
      timers.emplace_back(a_while, [&, i] {
        if (i % 25 != 0) return;
        all_started.wait();
        timers[i + 24].join();
        ++joined;
      });
    }
    for (timer& t : timers) t.start();
    all_started.count_down();
    for (timer& t : timers) t.join();
    REQUIRE(joined == many / 25);
  }
}

TEST_CASE("others cancel and destroy timers just as they fire: each fires or is prevented, and none does both") {
  std::atomic<long> prevented{0}, fired{0}, wrong{0}, all{0};
  crew::run(2, [&](std::size_t who) {
    std::mt19937 random(static_cast<unsigned>(who));
    for (int round = 0; round < rounds_of(300); ++round) {
      std::vector<std::atomic<int>> calls(many);
      std::deque<std::optional<timer>> timers(many);
      for (std::size_t i = 0; i < many; ++i) {
        timers[i].emplace(random() % 3 == 0 ? 0us : std::chrono::microseconds(random() % 100), [&, i] {
          ++calls[i];
          ++fired;
        });
        timers[i]->start();
      }
      for (std::size_t i = many; i-- > 0;) {
        const bool stopped = random() % 4 != 0 && timers[i]->cancel();
        timers[i].reset();
        prevented += stopped ? 1 : 0;
        if (calls[i] > (stopped ? 0 : 1)) ++wrong;
      }
      all += static_cast<long>(many);
    }
  });
  CHECK(wrong == 0);
  CHECK(fired + prevented <= all);
}

TEST_CASE("periodic timers due together start, cancel and restart each other for as long as they like") {
  for (int round = 0; round < rounds_of(10); ++round) {
    constexpr std::size_t n = 80;
    std::vector<std::atomic<int>> calls(n);
    std::deque<std::optional<periodic_timer>> timers(n);
    std::deque<std::optional<timer>> starters(n);
    std::atomic<int> once{0};
    std::atomic<std::size_t> cancelled{0};
    for (std::size_t i = 0; i < n; ++i) {
      starters[i].emplace(a_while, [&] { ++once; });
      timers[i].emplace(20us, [&, i] {
        const int mine = ++calls[i];
        if (mine == 1) starters[i]->start();  // more timers than there was room for when this one was taken
        if (mine == 5 && i % 2 == 0) cancelled += timers[i + 1]->cancel() ? 1U : 0U;
        if (mine == 9) cancelled += timers[i]->cancel() ? 1U : 0U;
      });
    }
    for (auto& t : timers) t->start();
    for (auto& t : timers) t->join();
    REQUIRE(cancelled == n);
    int begun = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (calls[i] != 0) {
        starters[i]->join();
        ++begun;
      }
      REQUIRE(calls[i] <= 9);
      REQUIRE((i % 2 == 1 || calls[i] == 9));
    }
    REQUIRE(once == begun);
  }
}

TEST_CASE("a periodic timer cancelled while it waits behind a callback does not fire again") {
  int wrong = 0;
  long in_time = 0;
  for (int round = 0; round < rounds_of(300); ++round) {
    std::optional<periodic_timer> first, second;
    std::atomic<int> calls{0};
    latch done(1);
    int at_cancel = -1;
    bool told = false;
    first.emplace(100us, [&] {
      if (at_cancel >= 0) return;
      at_cancel = calls;
      told = second->cancel();
      done.count_down();
    });
    second.emplace(100us, [&] { ++calls; });
    first->start();
    second->start();
    done.wait();
    second->join();
    if (calls == at_cancel) ++in_time;
    if (!told) ++wrong;
    first->cancel();
    first->join();
  }
  CHECK(wrong == 0);
  CHECK(in_time > 0);
}
