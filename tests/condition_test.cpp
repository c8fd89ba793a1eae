// tests/condition_test.cpp · spool::condition
// SPDX-License-Identifier: MIT
#include <spool/condition.hpp>
#include <spool/mutex.hpp>
#include <spool/recursive_mutex.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "battery/destroyable.hpp"
#include "battery/wakeable.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

static_assert(!std::is_copy_constructible_v<spool::condition> && !std::is_move_constructible_v<spool::condition>);

namespace {

constinit spool::condition a_constant_initialized_one{};

/// Looks under the lock until done() is true. A thread that said so under the lock, and then waited, is in the row:
/// its wait let the lock go only afterwards.
template <class Mutex, class Done>
void eventually_under(Mutex& m, Done done) {
  eventually([&] {
    const std::lock_guard held(m);
    return done();
  });
}

/// Calls f, then writes to the part of the stack that f has used: late accesses to its waiter show.
struct overwriting {
  template <class F>
  [[gnu::noinline]] static void call(F f) {
    f();
  }
  [[gnu::noinline]] static void overwrite() {
    volatile unsigned char bytes[2048];
    for (volatile unsigned char& byte : bytes) byte = 0xa5;
  }
};
template <class F>
void on_overwritten_stack(F f) {
  overwriting::call(f);
  overwriting::overwrite();
}

/// As std::stop_source(), of which g++ 12 with a sanitizer says in vain that it is used before it is made.
std::stop_source new_source() { return std::vector<std::stop_source>(1).front(); }

}  // namespace

