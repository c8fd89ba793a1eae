// tests/timer_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/timer.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <spool/thread.hpp>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/failing_new.hpp"
#include "support/latch.hpp"
#include "support/process.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::periodic_timer;
using spool::timer;
using steady = std::chrono::steady_clock;

// ── the shape ──

template <class T>
constexpr bool stays_put = !std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T> &&
                           !std::is_copy_assignable_v<T> && !std::is_move_assignable_v<T>;
static_assert(stays_put<timer> && stays_put<periodic_timer>);
static_assert(std::is_constructible_v<timer, std::chrono::hours, void (*)(int), short>);
static_assert(!std::is_constructible_v<timer, std::chrono::hours, void (*)(int), std::string>);
static_assert(!std::is_constructible_v<timer, std::chrono::hours>);
static_assert(std::is_same_v<decltype(std::declval<timer&>().cancel()), bool>);

#if FAILING_NEW_WORKS
constexpr bool sanitized = false;
#else
constexpr bool sanitized = true;
#endif

namespace {

constexpr int rounds_of(int n) { return sanitized ? (n + 4) / 5 : n; }

/// Until the threads of earlier timers are gone.
std::size_t threads_at_rest() {
  eventually([] { return spool::active_count() == 1 && real_threads().size() <= 1 + foreign_threads; });
  return real_threads().size();
}

/// Counts what comes to the excepthook.
struct hook_count {
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  hook_count() {
    spool::set_excepthook([n = calls](const spool::thread_info&, const std::exception_ptr&) { ++*n; });
  }
  ~hook_count() { spool::set_excepthook({}); }
  hook_count(const hook_count&) = delete;
  hook_count& operator=(const hook_count&) = delete;
};

template <class F>
std::string outcome(F&& f) {
  try {
    f();
    return "fine";
  } catch (const spool::usage_error&) {
    return "usage_error";
  } catch (const std::system_error&) {
    return "system_error";
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  }
}

struct some_clock {  // neither steady nor the system's
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<some_clock>;
  static constexpr bool is_steady = false;
  static time_point now() {
    return time_point(std::chrono::duration_cast<duration>(steady::now().time_since_epoch()) - 1'000'000h);
  }
};
static_assert(!some_clock::is_steady);

std::atomic<int> fired_before_main{0};
timer started_before_main(0s, [] { ++fired_before_main; });
const bool was_started = (started_before_main.start(), true);

}  // namespace

// ── once ──

TEST_CASE("a timer works before main") {
  CHECK(was_started);
  started_before_main.join();
  CHECK(fired_before_main == 1);
}

TEST_CASE("a timer fires once, not early, with its arguments, in another thread") {
  int calls = 0;
  std::string seen;
  std::thread::id where;
  steady::time_point when;
  timer t(
      5ms,
      [&](const std::string& s, const std::unique_ptr<int>& p) {
        ++calls;
        seen = s + std::to_string(*p);
        where = std::this_thread::get_id();
        when = steady::now();
      },
      "text", std::make_unique<int>(7));
  CHECK_FALSE(t.is_alive());
  const auto start = steady::now();
  t.start();
  t.join();
  CHECK(calls == 1);
  CHECK(seen == "text7");
  CHECK(where != std::this_thread::get_id());
  CHECK(when - start >= 5ms);
  CHECK_FALSE(t.is_alive());
}

TEST_CASE("any duration: none and less fire at once, the largest never") {
  std::atomic<int> calls{0};
  const auto count = [&] { ++calls; };
  timer now(0s, count), past(-1h, count), least(std::chrono::hours::min(), count), fraction(0.5us, count),
      soon(std::chrono::duration<float, std::milli>(0.25F), count);
  for (timer* t : {&now, &past, &least, &fraction, &soon}) t->start();
  for (timer* t : {&now, &past, &least, &fraction, &soon}) t->join();
  CHECK(calls == 5);

  timer never(std::chrono::hours::max(), count), later(std::chrono::duration<double>(1e300), count);
  never.start();
  later.start();
  CHECK_FALSE(never.join_for(1ms));
  CHECK(never.is_alive());
  CHECK(never.cancel());
  CHECK(later.cancel());
  CHECK(calls == 5);
}

