// tests/barrier_test.cpp · barrier keeps the contract
// SPDX-License-Identifier: MIT
#include <spool/barrier.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "battery/destroyable.hpp"
#include "support/asleep.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::barrier;
using spool::broken_barrier_error;
using steady = std::chrono::steady_clock;

static_assert(!std::is_copy_constructible_v<barrier> && !std::is_move_constructible_v<barrier>);
static_assert(std::is_same_v<decltype(std::declval<barrier&>().wait()), std::size_t>);
static_assert(std::is_same_v<decltype(std::declval<barrier&>().parties()), std::size_t>);
static_assert(std::is_same_v<decltype(std::declval<barrier&>().waiting()), std::size_t>);
static_assert(!std::is_constructible_v<barrier, std::size_t, int>);

namespace {

/// Pseudo-random numbers, the same in every run.
struct dice {
  std::uint32_t state;
  std::uint32_t roll(std::uint32_t sides) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % sides;
  }
};

/// How a call to wait() ended.
enum class ending { passed, broken, action_threw, misused };

struct action_failure : std::runtime_error {
  action_failure() : std::runtime_error("the action throws") {}
};

template <class Wait>
ending end_of(Wait wait) {
  try {
    wait();
    return ending::passed;
  } catch (broken_barrier_error const&) {
    return ending::broken;
  } catch (action_failure const&) {
    return ending::action_threw;
  } catch (spool::usage_error const&) {
    return ending::misused;
  }
}

/// Many endings, counted by the threads themselves.
struct tally {
  std::atomic<int> passed{0}, broken{0}, action_threw{0}, misused{0};

  template <class Wait>
  ending count(Wait wait) {
    const ending e = end_of(wait);
    ++(e == ending::passed         ? passed
       : e == ending::broken       ? broken
       : e == ending::action_threw ? action_threw
                                   : misused);
    return e;
  }
  int all() const { return passed + broken + action_threw + misused; }
};

/// The barrier is whole, empty, and works.
void check_whole(barrier& b) {
  CHECK_FALSE(b.broken());
  CHECK(b.waiting() == 0);
  std::atomic<std::size_t> sum{0};
  crew::run(b.parties(), [&] { sum += b.wait(); });
  CHECK(sum == b.parties() * (b.parties() - 1) / 2);
}

}  // namespace

TEST_CASE("a barrier of no parties is an invalid argument, and its action is not moved from", "[barrier]") {
  CHECK_THROWS_AS(barrier(0), std::invalid_argument);
  auto action = [kept = std::make_unique<int>(1)] { static_cast<void>(kept); };
  CHECK_THROWS_AS(barrier(0, std::move(action)), std::invalid_argument);
  std::function<void()> copied = [] {};
  CHECK_THROWS_AS(barrier(0, std::move(copied)), std::invalid_argument);
  CHECK(copied != nullptr);
}

TEST_CASE("a barrier of one lets every wait pass with index 0, and runs its action each time", "[barrier]") {
  int runs = 0;
  barrier b(1, [&] { ++runs; });
  CHECK(b.parties() == 1);
  for (int i = 1; i <= 10; ++i) {
    CHECK(b.wait() == 0);
    CHECK(b.wait_for(0s) == 0);
    CHECK(b.wait_until(steady::time_point::min()) == 0);
    CHECK(runs == 3 * i);
    CHECK(b.waiting() == 0);
  }
}

TEST_CASE("an action may be anything to call, or nothing", "[barrier]") {
  int runs = 0;
  barrier none(1, {});
  barrier null(1, nullptr);
  barrier empty(1, std::function<void()>());
  barrier null_function(1, static_cast<void (*)()>(nullptr));
  barrier move_only(1, [&runs, one = std::make_unique<int>(1)] { runs += *one; });
  barrier with_result(1, [&] { return ++runs; });
  const std::function<void()> kept = [&] { ++runs; };
  barrier copied(1, kept);
  for (barrier* b : {&none, &null, &empty, &null_function, &move_only, &with_result, &copied}) CHECK(b->wait() == 0);
  CHECK(runs == 3);
}

TEST_CASE("the action is destroyed with the barrier", "[barrier]") {
  const auto token = std::make_shared<int>();
  {
    barrier b(1, [token] {});
    b.wait();
    CHECK(token.use_count() == 2);
  }
  CHECK(token.use_count() == 1);
}

