// tests/thread_end_test.cpp · threads that end otherwise than by returning, and what is asked at a thread's very end
// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <spool/spool.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/latch.hpp"
#include "support/process.hpp"
#include "support/reports.hpp"

#if defined(__linux__)
#include <pthread.h>
#include <unistd.h>
#endif

using namespace std::chrono_literals;

// ── exit() ──

namespace {

spool::thread& thread_to_destroy() {
  static spool::thread t;
  return t;
}
spool::thread_pool& pool_to_destroy() {
  static spool::thread_pool pool(2);
  return pool;
}

/// Ends the program by status 7, in this thread; static objects are destroyed by it.
[[noreturn]] void end_all() { std::exit(7); }

[[noreturn]] void sleep_until_then() {
  for (;;) std::this_thread::sleep_for(1h);
}

}  // namespace

TEST_CASE("child: exit() in a thread of static lifetime", "[.child]") {
  thread_to_destroy() = spool::thread(end_all);
  thread_to_destroy().start();
  sleep_until_then();
}
TEST_CASE("child: exit() in a thread of static lifetime that is being joined", "[.child]") {
  thread_to_destroy() = spool::thread(end_all);
  thread_to_destroy().start();
  thread_to_destroy().join();
}
TEST_CASE("child: exit() in a daemon of static lifetime", "[.child]") {
  thread_to_destroy() = spool::thread({.name = {}, .daemon = true}, end_all);
  thread_to_destroy().start();
  sleep_until_then();
}
TEST_CASE("child: exit() in a thread beside another of static lifetime", "[.child]") {
  thread_to_destroy() = spool::thread([](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  });
  thread_to_destroy().start();
  spool::thread t(end_all);
  t.start();
  sleep_until_then();
}
TEST_CASE("child: exit() in a task of a pool of static lifetime", "[.child]") {
  pool_to_destroy().submit(end_all).wait();
  sleep_until_then();
}
TEST_CASE("child: exit() in the callback of a timer of static lifetime", "[.child]") {
  static spool::timer t(1ms, end_all);
  static spool::timer other(1h, [] {});
  other.start();
  t.start();
  t.join();
}

TEST_CASE("exit() in any thread of spool ends the program with the status given, its own object being destroyed, too") {
  for (const std::string child : {
           "child: exit() in a thread of static lifetime",
           "child: exit() in a thread of static lifetime that is being joined",
           "child: exit() in a daemon of static lifetime",
           "child: exit() in a thread beside another of static lifetime",
           "child: exit() in a task of a pool of static lifetime",
           "child: exit() in the callback of a timer of static lifetime",
       }) {
    INFO(child);
    const ended_process ended = run_child(child);
    INFO(ended.output);
    CHECK(ended.code == 7);
  }
}

#if defined(__linux__)

// ── in the last moments of a thread: destructors of POSIX keys, which come after those of thread-locals ──

namespace {

/// Calls f in the calling thread when it ends, in that round of the destructors of POSIX keys (1 to 4).
void in_round_of_keys(int round, std::function<void()> f) {
  struct late_call {
    int rounds_left;
    std::function<void()> f;
  };
  static pthread_key_t key = [] {
    pthread_key_t made{};
    pthread_key_create(&made, [](void* value) {
      auto* const call = static_cast<late_call*>(value);
      if (--call->rounds_left > 0) {
        pthread_setspecific(key, call);
      } else {
        call->f();
        delete call;
      }
    });
    return made;
  }();
  pthread_setspecific(key, new late_call{round, std::move(f)});
}

/// The same for the first round, in a new thread that spool did not make, until that has ended.
void in_key_of_a_foreign_thread(const std::function<void()>& f) {
  std::thread([&] { in_round_of_keys(1, f); }).join();
}

}  // namespace

TEST_CASE("a thread that spool first meets in the destructor of a POSIX key is listed no more once it has ended") {
  const std::size_t before = spool::active_count();
  for (int i = 0; i < 3; ++i) {
    std::string name;
    in_key_of_a_foreign_thread([&] { name = spool::current_thread().name; });
    CHECK(name.starts_with("Dummy-"));
    CHECK(spool::active_count() == before);
  }
  in_key_of_a_foreign_thread([] { spool::queue<std::string>().put("a block of memory"); });
  CHECK(spool::active_count() == before);
}