TEMPLATE_TEST_CASE("it waits with any lock, by the guard or the lock itself", "", spool::mutex, spool::recursive_mutex,
                   std::mutex, std::recursive_mutex, std::timed_mutex, std::shared_mutex) {
  TestType m;
  spool::condition changed;
  int turn = 0;
  constexpr int rounds = 200;
  crew other;
  other.start([&] {
    for (int i = 0; i < rounds; ++i) {
      std::unique_lock held(m);
      changed.wait(held, [&] { return turn % 2 == 1; });
      ++turn;
      changed.notify_one();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    m.lock();
    changed.wait(m, [&] { return turn % 2 == 0; });
    ++turn;
    changed.notify_one();
    m.unlock();
  }
  other.join();
  CHECK(turn == 2 * rounds);
}

TEST_CASE("it waits with a shared lock") {
  std::shared_mutex m;
  spool::condition changed;
  bool ready = false;
  crew readers(3, [&] {
    std::shared_lock held(m);
    changed.wait(held, [&] { return ready; });
  });
  {
    const std::lock_guard held(m);
    ready = true;
  }
  changed.notify_all();
  readers.join();
  CHECK(ready);
}

TEST_CASE("notify(n) releases the n that have waited longest, and nobody else") {
  constexpr std::size_t threads = 9;
  spool::mutex m;
  spool::condition changed;
  std::size_t entered = 0;  // all guarded by m
  std::vector<std::size_t> woken;
  crew waiters;
  for (std::size_t i = 0; i < threads; ++i) {
    waiters.start([&, i] {
      std::unique_lock held(m);
      ++entered;
      changed.wait(held);
      woken.push_back(i);
    });
    eventually_under(m, [&] { return entered == i + 1; });  // they enter in order
  }

  changed.notify(0);
  std::size_t released = 0;
  for (const unsigned n : {1u, 2u, 0u, 3u, 1u}) {
    changed.notify(n);
    released += n;
    eventually_under(m, [&] { return woken.size() >= released; });
    const std::lock_guard held(m);
    std::vector<std::size_t> sorted = woken;  // those released together take the lock in any order
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted.size() == released);
    CHECK(sorted.back() == released - 1);
  }
  changed.notify(1'000);  // fewer wait
  waiters.join();
  CHECK(woken.size() == threads);
  changed.notify_all();
}

TEST_CASE("nothing is remembered when nobody waits") {
  spool::mutex m;
  spool::condition& changed = a_constant_initialized_one;
  changed.notify_one();
  changed.notify(5);
  changed.notify_all();
  std::unique_lock held(m);
  changed.notify_all();
  CHECK_FALSE(changed.wait_for(held, 2ms));
  CHECK_FALSE(changed.wait_for(held, 0ms));
  CHECK(held.owns_lock());
}

TEST_CASE("a notify_all releases all that wait, with or without the lock held") {
  const bool locked = GENERATE(true, false);
  spool::mutex m;
  spool::condition changed;
  std::size_t waiting = 0;
  std::size_t done = 0;
  for (int round = 0; round < 20; ++round) {
    waiting = done = 0;
    crew waiters(8, [&] {
      std::unique_lock held(m);
      ++waiting;
      changed.wait(held);  // no predicate: it must not return for anything else
      ++done;
    });
    eventually_under(m, [&] { return waiting == 8; });
    CHECK(done == 0);
    std::unique_lock held(m, std::defer_lock);
    if (locked) held.lock();
    changed.notify_all();
    if (locked) {
      CHECK(done == 0);
      held.unlock();
    }
    waiters.join();
    CHECK(done == 8);
  }
}

TEST_CASE("waiting without the lock held is a usage_error, and harms neither") {
  spool::condition changed;
  const auto refuses = [&](auto& guard) {
    CHECK_THROWS_AS(changed.wait(guard), spool::usage_error);
    CHECK_THROWS_AS(changed.wait(guard, [] { return true; }), spool::usage_error);
    CHECK_THROWS_AS(changed.wait_for(guard, 1h), spool::usage_error);
    CHECK_THROWS_AS(changed.wait_for(guard, 1h, [] { return true; }), spool::usage_error);
    CHECK_THROWS_AS(changed.wait_until(guard, steady::now() + 1h), spool::usage_error);
    CHECK_THROWS_AS(changed.wait_until(guard, steady::now() + 1h, [] { return true; }), spool::usage_error);
    CHECK_THROWS_AS(changed.wait(guard, std::stop_token(), [] { return true; }), spool::usage_error);
  };
  spool::mutex m;
  refuses(m);
  std::unique_lock unlocked(m, std::defer_lock);
  refuses(unlocked);
  m.lock();  // by hand: the guard owns nothing all the same
  refuses(unlocked);
  m.unlock();
  std::unique_lock<spool::mutex> empty;
  refuses(empty);
  std::mutex standard;
  std::unique_lock of_standard(standard, std::defer_lock);
  refuses(of_standard);
  spool::recursive_mutex r;
  refuses(r);
  std::atomic<bool> holds{false};
  std::atomic<bool> enough{false};
  crew owner;
  owner.start([&] {
    const std::lock_guard held(r);
    holds = true;
    eventually([&] { return enough.load(); });
  });
  eventually([&] { return holds.load(); });
  refuses(r);  // somebody holds it, but not the caller
  enough = true;
  owner.join();

  changed.notify_all();
  unlocked.lock();
  CHECK_FALSE(changed.wait_for(unlocked, 1ms));
}

TEST_CASE("zero, negative and passed deadlines let the lock go for a moment") {
  spool::mutex m;
  spool::condition changed;
  std::unique_lock held(m);
  CHECK_FALSE(changed.wait_for(held, 0s));
  CHECK_FALSE(changed.wait_for(held, -1h));
  CHECK_FALSE(changed.wait_for(held, std::chrono::hours::min()));
  CHECK_FALSE(changed.wait_until(held, steady::time_point::min()));
  CHECK_FALSE(changed.wait_until(held, std::chrono::system_clock::now()));
  int calls = 0;
  CHECK_FALSE(changed.wait_for(held, 0s, [&] { return ++calls > 2; }));
  CHECK(changed.wait_for(held, 0s, [&] { return ++calls > 2; }));
  CHECK(changed.wait_until(held, steady::time_point::min(), [] { return true; }));

  // Who polls lets others in.
  bool done = false;
  crew other;
  other.start([&] {
    const std::lock_guard inner(m);
    done = true;
  });
  while (!done) changed.wait_for(held, 0s);
  held.unlock();
  other.join();
  CHECK(done);
}

TEST_CASE("no timed wait gives up early") {
  spool::mutex m;
  spool::condition changed;
  std::unique_lock held(m);
  for (const auto d : {1us, 100us, 3'000us, 20'000us}) {
    auto began = steady::now();
    CHECK_FALSE(changed.wait_for(held, d));
    CHECK(steady::now() - began >= d);
    began = steady::now();
    CHECK_FALSE(changed.wait_for(held, d, [] { return false; }));
    CHECK(steady::now() - began >= d);
    CHECK_FALSE(changed.wait_until(held, steady::now() + d));
    const auto of_system = std::chrono::system_clock::now() + d;
    CHECK_FALSE(changed.wait_until(held, of_system, [] { return false; }));
    CHECK(std::chrono::system_clock::now() >= of_system);
    CHECK(held.owns_lock());
  }
}

TEST_CASE("the largest durations and time points wait for ever") {
  spool::mutex m;
  spool::condition changed;
  const auto waits = [&](auto wait_it) {
    bool waiting = false;
    bool notified = false;
    crew waiter;
    waiter.start([&] {
      std::unique_lock held(m);
      waiting = true;
      notified = wait_it(held);
    });
    eventually_under(m, [&] { return waiting; });
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    changed.notify_one();
    waiter.join();
    CHECK(notified);
  };
  waits([&](auto& held) { return changed.wait_for(held, std::chrono::nanoseconds::max()); });
  waits([&](auto& held) { return changed.wait_for(held, std::chrono::hours::max()); });
  waits([&](auto& held) {
    return changed.wait_for(held, std::chrono::duration<double>(std::numeric_limits<double>::infinity()));
  });
  waits([&](auto& held) { return changed.wait_until(held, steady::time_point::max()); });
  waits([&](auto& held) { return changed.wait_until(held, std::chrono::system_clock::time_point::max()); });
}

TEST_CASE("a wait with a predicate has one deadline in all, and returns its last value") {
  spool::mutex m;
  spool::condition changed;
  std::atomic<bool> over{false};
  crew nagger;
  nagger.start([&] {
    while (!over.load()) {
      changed.notify_all();
      std::this_thread::yield();
    }
  });
  std::unique_lock held(m);
  const auto began = steady::now();
  CHECK_FALSE(changed.wait_for(held, 10ms, [] { return false; }));  // returns at all, though notified all the time
  CHECK(steady::now() - began >= 10ms);
  int calls = 0;
  CHECK(changed.wait_for(held, 1h, [&] { return ++calls == 5; }));
  CHECK(calls == 5);
  over = true;
  held.unlock();
  nagger.join();
}

TEST_CASE("a notification that races with deadlines and stop requests ends just one wait") {
  // One waits without a deadline, so every notification finds somebody; others come and go. The next one is sent when
  // the last has been counted: one that is lost hangs, one that ends two waits shows in the count.
  constexpr long enough = 3'000;
  spool::mutex m;
  spool::condition changed;
  long sent = 0;  // all guarded by m
  long taken = 0;
  bool patient = false;  // the one without a deadline is in the row
  bool over = false;
  std::atomic<long> gave_up{0};

  std::mutex source_lock;
  std::stop_source source = new_source();  // the present one, guarded by source_lock
  std::atomic<bool> stopper_over{false};
  crew stopper;
  stopper.start([&] {
    while (!stopper_over.load()) {
      std::stop_source mine{std::nostopstate};
      {
        const std::lock_guard held(source_lock);
        mine = source;
      }
      mine.request_stop();
      std::this_thread::yield();
    }
  });

  crew waiters;
  waiters.start([&] {
    std::unique_lock held(m);
    while (!over) {
      patient = true;
      changed.wait(held);
      patient = false;
      ++taken;
    }
  });
  for (unsigned seed = 1; seed <= 2; ++seed) {
    waiters.start([&, seed] {
      std::minstd_rand random(seed);
      std::unique_lock held(m);
      while (!over) {
        if (changed.wait_for(held, std::chrono::microseconds(random() % 100))) {
          ++taken;
        } else {
          ++gave_up;
        }
      }
    });
  }
  waiters.start([&] {
    std::unique_lock held(m);
    while (!over) {
      std::stop_token stop;
      {
        const std::lock_guard inner(source_lock);
        source = new_source();
        stop = source.get_token();
      }
      long calls = 0;
      changed.wait(held, stop, [&] {
        ++calls;
        return over;
      });
      // Asked at the start, after every notification, and at the stop; or never more than once if it came too late.
      if (calls > 2) {
        taken += calls - 2;
      } else {
        ++gave_up;
      }
    }
  });

  while (sent < enough || gave_up < enough / 10) {
    eventually_under(m, [&] {
      if (!patient || taken != sent) return false;
      ++sent;
      return true;
    });
    changed.notify_one();
  }
  long counted = 0;
  eventually_under(m, [&] {
    counted = taken;
    over = taken >= sent;
    return over;
  });
  CHECK(counted == sent);
  changed.notify_all();
  waiters.join();
  stopper_over = true;
  stopper.join();
}

TEST_CASE("no notification is lost between a waiter's last look and its sleep") {
  spool::mutex m;
  spool::condition changed;
  bool ready = false;  // guarded by m
  const std::stop_source source = new_source();
  const auto notify = [&] {
    {
      const std::lock_guard held(m);
      ready = true;
    }
    changed.notify_one();
  };
  const auto with = [&](int rounds, auto wait_it) {
    each_release_wakes(
        rounds,
        [&] {
          std::unique_lock held(m);
          wait_it(held);
          ready = false;
        },
        notify);
  };
  with(10'000, [&](auto& held) { changed.wait(held, [&] { return ready; }); });
  with(5'000, [&](auto& held) { changed.wait_for(held, 1h, [&] { return ready; }); });
  with(5'000, [&](auto& held) { changed.wait(held, source.get_token(), [&] { return ready; }); });
  CHECK_FALSE(ready);
}

TEST_CASE("a notification is not lost in a waiter whose time is up just then") {
  // The impatient one is the oldest. If it says that it was not notified, the one notification belongs to the other.
  constexpr int rounds = 3'000;
  spool::mutex m;
  spool::condition changed;
  std::atomic<steady::time_point> until{};
  std::atomic<int> round{0};
  int in_row = 0;  // both this round, guarded by m
  std::atomic<int> impatient_ended{0};
  std::atomic<bool> notified{false};
  std::atomic<int> patient_ended{0};
  crew waiters;
  waiters.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return round == r; });
      std::unique_lock held(m);
      const auto mine = steady::now() + 60us;
      until = mine;
      in_row = 1;
      notified = changed.wait_until(held, mine);
      impatient_ended = r;
    }
  });
  waiters.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return round == r; });
      eventually_under(m, [&] { return in_row == 1; });
      std::unique_lock held(m);
      in_row = 2;
      changed.wait(held);
      patient_ended = r;
    }
  });
  std::minstd_rand random(4);
  for (int r = 1; r <= rounds; ++r) {
    in_row = 0;
    round = r;
    eventually_under(m, [&] { return in_row == 2; });
    const auto about = std::chrono::microseconds(static_cast<int>(random() % 120) - 5);  // its sleep may run over
    while (steady::now() < until.load() + about) {
    }
    changed.notify_one();
    eventually([&] { return impatient_ended == r; });
    if (notified) changed.notify_one();
    eventually([&] { return patient_ended == r; });
  }
  waiters.join();
  std::unique_lock held(m);
  CHECK_FALSE(changed.wait_for(held, 1ms));
}