// Each thread writes its own plain counter before a round and reads all the others' after it: equal, or rounds have
// mixed. ThreadSanitizer judges the order.
TEST_CASE("threads meet in 10,000 rounds, each index once a round, the action once before any is released",
          "[barrier]") {
  for (const std::size_t parties : {2U, 3U, 5U, 8U}) {
    const int meetings = parties == 2 ? 5000 : 1000;  // of two rounds each
    std::vector<int> counters(parties, 0);
    std::vector<int> taken(parties, 0);  // by index: how often
    int actions = 0;
    std::atomic<int> wrong{0};
    barrier b(parties, [&] {
      ++actions;
      for (const int c : counters) wrong += c != (actions + 1) / 2;
    });
    crew::run(parties, [&](std::size_t i) {
      for (int meeting = 1; meeting <= meetings; ++meeting) {
        counters[i] = meeting;
        ++taken[b.wait()];  // plain: in this round no other thread has this index
        wrong += actions != 2 * meeting - 1;
        for (const int c : counters) wrong += c != meeting;
        ++taken[b.wait_for(1h)];  // nobody goes on before all have looked
        wrong += actions != 2 * meeting;
      }
    });
    CHECK(wrong == 0);
    CHECK(taken == std::vector<int>(parties, 2 * meetings));
    CHECK(b.waiting() == 0);
  }
}

TEST_CASE("nine threads on a barrier of three make complete rounds of three", "[barrier]") {
  constexpr int waits = 9000;
  int actions = 0;
  barrier b(3, [&] { ++actions; });
  std::atomic<int> tickets{0};
  std::atomic<int> taken[3]{};
  crew::run(9, [&] {
    while (tickets.fetch_add(1) < waits) ++taken[b.wait()];
  });
  CHECK(taken[0] == waits / 3);
  CHECK(taken[1] == waits / 3);
  CHECK(taken[2] == waits / 3);
  CHECK(actions == waits / 3);
  CHECK(b.waiting() == 0);
}

TEST_CASE("64 threads meet, all of them or eight at a time", "[barrier]") {
  for (const std::size_t parties : {64U, 8U}) {
    barrier b(parties);
    std::atomic<std::size_t> sum{0};
    std::atomic<int> tickets{0};  // each is one arrival: the last round is complete, too
    crew::run(64, [&] {
      while (tickets.fetch_add(1) < 6400) sum += b.wait();
    });
    CHECK(sum == 6400 * (parties - 1) / 2);
  }
}

TEST_CASE("waiting counts who has arrived, and parties stays", "[barrier]") {
  barrier b(4);
  crew waiters;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(b.waiting() == i);
    waiters.start([&] { b.wait(); });
    eventually([&] { return b.waiting() == i + 1; });
  }
  CHECK(b.parties() == 4);
  CHECK_FALSE(b.broken());
  CHECK(b.wait() == 3);
  waiters.join();
  CHECK(b.waiting() == 0);
}

TEST_CASE("a timeout breaks the barrier for those who wait and those who come, until reset", "[barrier]") {
  barrier b(4);
  tally ends;
  crew waiters(2, [&] { ends.count([&] { b.wait(); }); });
  eventually([&] { return b.waiting() == 2; });
  const auto start = steady::now();
  CHECK_THROWS_AS(b.wait_for(15ms), broken_barrier_error);
  CHECK(steady::now() - start >= 15ms);
  waiters.join();
  CHECK(ends.broken == 2);
  CHECK(b.broken());
  CHECK(b.waiting() == 0);
  CHECK_THROWS_AS(b.wait(), broken_barrier_error);
  CHECK_THROWS_AS(b.wait_for(1h), broken_barrier_error);
  CHECK_THROWS_AS(b.wait_until(steady::now() + 1h), broken_barrier_error);
  b.reset();
  check_whole(b);
}

TEST_CASE("a zero or negative timeout breaks at once while parties are missing", "[barrier]") {
  barrier b(2);
  const auto breaks = [&](auto wait) {
    CHECK_THROWS_AS(wait(), broken_barrier_error);
    CHECK(b.broken());
    b.reset();
  };
  breaks([&] { b.wait_for(0s); });
  breaks([&] { b.wait_for(-1ns); });
  breaks([&] { b.wait_for(-0.5s); });
  breaks([&] { b.wait_for(std::chrono::hours::min()); });
  breaks([&] { b.wait_until(steady::now()); });
  breaks([&] { b.wait_until(steady::time_point::min()); });
  breaks([&] { b.wait_until(std::chrono::system_clock::now() - 1h); });
  check_whole(b);
}