TEST_CASE("starting twice is a usage_error, also after it has fired or was cancelled") {
  int calls = 0;
  timer t(0s, [&] { ++calls; });
  t.start();
  CHECK_THROWS_AS(t.start(), spool::usage_error);
  t.join();
  CHECK_THROWS_AS(t.start(), spool::usage_error);
  CHECK(calls == 1);
  timer cancelled(1h, [] {});
  cancelled.start();
  cancelled.cancel();
  CHECK_THROWS_AS(cancelled.start(), spool::usage_error);
}

TEST_CASE("of threads that race to start a timer exactly one wins") {
  for (int round = 0; round < rounds_of(300); ++round) {
    std::atomic<int> calls{0}, won{0}, lost{0};
    timer t(0s, [&] { ++calls; });
    crew::run(4, [&] { (outcome([&] { t.start(); }) == "fine" ? won : lost)++; });
    t.join();
    REQUIRE(calls == 1);
    REQUIRE(won == 1);
    REQUIRE(lost == 3);
  }
}

TEST_CASE("joining before the start is a usage_error, and it can still be started") {
  timer t(0s, [] {});
  CHECK_THROWS_AS(t.join(), spool::usage_error);
  CHECK_THROWS_AS(t.join_for(1s), spool::usage_error);
  CHECK_THROWS_AS(t.join_until(steady::now()), spool::usage_error);
  t.start();
  t.join();
  periodic_timer p(1h, [] {});
  CHECK_THROWS_AS(p.join(), spool::usage_error);
}

TEST_CASE("a timed join gives up, not early, and the joins of many all end") {
  latch end(1);
  timer t(0s, [&] { end.wait(); });
  t.start();
  CHECK_FALSE(t.join_for(0s));
  CHECK_FALSE(t.join_for(-1h));
  const auto start = steady::now();
  CHECK_FALSE(t.join_for(3ms));
  CHECK(steady::now() - start >= 3ms);
  CHECK_FALSE(t.join_until(start + 6ms));
  CHECK(steady::now() - start >= 6ms);
  CHECK_FALSE(t.join_until(some_clock::now() + 2ms));
  CHECK(t.is_alive());
  std::atomic<int> joined{0};
  crew joiners(6, [&](std::size_t i) {
    if (i % 2 == 0) {
      t.join();
    } else {
      while (!t.join_for(1ms)) {
      }
    }
    ++joined;
  });
  end.count_down();
  joiners.join();
  CHECK(joined == 6);
  CHECK(t.join_for(0s));
  CHECK(t.join_for(std::chrono::hours::max()));
}

TEST_CASE("a callback that joins its own timer gets a usage_error") {
  std::string once, timed, repeated;
  std::optional<timer> t;
  t.emplace(0s, [&] {
    once = outcome([&] { t->join(); });
    timed = outcome([&] { t->join_for(0s); });
  });
  t->start();
  t->join();
  std::optional<periodic_timer> p;
  p.emplace(1us, [&] {
    repeated = outcome([&] { p->join(); });
    p->cancel();
  });
  p->start();
  p->join();
  CHECK(once == "usage_error");
  CHECK(timed == "usage_error");
  CHECK(repeated == "usage_error");
}

TEST_CASE("an exception that leaves a callback goes to the excepthook") {
  const hook_count hook;
  timer t(0s, [] { throw std::runtime_error("oh"); });
  t.start();
  t.join();
  CHECK(*hook.calls == 1);
}

// ── cancel ──

TEST_CASE("cancelled before its start a timer never fires, and a second cancel is false") {
  int calls = 0;
  timer t(0s, [&] { ++calls; });
  CHECK(t.cancel());
  CHECK_FALSE(t.cancel());
  CHECK_THROWS_AS(t.join(), spool::usage_error);
  t.start();
  CHECK_FALSE(t.is_alive());
  t.join();
  CHECK_FALSE(t.cancel());
  CHECK_THROWS_AS(t.start(), spool::usage_error);
  CHECK(calls == 0);
}

TEST_CASE("cancel of a waiting timer is true once and ends its joins") {
  std::atomic<int> joined{0};
  timer t(1h, [] {});
  t.start();
  CHECK(t.is_alive());
  crew joiners(3, [&] {
    t.join();
    ++joined;
  });
  CHECK(t.cancel());
  CHECK_FALSE(t.cancel());
  CHECK_FALSE(t.is_alive());
  joiners.join();
  CHECK(joined == 3);
}