TEST_CASE("a stop request ends the wait that has its token, and no other") {
  spool::mutex m;
  spool::condition changed;
  int waiting = 0;
  int ended = 0;
  std::stop_source first = new_source();
  std::stop_source second = new_source();
  bool results[2] = {true, true};
  crew waiters;
  for (int i = 0; i < 2; ++i) {
    waiters.start([&, i] {
      std::unique_lock held(m);
      ++waiting;
      results[i] = changed.wait(held, (i == 0 ? first : second).get_token(), [] { return false; });
      if (!held.owns_lock()) results[i] = true;
      ++ended;
    });
  }
  eventually_under(m, [&] { return waiting == 2; });
  second.request_stop();
  eventually_under(m, [&] { return ended == 1; });
  CHECK_FALSE(results[1]);
  first.request_stop();
  waiters.join();
  CHECK(ended == 2);
  CHECK_FALSE(results[0]);
}

TEST_CASE("a stop request that came before asks the predicate once and does not wait") {
  spool::mutex m;
  spool::condition changed;
  std::stop_source source = new_source();
  source.request_stop();
  std::unique_lock held(m);
  int calls = 0;
  CHECK_FALSE(changed.wait(held, source.get_token(), [&] { return ++calls > 1; }));
  CHECK(calls == 1);
  CHECK(changed.wait(held, source.get_token(), [] { return true; }));
  CHECK(held.owns_lock());
  // A token that cannot be stopped is a plain wait.
  CHECK(changed.wait(held, std::stop_token(), [&] { return ++calls > 1; }));
}