TEST_CASE("the last to arrive succeeds even with a timeout of zero", "[barrier]") {
  barrier b(2, [] {});
  crew waiter(1, [&] { b.wait(); });
  eventually([&] { return b.waiting() == 1; });
  CHECK(b.wait_for(0s) == 1);
  waiter.join();
  crew another(1, [&] { b.wait(); });
  eventually([&] { return b.waiting() == 1; });
  CHECK(b.wait_until(steady::time_point::min()) == 1);
  another.join();
}

TEST_CASE("no timeout fires early", "[barrier]") {
  barrier b(2);
  const auto until = steady::now() + 15ms;
  CHECK_THROWS_AS(b.wait_until(until), broken_barrier_error);
  CHECK(steady::now() >= until);
  b.reset();
  const auto again = steady::now();
  CHECK_THROWS_AS(b.wait_until(std::chrono::system_clock::now() + 15ms), broken_barrier_error);
  CHECK(steady::now() - again >= 14ms);  // the clocks are not one
}

TEST_CASE("the largest timeout waits for ever", "[barrier]") {
  barrier b(6);
  sleepers asleep;
  crew waiters(5, [&](std::size_t i) {
    asleep.next_call_blocks();
    switch (i) {
      case 0:
        b.wait_for(std::chrono::nanoseconds::max());
        break;
      case 1:
        b.wait_for(std::chrono::hours::max());
        break;
      case 2:
        b.wait_for(std::chrono::duration<double>::max());
        break;
      case 3:
        b.wait_until(steady::time_point::max());
        break;
      default:
        b.wait_until(std::chrono::system_clock::time_point::max());
    }
  });
  asleep.await(5);
  CHECK(b.wait() == 5);
  waiters.join();
}

// Both have a few microseconds: they meet or they do not, but both see the same.
TEST_CASE("a timeout that races with the last arrival ends the same for all", "[barrier]") {
  int met = 0;
  for (std::uint32_t round = 0; round < 4000; ++round) {
    int actions = 0;
    barrier b(2, [&] { ++actions; });
    tally ends;
    crew::run(2, [&](std::size_t i) {
      dice d{round * 2 + static_cast<std::uint32_t>(i)};
      for (std::uint32_t k = d.roll(30); k > 0; --k) std::this_thread::yield();
      ends.count([&] { b.wait_for(std::chrono::microseconds(d.roll(40))); });
    });
    REQUIRE(ends.passed + ends.broken == 2);
    REQUIRE(ends.passed == (b.broken() ? 0 : 2));
    REQUIRE(actions == ends.passed / 2);
    met += actions;
  }
  CHECK(met > 0);
}

TEST_CASE("abort sends away those who wait and those who come, until reset", "[barrier]") {
  barrier b(4);
  sleepers asleep;
  tally ends;
  crew waiters(3, [&](std::size_t i) {
    asleep.next_call_blocks();
    ends.count([&] { i == 0 ? b.wait_for(1h) : b.wait(); });
  });
  asleep.await(3);
  b.abort();
  waiters.join();
  CHECK(ends.broken == 3);
  CHECK(b.broken());
  CHECK(b.waiting() == 0);
  CHECK_THROWS_AS(b.wait(), broken_barrier_error);
  CHECK_THROWS_AS(b.wait_for(0s), broken_barrier_error);
  b.abort();
  CHECK(b.broken());
  b.reset();
  check_whole(b);
}

TEST_CASE("abort breaks a barrier where nobody waits", "[barrier]") {
  barrier b(2);
  b.abort();
  CHECK(b.broken());
  CHECK_THROWS_AS(b.wait(), broken_barrier_error);
  b.reset();
  check_whole(b);
}

TEST_CASE("reset sends away those who wait and leaves the barrier whole", "[barrier]") {
  barrier b(3);
  sleepers asleep;
  tally ends;
  crew waiters(2, [&] {
    asleep.next_call_blocks();
    ends.count([&] { b.wait(); });
  });
  asleep.await(2);
  b.reset();
  CHECK_FALSE(b.broken());
  waiters.join();
  CHECK(ends.broken == 2);
  check_whole(b);
  b.reset();  // with nobody there
  check_whole(b);
}