TEST_CASE("a thread that joins itself is told so, even when its thread-locals are gone and others join it") {
  for (int round = 1; round <= 4; ++round) {
    std::string said;
    spool::thread t;
    t = spool::thread([&] {
      in_round_of_keys(round, [&] {
        try {
          t.join();
        } catch (const spool::usage_error&) {
          said = "usage_error";
        }
      });
    });
    t.start();
    t.join();  // in the end in the system's own join
    CHECK(said == "usage_error");
  }
}

// ── pthread_exit(), pthread_cancel() ──

TEST_CASE("pthread_exit() ends a thread as its return does: unwound, thread-locals and callable destroyed, joined") {
  const reports told;
  std::atomic<bool> unwound{false}, local_ended{false};
  auto owned = std::make_shared<int>(1);
  spool::thread t([&, mine = owned] {
    thread_local const sets_at_end in_thread{&local_ended};
    const sets_at_end on_stack{&unwound};
    pthread_exit(nullptr);
  });
  t.start();
  t.join();
  CHECK(unwound);
  CHECK(local_ended);
  CHECK(owned.use_count() == 1);
  CHECK_FALSE(t.is_alive());
  CHECK(spool::active_count() == 1);
  CHECK(told.count() == 0);
}

TEST_CASE("pthread_cancel() of a thread ends it as its return does") {
  const reports told;
  std::atomic<bool> unwound{false};
  std::atomic<pthread_t> handle{};
  latch runs(1);
  spool::thread t([&] {
    const sets_at_end on_stack{&unwound};
    handle = pthread_self();
    runs.count_down();
    for (;;) ::pause();
  });
  t.start();
  runs.wait();
  pthread_cancel(handle);
  t.join();
  CHECK(unwound);
  CHECK_FALSE(t.is_alive());
  CHECK(told.count() == 0);
}

TEST_CASE("pthread_exit() in a callback is told to the excepthook, its timer is over, and the others go on") {
  const reports told;
  for (int i = 0; i < 3; ++i) {
    std::atomic<bool> fired{false};
    auto owned = std::make_shared<int>(1);
    spool::timer ends_its_thread(1ms, [mine = owned] { pthread_exit(nullptr); });
    spool::timer next(2ms, [&] { fired = true; });
    ends_its_thread.start();
    next.start();
    ends_its_thread.join();
    CHECK(owned.use_count() == 1);
    next.join();
    CHECK(fired);
  }
  CHECK(told.count() == 3);
}

TEST_CASE("a periodic timer goes on after pthread_exit() in its callback") {
  const reports told;
  std::atomic<int> ticks{0};
  spool::periodic_timer t(1ms, [&] {
    if (++ticks % 2 == 1) pthread_exit(nullptr);
  });
  t.start();
  eventually([&] { return ticks >= 6; });
  t.cancel();
  t.join();
  CHECK(told.count() >= 3);
}

TEST_CASE("pthread_exit() in a task ends the thread: the future gets an error, and another takes the worker's place") {
  const reports told;
  auto owned = std::make_shared<int>(1);
  spool::thread_pool pool(1);
  for (int i = 0; i < 3; ++i) {
    spool::future<int> f = pool.submit([mine = owned]() -> int { pthread_exit(nullptr); });
    CHECK_THROWS_AS(f.result(), spool::error);
    CHECK(owned.use_count() == 1);
    CHECK(pool.submit([] { return 1; }).result() == 1);
  }
  CHECK(told.count() == 0);
  pool.post([] { pthread_exit(nullptr); });
  const spool::future<int> behind = pool.submit([] { return 2; });
  CHECK(behind.result() == 2);
  pool.wait_idle();
  CHECK(told.count() == 1);
  CHECK(pool.worker_count() <= 1);
}

TEST_CASE("a pool whose tasks end their threads becomes idle, and can be shut down") {
  const reports told;
  spool::thread_pool pool(2);
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) {
    pool.submit([&, i] {
      ++ran;
      if (i % 3 == 0) pthread_exit(nullptr);
    });
  }
  pool.wait_idle();
  CHECK(ran == 50);
  pool.submit([] { pthread_exit(nullptr); });
  pool.shutdown();
}

TEST_CASE("pthread_exit() in a pool's initializer breaks the pool") {
  const reports told;
  spool::thread_pool pool({.max_workers = 1, .initializer = [] { pthread_exit(nullptr); }});
  CHECK_THROWS_AS(pool.submit([] {}).result(), spool::broken_pool_error);
  pool.shutdown();
  CHECK(told.count() == 1);
}

#endif