TEST_CASE("the predicate itself may request the stop, and a stop with the lock held does not hang") {
  spool::mutex m;
  spool::condition changed;
  std::stop_source source = new_source();
  std::unique_lock held(m);
  int calls = 0;
  CHECK_FALSE(changed.wait(held, source.get_token(), [&] {
    ++calls;
    source.request_stop();
    return false;
  }));
  CHECK(calls >= 1);
  held.unlock();

  for (int round = 0; round < 200; ++round) {
    std::stop_source next = new_source();
    bool waiting = false;
    bool result = true;
    crew waiter;
    waiter.start([&] {
      std::unique_lock inner(m);
      waiting = true;
      result = changed.wait(inner, next.get_token(), [] { return false; });
    });
    eventually([&] {
      const std::lock_guard inner(m);
      if (waiting) next.request_stop();
      return waiting;
    });
    waiter.join();
    CHECK_FALSE(result);
  }
}

TEST_CASE("a stop request that races with the beginning of the wait is not missed") {
  spool::mutex m;
  spool::condition changed;
  std::atomic<int> round{0};
  std::atomic<int> stopped{0};
  constexpr int rounds = 3'000;
  std::vector<std::stop_source> sources(rounds);
  crew stopper;
  stopper.start([&] {
    for (int i = 0; i < rounds; ++i) {
      eventually([&] { return round.load() > i; });
      for (int k = 0; k < i % 200; ++k) std::atomic_signal_fence(std::memory_order_seq_cst);
      sources[static_cast<std::size_t>(i)].request_stop();
    }
  });
  std::unique_lock held(m);
  for (int i = 0; i < rounds; ++i) {
    round = i + 1;
    if (!changed.wait(held, sources[static_cast<std::size_t>(i)].get_token(), [] { return false; })) ++stopped;
  }
  held.unlock();
  stopper.join();
  CHECK(stopped == rounds);
}