TEST_CASE("a timeout that runs out while the action runs breaks nothing", "[barrier]") {
  for (auto time = 20ms;; time *= 2) {  // more of it, if the machine was too slow to get this far in time
    const auto until = steady::now() + time;
    barrier b(2, [&] { eventually([&] { return steady::now() > until + 5ms; }); });
    tally ends;
    crew first(1, [&] { ends.count([&] { b.wait_until(until); }); });
    eventually([&] { return b.waiting() == 1 || b.broken(); });
    ends.count([&] { b.wait_until(until); });
    first.join();
    if (ends.passed == 0) {
      REQUIRE(steady::now() > until);
      continue;
    }
    CHECK(ends.passed == 2);
    CHECK_FALSE(b.broken());
    check_whole(b);
    break;
  }
}

TEST_CASE("who arrives while the action runs belongs to the next round", "[barrier]") {
  std::atomic<int> actions{0};
  std::atomic<bool> go_on{false};
  barrier b(2, [&] {
    if (++actions == 1) eventually([&] { return go_on.load(); });
  });
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  crew threads;
  threads.start([&] { b.wait(), ++first; });
  threads.start([&] { b.wait(), ++first; });
  eventually([&] { return actions == 1; });
  CHECK(b.waiting() == 0);
  threads.start([&] { b.wait(), ++second; });
  eventually([&] { return b.waiting() == 1; });
  CHECK(first == 0);
  go_on = true;
  eventually([&] { return first == 2; });
  CHECK(b.waiting() == 1);
  CHECK(second == 0);
  CHECK(actions == 1);
  CHECK(b.wait() == 1);
  threads.join();
  CHECK(second == 1);
  CHECK(actions == 2);
}

TEST_CASE("who times out in the next round leaves the round alone whose action runs", "[barrier]") {
  std::atomic<bool> acting{false};
  std::atomic<bool> go_on{false};
  barrier b(2, [&] {
    acting = true;
    eventually([&] { return go_on.load(); });
  });
  tally ends;
  crew threads(2, [&] { ends.count([&] { b.wait(); }); });
  eventually([&] { return acting.load(); });
  CHECK_THROWS_AS(b.wait_for(1ms), broken_barrier_error);
  CHECK(b.broken());
  CHECK_THROWS_AS(b.wait(), broken_barrier_error);
  CHECK(ends.all() == 0);
  go_on = true;
  threads.join();
  CHECK(ends.passed == 2);
  CHECK(b.broken());
  b.reset();
  check_whole(b);
}

// Three rounds fill while the action of the first runs. Actions never overlap, and the last of a full round no longer
// looks at its timeout.
TEST_CASE("full rounds wait their turn while an action runs", "[barrier]") {
  std::atomic<int> actions{0};
  std::atomic<int> inside{0};
  std::atomic<int> overlaps{0};
  std::atomic<bool> go_on{false};
  barrier b(2, [&] {
    if (++inside != 1) ++overlaps;
    if (++actions == 1) eventually([&] { return go_on.load(); });
    --inside;
  });
  tally ends;
  sleepers asleep;
  crew threads;
  threads.start([&] { ends.count([&] { b.wait(); }); });
  threads.start([&] { ends.count([&] { b.wait(); }); });
  eventually([&] { return actions == 1; });
  for (std::size_t i = 0; i < 4; ++i) {
    threads.start([&, i] {
      asleep.next_call_blocks();
      ends.count([&] { i % 2 == 0 ? b.wait() : b.wait_for(0s); });
    });
    asleep.await(i + 1);
    CHECK(b.waiting() == (i + 1) % 2);
  }
  CHECK(ends.all() == 0);
  CHECK_FALSE(b.broken());
  go_on = true;
  threads.join();
  CHECK(ends.passed == 6);
  CHECK(actions == 3);
  CHECK(overlaps == 0);
  check_whole(b);
}

TEST_CASE("abort and reset while an action runs send away all rounds at once", "[barrier]") {
  for (const bool breaks : {true, false}) {
    std::atomic<int> actions{0};
    std::atomic<bool> go_on{false};
    barrier b(2, [&] {
      if (++actions == 1) eventually([&] { return go_on.load(); });
    });
    tally ends;
    sleepers asleep;
    crew threads;
    threads.start([&] { ends.count([&] { b.wait(); }); });
    threads.start([&] { ends.count([&] { b.wait(); }); });
    eventually([&] { return actions == 1; });
    for (std::size_t i = 0; i < 3; ++i) {  // a full round, and one that fills
      threads.start([&] {
        asleep.next_call_blocks();
        ends.count([&] { b.wait(); });
      });
      asleep.await(i + 1);
    }
    breaks ? b.abort() : b.reset();
    eventually([&] { return ends.broken == 4; });  // all but the one that runs the action
    CHECK(b.broken() == breaks);
    CHECK(b.waiting() == 0);
    if (breaks) b.reset();
    sleepers asleep_again;
    for (std::size_t i = 0; i < 2; ++i) {  // a new round: its action waits for the end of the old one
      threads.start([&] {
        asleep_again.next_call_blocks();
        ends.count([&] { b.wait(); });
      });
      asleep_again.await(i + 1);
    }
    CHECK(actions == 1);
    go_on = true;
    threads.join();
    CHECK(ends.broken == 5);
    CHECK(ends.passed == 2);
    CHECK(actions == 2);
    check_whole(b);
  }
}