TEST_CASE("cancel of a timer that fires or has fired is false") {
  latch begun(1), end(1);
  timer t(0s, [&] {
    begun.count_down();
    end.wait();
  });
  t.start();
  begun.wait();
  CHECK_FALSE(t.cancel());
  CHECK(t.is_alive());
  end.count_down();
  t.join();
  CHECK_FALSE(t.cancel());
}

TEST_CASE("cancel and the expiry race: exactly one of them happens, and both sides know") {
  const int all = rounds_of(10'000);
  std::atomic<int> fired{0};
  int prevented = 0, wrong = 0;
  std::mt19937 random(1);
  for (int i = 0; i < all; ++i) {
    std::atomic<bool> mine{false};
    timer t(std::chrono::microseconds(random() % 60), [&] {
      mine = true;
      ++fired;
    });
    t.start();
    const auto until = steady::now() + std::chrono::microseconds(random() % 100);
    while (steady::now() < until) {
    }
    const bool stopped = t.cancel();
    t.join();
    if (stopped) ++prevented;
    if (stopped == mine) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(fired + prevented == all);
}

TEST_CASE("of many that cancel one timer at once, one at most is told that it did") {
  for (int round = 0; round < rounds_of(500); ++round) {
    std::atomic<int> told{0}, fired{0};
    timer t(round % 2 == 0 ? std::chrono::nanoseconds(1h) : std::chrono::nanoseconds(20us), [&] { ++fired; });
    t.start();
    crew::run(3, [&] { told += t.cancel() ? 1 : 0; });
    t.join();
    REQUIRE(told + fired == 1);
  }
}

TEST_CASE("cancel from its own callback is harmless: false for one that fires once, true for a periodic one") {
  bool once = true, first = false, second = true;
  int calls = 0;
  std::optional<timer> t;
  t.emplace(0s, [&] { once = t->cancel(); });
  t->start();
  t->join();
  std::optional<periodic_timer> p;
  p.emplace(10us, [&] {
    if (++calls < 3) return;
    first = p->cancel();
    second = p->cancel();
  });
  p->start();
  p->join();
  CHECK_FALSE(once);
  CHECK(first);
  CHECK_FALSE(second);
  CHECK(calls == 3);
}

// ── lifetime ──

TEST_CASE("the destructor cancels") {
  int calls = 0;
  {
    timer t(1h, [&] { ++calls; });
    t.start();
    periodic_timer p(1h, [&] { ++calls; });
    p.start();
    const timer unstarted(0s, [&] { ++calls; });
  }
  CHECK(calls == 0);
}

TEST_CASE("the destructor waits for a callback that is running") {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> ended{false};
    latch begun(1);
    const auto slow = [&] {
      if (begun.try_wait()) return;
      begun.count_down();
      std::this_thread::sleep_for(500us);  // makes a destructor that does not wait likelier to show
      ended = true;
    };
    {
      std::optional<timer> once;
      std::optional<periodic_timer> again;
      if (round % 2 == 0) {
        once.emplace(0s, slow).start();
      } else {
        again.emplace(1us, slow).start();
      }
      begun.wait();
    }
    REQUIRE(ended);
  }
}

TEST_CASE("a timer may be destroyed in its own callback, and the callback goes on") {
  for (int round = 0; round < rounds_of(500); ++round) {
    const auto held = std::make_shared<int>(0);
    latch over(2);
    std::unique_ptr<timer> t;
    std::unique_ptr<periodic_timer> p;
    t = std::make_unique<timer>(0s, [&t, &over, held, text = std::string(100, 'x')] {
      t.reset();
      if (text.size() == 100 && text[99] == 'x') over.count_down();
    });
    p = std::make_unique<periodic_timer>(1us, [&p, &over, held, text = std::string(100, 'x')] {
      p.reset();
      if (text.size() == 100 && text[99] == 'x') over.count_down();
    });
    timer* const raw = t.get();
    raw->start();
    periodic_timer* const raw_periodic = p.get();
    raw_periodic->start();
    over.wait();
    eventually([&] { return held.use_count() == 1; });  // the callables are destroyed, too
  }
}

TEST_CASE("a callback may put another timer in the place of its own") {
  for (int round = 0; round < rounds_of(300); ++round) {
    std::atomic<int> calls{0};
    std::string joined_in_callback, cancelled_in_callback;
    std::optional<timer> place, never;
    latch over(1);
    place.emplace(0s, [&] {
      // The callable, with what it has captured, goes on as long as it runs.
      auto* const all = &calls;
      auto* const here = &place;
      auto* const end = &over;
      auto* const joined = &joined_in_callback;
      auto* const cancelled = &cancelled_in_callback;
      here->emplace(1h, [] {}).start();
      *cancelled = (*here)->cancel() ? "true" : "false";
      here->emplace(0s, [all, end] {
        ++*all;
        end->count_down();
      });
      *joined = outcome([&] {
        (*here)->start();
        (*here)->join();
      });
      ++*all;
    });
    place->start();
    over.wait();
    eventually([&] { return calls == 2; });
    place.reset();
    REQUIRE(joined_in_callback == "fine");
    REQUIRE(cancelled_in_callback == "true");
  }
}

TEST_CASE("a timer may be owned by its own callable") {
  for (int round = 0; round < rounds_of(300); ++round) {
    std::atomic<int> calls{0};
    struct owner {
      std::optional<timer> once;
      std::optional<periodic_timer> again;
      std::atomic<bool>* gone;
      explicit owner(std::atomic<bool>* g) : gone(g) {}
      ~owner() { *gone = true; }
    };
    std::atomic<bool> fired_gone{false}, cancelled_gone{false}, periodic_gone{false};
    auto fires = std::make_shared<owner>(&fired_gone);
    fires->once.emplace(0s, [fires, &calls] { ++calls; });
    auto cancelled = std::make_shared<owner>(&cancelled_gone);
    cancelled->once.emplace(1h, [cancelled, &calls] { ++calls; });
    auto repeats = std::make_shared<owner>(&periodic_gone);
    repeats->again.emplace(1us, [self = std::weak_ptr(repeats), repeats, &calls] {
      if (++calls > 2) self.lock()->again->cancel();
    });
    std::exchange(fires, nullptr)->once->start();
    cancelled->once->start();
    auto* const raw = cancelled.get();
    cancelled.reset();
    raw->once->cancel();
    CHECK(cancelled_gone);
    std::exchange(repeats, nullptr)->again->start();
    eventually([&] { return fired_gone && periodic_gone; });
  }
}

TEST_CASE("a timer may be destroyed as soon as its join has returned") {
  for (int round = 0; round < rounds_of(5'000); ++round) {
    const auto t = std::make_unique<timer>(std::chrono::microseconds(round % 7), [] {});
    t->start();
    if (round % 3 == 0) {
      while (!t->join_for(0s)) {
      }
    } else {
      t->join();
    }
  }
}

TEST_CASE("the callable is destroyed as soon as it is spent, with no lock of the library held") {
  const auto held = std::make_shared<int>(0);
  std::atomic<int> ended{0};
  struct uses_timers_at_its_end {
    std::shared_ptr<int> held;
    std::atomic<int>* ended;
    uses_timers_at_its_end(std::shared_ptr<int> h, std::atomic<int>* e) : held(std::move(h)), ended(e) {}
    uses_timers_at_its_end(uses_timers_at_its_end&&) = default;
    ~uses_timers_at_its_end() {
      if (!held) return;
      timer other(1h, [] {});
      other.start();
      other.cancel();
      static_cast<void>(spool::enumerate());
      ++*ended;
    }
    void operator()() const {}
  };
  timer fires(0s, uses_timers_at_its_end(held, &ended));
  timer cancelled(1h, uses_timers_at_its_end(held, &ended));
  timer unstarted(1h, uses_timers_at_its_end(held, &ended));
  periodic_timer repeats(1us, uses_timers_at_its_end(held, &ended));
  for (timer* t : {&fires, &cancelled}) t->start();
  repeats.start();
  fires.join();
  CHECK(cancelled.cancel());
  CHECK(unstarted.cancel());
  CHECK(repeats.cancel());
  repeats.join();
  CHECK(ended == 4);
  CHECK(held.use_count() == 1);
}

TEST_CASE("an operation that runs out of memory has changed nothing") {
  if (!failing_new::works) return;
  static_cast<void>(threads_at_rest());  // so that there is neither room nor a thread for the next
  int calls = 0;
  for (int n = 1;; ++n) {
    std::string long_argument(100, 'x');
    std::array<char, 100> large{};
    std::optional<timer> t;
    std::optional<periodic_timer> p;
    try {
      const failing_new guard(n);
      t.emplace(0s, [&calls, large](const std::string&) { calls += 1 + large[0]; }, std::move(long_argument));
    } catch (const std::bad_alloc&) {
      REQUIRE(long_argument.size() == 100);
      continue;
    }
    for (int m = 1; m > 0; ++m) {
      try {
        const failing_new guard(m);
        t->start();
        m = -1;
      } catch (const std::bad_alloc&) {
        REQUIRE_FALSE(t->is_alive());
        REQUIRE_THROWS_AS(t->join(), spool::usage_error);
      }
    }
    t->join();
    try {
      std::string argument(100, 'x');
      const failing_new guard(1);
      p.emplace(1s, [](const std::string&) {}, std::move(argument));
      REQUIRE(false);
    } catch (const std::bad_alloc&) {
    }
    break;
  }
  CHECK(calls == 1);
}

TEST_CASE("what is wrong with one argument leaves the others whole, and what is called") {
  struct body {
    std::unique_ptr<int> held = std::make_unique<int>(1);
    void operator()(const tracked&, const std::unique_ptr<int>&) const {}
  };
  tracked::reset();
  {
    body f;
    auto argument = std::make_unique<int>(2);
    const tracked t(1);
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(timer(1h, std::move(f), t, std::move(argument)), tracked_failure);
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(periodic_timer(1h, std::move(f), t, std::move(argument)), tracked_failure);
    tracked::fail_at_copy(0);
    CHECK_THROWS_AS(periodic_timer(0s, std::move(f), t, std::move(argument)), std::invalid_argument);
    CHECK(f.held != nullptr);
    CHECK(argument != nullptr);
  }
  CHECK(tracked::live() == 0);
}

// ── order, and callbacks that block ──

TEST_CASE("callbacks begin in the order of their deadlines, those of the same in the order of their starts") {
  struct bounds {  // of the deadline
    steady::time_point least, most;
  };
  constexpr std::size_t n = 400;
  std::vector<bounds> deadlines(n);
  std::vector<std::size_t> begun;  // one callback at a time, as none blocks
  std::mutex mutex;                // guards it nevertheless
  begun.reserve(n);
  std::mt19937 random(2);
  std::deque<timer> timers;
  for (std::size_t i = 0; i < n; ++i) {
    const auto delay = std::chrono::microseconds(i % 4 == 0 ? 10'000 : random() % 30'000);
    timers.emplace_back(delay, [&, i] {
      const std::lock_guard held(mutex);
      begun.push_back(i);
    });
    deadlines[i].least = steady::now() + delay;
    timers.back().start();
    deadlines[i].most = steady::now() + delay;
  }
  std::size_t prevented = 0;
  for (std::size_t i = 0; i < n; i += 3) prevented += timers[i * 7 % n].cancel() ? 1U : 0U;
  for (timer& t : timers) t.join();
  CHECK(begun.size() + prevented == n);
  int wrong = 0;
  for (std::size_t i = 0; i < begun.size(); ++i) {
    for (std::size_t j = i + 1; j < begun.size(); ++j) {
      if (deadlines[begun[j]].most < deadlines[begun[i]].least) ++wrong;
    }
  }
  CHECK(wrong == 0);

  begun.clear();
  std::deque<timer> due;
  for (std::size_t i = 0; i < n; ++i) {
    due.emplace_back(0s, [&, i] {
      const std::lock_guard held(mutex);
      begun.push_back(i);
    });
    due.back().start();
  }
  for (timer& t : due) t.join();
  CHECK(std::is_sorted(begun.begin(), begun.end()));
  CHECK(begun.size() == n);
}

TEST_CASE("an earlier deadline wakes the sleeper") {
  timer late(1h, [] {}), later(2h, [] {}), soon(1ms, [] {}), now(0s, [] {});
  late.start();
  later.start();
  soon.start();
  soon.join();
  now.start();
  now.join();
  CHECK(late.is_alive());
  CHECK(late.cancel());
  CHECK(later.cancel());
}

TEST_CASE("a callback that blocks delays no other timer") {
  for (const std::size_t blocked : {std::size_t{1}, std::size_t{8}}) {
    latch end(1), all_begun(static_cast<std::ptrdiff_t>(blocked));
    std::deque<timer> blockers, others;
    std::atomic<int> fired{0};
    for (std::size_t i = 0; i < blocked; ++i) {
      blockers.emplace_back(1ms, [&] {
        all_begun.count_down();
        end.wait();
      });
    }
    for (int i = 0; i < 50; ++i) others.emplace_back(std::chrono::microseconds(100 * i), [&] { ++fired; });
    int ticks_alive = 0;
    std::atomic<int> ticks{0};
    periodic_timer tick(200us, [&] { ++ticks; });
    for (timer& t : blockers) t.start();
    for (timer& t : others) t.start();
    tick.start();
    for (timer& t : others) t.join();
    all_begun.wait();
    ticks_alive = ticks;
    eventually([&] { return ticks >= ticks_alive + 5; });
    CHECK(fired == 50);
    for (timer& t : blockers) CHECK(t.is_alive());
    timer after(0s, [] {});
    after.start();
    after.join();
    end.count_down();
    for (timer& t : blockers) t.join();
  }
}

TEST_CASE("a periodic timer whose callbacks block goes on, whoever has taken its thread's place") {
  timer far_away(1h, [] {});
  far_away.start();
  std::atomic<int> calls{0}, others{0};
  periodic_timer blocks(2ms, [&] {
    ++calls;
    std::this_thread::sleep_for(3ms);  // beyond its next deadline, and until another thread keeps the time
  });
  periodic_timer seldom(7ms, [&] {
    ++others;
    std::this_thread::sleep_for(1ms);
  });
  blocks.start();
  seldom.start();
  eventually([&] { return calls >= 30 && others >= 10; });
  CHECK(blocks.cancel());
  CHECK(seldom.cancel());
  CHECK(far_away.cancel());
}

TEST_CASE("a timer started while the only callback blocks fires on time, too") {
  static_cast<void>(threads_at_rest());
  latch begun(1), end(1);
  timer blocker(0s, [&] {
    begun.count_down();
    end.wait();
  });
  blocker.start();
  begun.wait();
  timer other(0s, [] {}), later(2ms, [] {});
  later.start();
  other.start();
  other.join();
  later.join();
  CHECK(blocker.is_alive());
  end.count_down();
}

TEST_CASE("a callback that computes for long delays no other timer") {
  std::atomic<bool> other_fired{false}, saw_it{false};
  timer computes(0s, [&] {
    while (!other_fired) {
    }
    saw_it = true;
  });
  timer other(1ms, [&] { other_fired = true; });
  computes.start();
  other.start();
  computes.join();
  CHECK(saw_it);
}

TEST_CASE("callbacks may start, cancel and join timers") {
  std::atomic<int> calls{0};
  std::function<void(int)> chain;
  std::deque<timer> links;
  latch over(1);
  chain = [&](int left) {
    ++calls;
    if (left == 0) {
      over.count_down();
      return;
    }
    links.emplace_back(1us, chain, left - 1).start();
  };
  links.emplace_back(0s, chain, 100).start();
  over.wait();
  for (timer& t : links) t.join();
  CHECK(calls == 101);

  timer inner(0s, [] {}), prevented(1h, [] {});
  prevented.start();
  std::atomic<bool> ok{false};
  timer outer(0s, [&] {
    inner.start();
    inner.join();
    ok = prevented.cancel();
  });
  outer.start();
  outer.join();
  CHECK(ok);
}

// ── threads and memory ──

TEST_CASE("100,000 waiting timers use one service thread and less than 250 bytes each") {
  constexpr std::size_t n = 100'000;
  const std::size_t before = threads_at_rest();
  std::mt19937 random(3);
  const std::size_t bytes_before = live_bytes();
  std::optional<std::deque<timer>> held(std::in_place);
  std::deque<timer>& timers = *held;
  for (std::size_t i = 0; i < n; ++i) timers.emplace_back(std::chrono::microseconds(random() % 60'000'000) + 1h, [] {});
  for (timer& t : timers) t.start();
  const std::size_t threads = real_threads().size() - before;
  const std::size_t bytes = (live_bytes() - bytes_before) / n;
  CHECK(threads == 1);
  if (!sanitized) CHECK(bytes < 250);
  eventually([] { return spool::active_count() == 2; });
  CHECK(spool::enumerate().back().name == "timers_0");
  CHECK(spool::enumerate().back().daemon);
  std::size_t prevented = 0;
  for (std::size_t i = 0; i < n; ++i) prevented += timers[i * 7919 % n].cancel() ? 1U : 0U;
  CHECK(prevented == n);
  held.reset();
  CHECK(threads_at_rest() == before);  // the service thread ends with the last timer
  if (!sanitized) CHECK(live_bytes() < bytes_before + 100'000);
}

TEST_CASE("threads made for callbacks that blocked are gone when idle") {
  const std::size_t before = threads_at_rest();
  {
    latch end(1);
    std::deque<timer> blockers;
    std::atomic<int> begun{0};
    for (int i = 0; i < 10; ++i) {
      blockers.emplace_back(0s, [&] {
        ++begun;
        end.wait();
      });
      blockers.back().start();
    }
    eventually([&] { return begun == 10; });
    CHECK(real_threads().size() >= before + 10);
    end.count_down();
    for (timer& t : blockers) t.join();
  }
  timer waits(1h, [] {});
  waits.start();
  eventually([&] { return real_threads().size() == before + 1; });
  waits.cancel();
  CHECK(threads_at_rest() == before);
}

TEST_CASE("if the system refuses the service thread, start() throws system_error and the object is as before") {
  if (!no_more_threads::works) return;
  static_cast<void>(threads_at_rest());
  int calls = 0;
  timer t(0s, [&] { ++calls; });
  periodic_timer p(1us, [&] {
    ++calls;
    p.cancel();
  });
  {
    const no_more_threads refuse;
    for (int i = 0; i < 3; ++i) {
      CHECK_THROWS_AS(t.start(), std::system_error);
      CHECK_THROWS_AS(p.start(), std::system_error);
      CHECK_FALSE(t.is_alive());
      CHECK_THROWS_AS(t.join(), spool::usage_error);
    }
  }
  t.start();
  t.join();
  p.start();
  p.join();
  CHECK(calls == 2);
}

TEST_CASE("if the system refuses further threads, timers fire nevertheless") {
  if (!no_more_threads::works) return;
  static_cast<void>(threads_at_rest());
  std::atomic<int> calls{0};
  timer first(1h, [] {});
  first.start();
  eventually([] { return spool::active_count() == 2; });
  std::deque<timer> timers;
  for (int i = 0; i < 100; ++i) timers.emplace_back(std::chrono::microseconds(10 * i), [&] { ++calls; });
  const no_more_threads refuse;
  for (timer& t : timers) t.start();
  for (timer& t : timers) t.join();
  CHECK(calls == 100);
  CHECK(first.cancel());
}

TEST_CASE("timers started, cancelled and destroyed by many threads at once all fire or are prevented") {
  std::atomic<int> fired{0}, prevented{0}, made{0};
  crew::run(4, [&](std::size_t who) {
    std::mt19937 random(static_cast<unsigned>(who));
    std::deque<std::optional<timer>> mine(20);
    for (int i = 0; i < rounds_of(5'000); ++i) {
      auto& slot = mine[random() % mine.size()];
      if (slot) {
        prevented += slot->cancel() ? 1 : 0;
        slot.reset();
      }
      slot.emplace(std::chrono::microseconds(random() % 2 == 0 ? random() % 200 : random() % 1'000'000),
                   [&] { ++fired; });
      slot->start();
      ++made;
    }
    for (auto& slot : mine) {
      if (slot) prevented += slot->cancel() ? 1 : 0;
    }
  });
  CHECK(fired + prevented == made);
}

// ── periodic ──

TEST_CASE("a periodic timer fires until cancelled, never early and never off its grid") {
  constexpr auto interval = 500us;
  struct firing {
    steady::time_point when;
    std::uint64_t missed;
  };
  std::vector<firing> seen;
  latch enough(1);
  std::optional<periodic_timer> p;
  p.emplace(interval, [&] {
    seen.push_back({steady::now(), p->missed()});
    if (seen.size() % 7 == 0) std::this_thread::sleep_for(2 * interval);  // a callback that overruns
    if (seen.size() == 40) enough.count_down();
  });
  const auto start = steady::now();
  p->start();
  CHECK(p->is_alive());
  enough.wait();
  CHECK(p->cancel());
  CHECK_FALSE(p->cancel());
  p->join();
  CHECK_FALSE(p->is_alive());
  const std::size_t total = seen.size();
  int early = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto turn = static_cast<std::int64_t>(i + 1 + seen[i].missed);  // of the grid
    if (seen[i].when < start + turn * interval) ++early;
  }
  CHECK(early == 0);
  CHECK(seen.back().missed >= 5);
  CHECK(seen.size() == total);
}

TEST_CASE("a late callback is followed by the next on the grid, and those missed are skipped and counted") {
  constexpr auto interval = 1ms;
  std::uint64_t missed_at_second = 0;
  steady::time_point second;
  int calls = 0;
  std::optional<periodic_timer> p;
  steady::time_point start;
  p.emplace(interval, [&] {
    if (++calls == 1) {
      while (steady::now() < start + 10 * interval) std::this_thread::sleep_for(100us);
    } else {
      second = steady::now();
      missed_at_second = p->missed();
      p->cancel();
    }
  });
  start = steady::now();
  p->start();
  p->join();
  CHECK(calls == 2);
  // The callback ended after the 10th; the first and the second one are not among those missed.
  CHECK(missed_at_second >= 8);
  CHECK(second >= start + static_cast<std::int64_t>(missed_at_second + 2) * interval);
}

TEST_CASE("a periodic timer's callable stays where it is, with what it has changed of itself") {
  int seen = 0;
  std::optional<periodic_timer> p;
  p.emplace(
      1us,
      [&, n = 0](std::string& text) mutable {
        text += 'x';
        if (++n == 5) {
          seen = n * 100 + static_cast<int>(text.size());
          p->cancel();
        }
      },
      std::string());
  p->start();
  p->join();
  CHECK(seen == 505);
}

TEST_CASE("a periodic timer goes on after a callback threw") {
  const hook_count hook;
  std::atomic<int> calls{0};
  std::optional<periodic_timer> p;
  p.emplace(1us, [&] {
    if (++calls == 4) p->cancel();
    throw std::runtime_error("oh");
  });
  p->start();
  p->join();
  CHECK(calls == 4);
  CHECK(*hook.calls == 4);
}

TEST_CASE("an interval <= 0 is an invalid_argument, the largest never fires") {
  CHECK_THROWS_AS(periodic_timer(0s, [] {}), std::invalid_argument);
  CHECK_THROWS_AS(periodic_timer(-1ns, [] {}), std::invalid_argument);
  CHECK_THROWS_AS(periodic_timer(std::chrono::hours::min(), [] {}), std::invalid_argument);
  periodic_timer p(std::chrono::hours::max(), [] {});
  p.start();
  CHECK_FALSE(p.join_for(1ms));
  CHECK(p.cancel());
}

TEST_CASE("cancel of a periodic timer is true if no further firing follows") {
  int calls = 0;
  {
    periodic_timer unstarted(1us, [&] { ++calls; });
    CHECK(unstarted.cancel());
    CHECK_FALSE(unstarted.cancel());
    unstarted.start();
    unstarted.join();
    CHECK(calls == 0);
  }
  latch begun(1), end(1);
  periodic_timer p(1us, [&] {
    ++calls;
    begun.count_down();
    end.wait();
  });
  p.start();
  begun.wait();
  CHECK(p.cancel());  // while its callback runs
  CHECK_FALSE(p.cancel());
  CHECK(p.is_alive());
  end.count_down();
  p.join();
  CHECK_FALSE(p.is_alive());
  CHECK(calls == 1);
}

TEST_CASE("cancel of a periodic timer races with its firings: what follows a true cancel is at most the running one") {
  for (int round = 0; round < rounds_of(300); ++round) {
    std::atomic<int> calls{0};
    periodic_timer p(2us, [&] { ++calls; });
    p.start();
    eventually([&] { return calls >= round % 4; });
    REQUIRE(p.cancel());
    p.join();
    const int then = calls;
    std::this_thread::yield();
    REQUIRE(calls == then);
  }
}

// ── the end of the program ──

namespace {
std::optional<timer> static_waiting, static_running;
std::optional<periodic_timer> static_periodic;
latch static_begun(1);
}  // namespace

TEST_CASE("child: timers of static lifetime", "[.child]") {
  static_waiting.emplace(1h, [] {}).start();
  static_running.emplace(0s, [] {
    static_begun.count_down();
    std::this_thread::sleep_for(20ms);  // beyond the end of main
  });
  static_running->start();
  static_periodic.emplace(10us, [] {}).start();
  auto* const leaked = new timer(1h, [] {});  // NOLINT: never destroyed
  static auto* keep = leaked;
  keep->start();
  static_begun.wait();
}

TEST_CASE("the program may end while timers of static lifetime wait, fire and repeat") {
  for (int i = 0; i < 10; ++i) {
    const ended_process ended = run_child("child: timers of static lifetime");
    INFO(ended.output);
    REQUIRE(ended.code == 0);
  }
}