TEST_CASE("a recursive_mutex held k deep is let go whole, and held k deep again afterwards") {
  spool::recursive_mutex m;
  spool::condition changed;
  const auto with = [&](unsigned depth, auto wait_it) {
    bool inside = false;
    for (unsigned i = 0; i < depth; ++i) m.lock();
    crew other;
    other.start([&] {
      const std::lock_guard held(m);
      inside = true;
      changed.notify_all();
    });
    wait_it(inside);
    CHECK(inside);
    bool got = false;
    for (unsigned i = 0; i < depth; ++i) {
      CHECK(m.locked());
      crew intruder;
      intruder.start([&] { got = got || m.try_lock(); });
      intruder.join();
      m.unlock();
    }
    CHECK_FALSE(got);
    CHECK_FALSE(m.locked());
    CHECK_THROWS_AS(m.unlock(), spool::usage_error);
    other.join();
  };
  for (const unsigned depth : {1u, 2u, 7u}) {
    with(depth, [&](bool& inside) { changed.wait(m, [&] { return inside; }); });
    with(depth, [&](bool& inside) {
      std::unique_lock held(m);
      changed.wait(held, [&] { return inside; });
    });
    with(depth, [&](bool& inside) {
      while (!inside) changed.wait_for(m, std::chrono::microseconds(10));
    });
    with(depth, [&](bool& inside) { changed.wait(m, new_source().get_token(), [&] { return inside; }); });
  }
}

TEST_CASE("a throwing predicate leaves the lock held and no waiter behind") {
  struct failure {};
  spool::mutex m;
  spool::condition changed;
  int calls = 0;
  const auto second_throws = [&] {
    if (++calls % 2 == 0) throw failure();
    return false;
  };
  std::atomic<bool> over{false};
  crew notifier;
  notifier.start([&] {
    while (!over.load()) {
      changed.notify_all();
      std::this_thread::yield();
    }
  });
  {
    std::unique_lock held(m);
    CHECK_THROWS_AS(changed.wait(held, second_throws), failure);
    CHECK(held.owns_lock());
    CHECK(m.locked());
    CHECK_THROWS_AS(changed.wait_for(held, 1h, second_throws), failure);
    CHECK(m.locked());
    CHECK_THROWS_AS(changed.wait(held, new_source().get_token(), second_throws), failure);
    CHECK(m.locked());
  }
  CHECK_FALSE(m.locked());
  over = true;
  notifier.join();

  // One left behind would be the oldest, and swallow this.
  bool waiting = false;
  crew waiter;
  waiter.start([&] {
    std::unique_lock held(m);
    waiting = true;
    changed.wait(held);
  });
  eventually_under(m, [&] { return waiting; });
  changed.notify_one();
  waiter.join();
  CHECK(waiting);
}