TEST_CASE("an action may abort or reset its barrier: then all of its round are sent away", "[barrier]") {
  for (const bool breaks : {true, false}) {
    barrier* self = nullptr;
    bool calls = true;
    bool saw_broken = false;
    barrier b(3, [&] {
      if (!calls) return;
      breaks ? self->abort() : self->reset();
      saw_broken = self->broken();
    });
    self = &b;
    tally ends;
    crew::run(3, [&] { ends.count([&] { b.wait(); }); });
    CHECK(ends.broken == 3);
    CHECK(b.broken() == breaks);
    CHECK(saw_broken == breaks);
    calls = false;
    b.reset();
    check_whole(b);
  }
}

TEST_CASE("an action may look at its barrier", "[barrier]") {
  barrier* self = nullptr;
  std::size_t parties = 0;
  std::size_t waiting = 99;
  bool broken = true;
  barrier b(3, [&] {
    parties = self->parties();
    waiting = self->waiting();
    broken = self->broken();
  });
  self = &b;
  crew::run(3, [&] { b.wait(); });
  CHECK(parties == 3);
  CHECK(waiting == 0);
  CHECK_FALSE(broken);
}

TEST_CASE("a throwing action breaks the barrier, and its exception reaches the one that ran it", "[barrier]") {
  bool throws = true;
  barrier b(3, [&] {
    if (throws) throw action_failure();
  });
  tally ends;
  crew::run(3, [&] { ends.count([&] { b.wait_for(1h); }); });
  CHECK(ends.action_threw == 1);
  CHECK(ends.broken == 2);
  CHECK(b.broken());
  CHECK_THROWS_AS(b.wait(), broken_barrier_error);
  throws = false;
  b.reset();
  check_whole(b);
}

TEST_CASE("a throwing action breaks the rounds behind it, too", "[barrier]") {
  std::atomic<int> actions{0};
  std::atomic<bool> go_on{false};
  barrier b(2, [&] {
    if (++actions > 1) return;
    eventually([&] { return go_on.load(); });
    throw action_failure();
  });
  tally ends;
  sleepers asleep;
  crew threads;
  threads.start([&] { ends.count([&] { b.wait(); }); });
  threads.start([&] { ends.count([&] { b.wait(); }); });
  eventually([&] { return actions == 1; });
  for (std::size_t i = 0; i < 3; ++i) {
    threads.start([&] {
      asleep.next_call_blocks();
      ends.count([&] { b.wait(); });
    });
    asleep.await(i + 1);
  }
  go_on = true;
  threads.join();
  CHECK(ends.action_threw == 1);
  CHECK(ends.broken == 4);
  CHECK(actions == 1);
  CHECK(b.broken());
  b.reset();
  check_whole(b);
}

TEST_CASE("an action that aborts and then throws gives its exception to the one that ran it", "[barrier]") {
  barrier* self = nullptr;
  barrier b(2, [&] {
    self->abort();
    throw action_failure();
  });
  self = &b;
  tally ends;
  crew::run(2, [&] { ends.count([&] { b.wait(); }); });
  CHECK(ends.action_threw == 1);
  CHECK(ends.broken == 1);
  CHECK(b.broken());
}

TEST_CASE("waiting for its barrier in an action is a usage error and changes nothing", "[barrier]") {
  barrier* self = nullptr;
  tally inner;
  barrier b(2, [&] {
    inner.count([&] { self->wait(); });
    inner.count([&] { self->wait_for(0s); });
    inner.count([&] { self->wait_until(steady::now() + 1h); });
  });
  self = &b;
  tally ends;
  crew::run(2, [&] { ends.count([&] { b.wait(); }); });
  CHECK(inner.misused == 3);
  CHECK(ends.passed == 2);
  CHECK_FALSE(b.broken());
  CHECK(b.waiting() == 0);
}