TEST_CASE("an unlock that throws leaves no waiter behind, and passes on what was meant for it") {
  struct failure {};
  struct stubborn {
    spool::condition* notified = nullptr;  // before it throws
    void lock() {}
    void unlock() {
      if (notified != nullptr) notified->notify_one();
      throw failure();
    }
  };
  spool::mutex m;
  spool::condition changed;
  stubborn first;
  CHECK_THROWS_AS(changed.wait(first), failure);
  CHECK_THROWS_AS(changed.wait_for(first, 1h), failure);

  bool waiting = false;
  crew waiter;
  stubborn oldest{&changed};
  struct {
    stubborn& inner;
    crew& waiter;
    spool::mutex& m;
    spool::condition& changed;
    bool& waiting;
    void lock() {}
    void unlock() {  // comes after it joined the row: the waiter below is younger, and the notification not for it
      waiter.start([this] {
        std::unique_lock held(m);
        waiting = true;
        changed.wait(held);
      });
      eventually_under(m, [this] { return waiting; });
      inner.unlock();
    }
  } guard{oldest, waiter, m, changed, waiting};
  CHECK_THROWS_AS(changed.wait(guard), failure);
  waiter.join();
  CHECK(waiting);
}

TEST_CASE("several conditions share a mutex: a buffer for one item, many on both sides") {
  constexpr int each = 2'000;
  constexpr std::size_t sides = 4;
  spool::mutex m;
  spool::condition not_full;
  spool::condition not_empty;
  std::optional<int> buffer;  // guarded by m
  std::vector<long> sums(sides);
  crew::run(2 * sides, [&](std::size_t i) {
    for (int k = 1; k <= each; ++k) {
      std::unique_lock held(m);
      if (i < sides) {
        not_full.wait(held, [&] { return !buffer.has_value(); });
        buffer = k;
        not_empty.notify_one();
      } else {
        not_empty.wait(held, [&] { return buffer.has_value(); });
        sums[i - sides] += *buffer;
        buffer.reset();
        not_full.notify_one();
      }
    }
  });
  CHECK_FALSE(buffer.has_value());
  long sum = 0;
  for (const long s : sums) sum += s;
  CHECK(sum == static_cast<long>(sides) * each * (each + 1) / 2);
}

TEST_CASE("64 threads hand a token around") {
  constexpr std::size_t threads = 64;
  constexpr std::size_t laps = 20;
  spool::mutex m;
  std::deque<spool::condition> turns(threads);
  std::size_t step = 0;
  crew::run(threads, [&](std::size_t i) {
    for (std::size_t lap = 0; lap < laps; ++lap) {
      std::unique_lock held(m);
      turns[i].wait(held, [&] { return step % threads == i; });
      ++step;
      turns[step % threads].notify_one();
    }
  });
  CHECK(step == threads * laps);
}

TEST_CASE("it may be destroyed when the last wait has returned, while the notify is still returning") {
  struct shared {
    spool::mutex m{};
    spool::condition changed{};
    bool ready = false;
  };
  const auto make = [] { return shared(); };
  const auto seen = destroyed_right_after_release(
      100'000, make,
      [](shared& s) {
        const std::lock_guard held(s.m);
        s.ready = true;
        s.changed.notify_all();
      },
      [](shared& s) {
        on_overwritten_stack([&s] {
          std::unique_lock held(s.m);
          s.changed.wait(held, [&s] { return s.ready; });
        });
      });
  CHECK(seen.early == 0);
  CHECK(seen.late == 0);

  struct without_lock {
    spool::mutex m{};
    spool::condition changed{};
    std::atomic<bool> locked{false};
  };
  const auto after_the_lock = destroyed_right_after_release(
      50'000, [] { return without_lock(); },
      [](without_lock& s) {
        eventually([&s] { return s.locked.load(); });
        s.m.lock();  // so the waiter is in the row
        s.m.unlock();
        s.changed.notify_one();
      },
      [](without_lock& s) {
        on_overwritten_stack([&s] {
          std::unique_lock held(s.m);
          s.locked = true;
          s.changed.wait(held);
        });
      });
  CHECK(after_the_lock.early == 0);
  CHECK(after_the_lock.late == 0);
}

TEST_CASE("it may be destroyed when all waiters have been notified, before they have the lock again") {
  alignas(spool::condition) static unsigned char memory[sizeof(spool::condition)];
  spool::mutex m;
  for (int round = 0; round < 500; ++round) {
    auto* const changed = ::new (static_cast<void*>(memory)) spool::condition;
    std::stop_source source = new_source();
    int waiting = 0;  // guarded by m
    bool notified = false;
    int released = 0;
    crew waiters(4, [&](std::size_t i) {
      std::unique_lock held(m);
      ++waiting;
      bool result = true;
      switch (i) {
        case 0:
          changed->wait(held);
          break;
        case 1:
          changed->wait(held, [&] { return notified; });
          break;
        case 2:
          result = changed->wait(held, source.get_token(), [&] { return notified; });
          break;
        default:
          result = changed->wait_for(held, 1h);
          break;
      }
      if (result) ++released;
    });
    eventually([&] {
      const std::lock_guard held(m);
      if (waiting < 4) return false;
      notified = true;
      changed->notify_all();
      changed->~condition();
      for (volatile unsigned char& byte : memory) byte = 0xa5;
      source.request_stop();  // too late for it
      return true;
    });
    waiters.join();
    CHECK(released == 4);
    CHECK(std::all_of(std::begin(memory), std::end(memory), [](unsigned char byte) { return byte == 0xa5; }));
  }
}

TEST_CASE("it may be destroyed when all waiters have been notified, though some of them gave up just then") {
  alignas(spool::condition) static unsigned char memory[sizeof(spool::condition)];
  constexpr int rounds = 3'000;
  spool::mutex m;
  std::vector<std::stop_source> sources(rounds + 1);
  std::atomic<int> round{0};
  std::atomic<int> stop_now{0};
  std::atomic<int> ended{0};
  spool::condition* changed = nullptr;  // guarded by m, as the rest
  int waiting = 0;
  steady::time_point until;
  crew threads;
  for (int who = 0; who < 2; ++who) {
    threads.start([&, who] {
      for (int r = 1; r <= rounds; ++r) {
        eventually([&] { return round == r; });
        std::unique_lock held(m);
        spool::condition& mine = *changed;
        ++waiting;
        if (who == 0) {
          until = steady::now() + 150us;
          mine.wait_until(held, until);
        } else {
          bool asked = false;  // not again once it was notified: the condition is gone then
          mine.wait(held, sources[static_cast<std::size_t>(r)].get_token(), [&] { return std::exchange(asked, true); });
        }
        ++ended;
      }
    });
  }
  threads.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      eventually([&] { return stop_now >= r; });
      sources[static_cast<std::size_t>(r)].request_stop();
    }
  });
  std::minstd_rand random(6);
  int late = 0;
  for (int r = 1; r <= rounds; ++r) {
    {
      const std::lock_guard held(m);
      changed = ::new (static_cast<void*>(memory)) spool::condition;
      waiting = 0;
    }
    round = r;
    eventually_under(m, [&] { return waiting == 2; });
    {
      const std::lock_guard held(m);
      const auto about = std::chrono::microseconds(static_cast<int>(random() % 200) - 5);  // its sleep may run over
      while (steady::now() < until + about) {
      }
      stop_now = r;
      for (auto steps = random() % 8'000; steps > 0; --steps) std::atomic_signal_fence(std::memory_order_seq_cst);
      changed->notify_all();
      changed->~condition();
      for (volatile unsigned char& byte : memory) byte = 0xa5;
    }
    eventually([&] { return ended == 2 * r; });
    if (!std::all_of(std::begin(memory), std::end(memory), [](unsigned char byte) { return byte == 0xa5; })) ++late;
  }
  threads.join();
  CHECK(late == 0);
}