TEST_CASE("a usage error that leaves the action breaks the barrier as any exception does", "[barrier]") {
  barrier* self = nullptr;
  barrier b(2, [&] { self->wait(); });
  self = &b;
  tally ends;
  crew::run(2, [&] { ends.count([&] { b.wait(); }); });
  CHECK(ends.misused == 1);
  CHECK(ends.broken == 1);
  CHECK(b.broken());
}

TEST_CASE("an action may wait for another barrier, and other threads for its own", "[barrier]") {
  barrier inner(2);
  std::atomic<int> actions{0};
  barrier outer(2, [&] {
    if (++actions == 1) inner.wait();
  });
  tally ends;
  crew threads(2, [&] { ends.count([&] { outer.wait(); }); });
  eventually([&] { return inner.waiting() == 1; });
  threads.start([&] { ends.count([&] { outer.wait(); }); });
  eventually([&] { return outer.waiting() == 1; });
  inner.wait();
  ends.count([&] { outer.wait(); });
  threads.join();
  CHECK(ends.passed == 4);
}

// A round passes as a whole or not at all, whatever is thrown in. One thread resets as long as others are at it, so
// nobody waits for ever.
TEST_CASE("waits, timeouts, aborts, resets and throwing actions in any mix: every thread ends, rounds stay whole",
          "[barrier]") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    barrier* self = nullptr;
    dice action_dice{seed};  // actions run one at a time
    int completed = 0;
    barrier b(3, [&] {
      switch (action_dice.roll(12)) {
        case 0:
          throw action_failure();
        case 1:
          self->abort();
          break;
        case 2:
          self->reset();
          break;
        case 3:
          std::this_thread::yield();
          break;
        default:
          break;
      }
      ++completed;
    });
    self = &b;
    tally ends;
    std::atomic<int> at_it{8};
    crew threads(8, [&](std::size_t i) {
      dice d{seed * 8 + static_cast<std::uint32_t>(i)};
      for (int k = 0; k < 200; ++k) {
        switch (d.roll(16)) {
          case 0:
            b.abort();
            break;
          case 1:
            b.reset();
            break;
          case 2:
          case 3:
          case 4:
            ends.count([&] { b.wait_for(std::chrono::microseconds(d.roll(200))); });
            break;
          case 5:
            ends.count([&] { b.wait_for(0s); });
            break;
          default:
            ends.count([&] { b.wait(); });
        }
      }
      --at_it;
    });
    threads.start([&] {
      while (at_it != 0) {
        for (int k = 0; k < 20; ++k) std::this_thread::yield();
        b.reset();
      }
    });
    threads.join();
    REQUIRE(ends.passed % 3 == 0);
    REQUIRE(ends.passed / 3 <= completed);
    REQUIRE(ends.misused == 0);
    REQUIRE(b.waiting() == 0);
  }
}

// This thread arrives first, and destroys the barrier as soon as its wait() has ended: while the call that ended it is
// still returning.
TEST_CASE("a wait ends even if the barrier dies right after", "[barrier]") {
  const auto check = [](std::size_t rounds, auto make, auto release, ending expected) {
    std::size_t others = 0;
    const auto seen = destroyed_right_after_release(
        rounds, make,
        [&](barrier& b) {
          while (b.waiting() == 0) std::this_thread::yield();
          release(b);
        },
        [&](barrier& b) { others += end_of([&] { b.wait(); }) != expected; });
    CHECK(others == 0);
    CHECK(seen.early == 0);
    CHECK(seen.late == 0);
  };
  const auto plain = [] { return barrier(2); };
  const auto with_action = [] { return barrier(2, [] {}); };
  const auto with_throwing = [] { return barrier(2, [] { throw action_failure(); }); };
  SECTION("after the last arrival") {
    check(100'000, plain, [](barrier& b) { b.wait(); }, ending::passed);
  }
  SECTION("after the last arrival, whose action has run") {
    check(20'000, with_action, [](barrier& b) { b.wait_for(0s); }, ending::passed);
  }
  SECTION("after the last arrival, whose action has thrown") {
    check(5000, with_throwing, [](barrier& b) { end_of([&] { b.wait(); }); }, ending::broken);
  }
  SECTION("after an abort") {
    check(5000, plain, [](barrier& b) { b.abort(); }, ending::broken);
  }
  SECTION("after a reset") {
    check(5000, plain, [](barrier& b) { b.reset(); }, ending::broken);
  }
  SECTION("after another's timeout") {
    check(5000, [] { return barrier(3); }, [](barrier& b) { end_of([&] { b.wait_for(0s); }); }, ending::broken);
  }
}
