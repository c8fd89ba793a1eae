// tests/forced_unwind_test.cpp · pthread_exit() in what the library calls elsewhere than at the bottom of a thread
// SPDX-License-Identifier: MIT
//
// In a thread of the caller's own it ends the thread as it ends a std::thread's: the stack is unwound, and what the library
// had begun is in order before. In a pool's thread whoever asks for the result is told.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/reports.hpp"

#if defined(__linux__)
#include <pthread.h>

namespace {

[[noreturn]] void end_this_thread() { pthread_exit(nullptr); }

/// Calls f in a new std::thread, which f is to end.
template <class F>
void in_a_thread_that_ends(F&& f) {
  std::atomic<bool> unwound{false};
  bool returned = false;
  std::thread([&] {
    const sets_at_end on_stack{&unwound};
    f();
    returned = true;
  }).join();
  CHECK(unwound);
  CHECK_FALSE(returned);
}

/// Whether what it gives is the error that stands for a call that ended its thread.
template <class T>
bool says_that_its_thread_ended(const spool::future<T>& f) {
  try {
    f.result();
  } catch (const spool::error& e) {
    return std::string(e.what()).find("ended its thread") != std::string::npos;
  }
  return false;
}

}  // namespace

// ── callbacks ──

TEST_CASE("pthread_exit() in a callback ends the thread that sets the promise, and the other callbacks are run") {
  const reports told;
  spool::promise<int> p;
  const spool::future<int> f = p.get_future();
  std::string order;
  auto owned = std::make_shared<int>(1);
  f.add_done_callback([&](const auto&) { order += "a"; });
  f.add_done_callback([mine = owned](const auto&) { end_this_thread(); });
  f.add_done_callback([&](const auto&) { order += "b"; });
  const spool::future<void> after = f.then([&](int) { order += "c"; });
  after.add_done_callback([&](const auto&) { order += "d"; });
  in_a_thread_that_ends([&] { p.set_value(1); });
  CHECK(order == "abcd");
  CHECK(f.result() == 1);
  CHECK(after.done());
  CHECK(owned.use_count() == 1);
  CHECK(told.count() == 0);
}

TEST_CASE("pthread_exit() in a callback of what is done already ends the thread that adds it") {
  const reports told;
  const spool::future<int> f = [] {
    spool::promise<int> p;
    p.set_value(1);
    return p.get_future();
  }();
  auto owned = std::make_shared<int>(1);
  in_a_thread_that_ends([&] { f.add_done_callback([mine = owned](const auto&) { end_this_thread(); }); });
  CHECK(owned.use_count() == 1);
  CHECK(told.count() == 0);
}

TEST_CASE("pthread_exit() in a callback ends the thread that cancels") {
  const reports told;
  spool::promise<int> p;
  const spool::future<int> f = p.get_future();
  f.add_done_callback([](const auto&) { end_this_thread(); });
  in_a_thread_that_ends([&] { f.cancel(); });
  CHECK(f.cancelled());
  CHECK(told.count() == 0);
}

TEST_CASE(
    "pthread_exit() in a callback of a cancelled task ends the thread that shuts down, all tasks being cancelled") {
  const reports told;
  spool::thread_pool pool(1);
  spool::event go;
  const spool::future<void> first = pool.submit([&] { go.wait(); });
  eventually([&] { return first.running(); });
  std::vector<spool::future<void>> others;
  for (int i = 0; i < 3; ++i) others.push_back(pool.submit([] {}));
  others[1].add_done_callback([](const auto&) { end_this_thread(); });
  in_a_thread_that_ends([&] { pool.shutdown({.cancel_pending = true}); });
  for (const auto& f : others) CHECK(f.cancelled());
  go.set();
  pool.shutdown();
  CHECK(first.done());
}

TEST_CASE("pthread_exit() deep inside callbacks runs what was put off, and leaves none behind") {
  const reports told;
  constexpr int deep = 100;  // deeper than callbacks are run inside each other
  std::vector<spool::promise<int>> chain(deep);
  std::atomic<int> ran{0};
  for (int i = 0; i < deep; ++i) {
    chain[static_cast<std::size_t>(i)].get_future().add_done_callback([&, i](const auto&) {
      ++ran;
      if (i + 1 < deep) chain[static_cast<std::size_t>(i) + 1].set_value(i);
      if (i == 80) end_this_thread();
    });
  }
  in_a_thread_that_ends([&] { chain[0].set_value(0); });
  CHECK(ran == deep);
}

TEST_CASE("pthread_exit() in a callback that a pool's worker runs is told to the excepthook, and the pool goes on") {
  const reports told;
  spool::thread_pool pool(1);
  for (int i = 0; i < 3; ++i) {
    spool::event go;
    const spool::future<int> f = pool.submit([&] {
      go.wait();
      return 1;
    });
    std::atomic<bool> other{false};
    f.add_done_callback([](const auto&) { end_this_thread(); });
    f.add_done_callback([&](const auto&) { other = true; });
    go.set();
    CHECK(f.result() == 1);
    CHECK(pool.submit([] { return 2; }).result() == 2);
    pool.wait_idle();
    CHECK(other);
  }
  CHECK(told.count() == 3);
}

TEST_CASE("a thread whose callback has ended it may still complete results while it is unwound") {
  spool::promise<int> first, second;
  std::atomic<bool> ran{false};
  first.get_future().add_done_callback([](const auto&) { end_this_thread(); });
  second.get_future().add_done_callback([&](const auto&) { ran = true; });
  std::thread([&] {
    struct at_end {
      spool::promise<int>& p;
      ~at_end() { p.set_value(2); }
    } const on_stack{second};
    first.set_value(1);
  }).join();
  CHECK(ran);
}

// ── then ──

TEST_CASE("pthread_exit() in then(f) ends the thread that completes the source, and the result is an error") {
  const reports told;
  spool::promise<int> p;
  auto owned = std::make_shared<int>(1);
  const spool::future<int> f = p.get_future().then([mine = owned](int) -> int { end_this_thread(); });
  std::atomic<bool> called{false};
  f.add_done_callback([&](const auto&) { called = true; });
  const spool::future<int> after = f.then([](int n) { return n; });
  in_a_thread_that_ends([&] { p.set_value(1); });
  CHECK(says_that_its_thread_ended(f));
  CHECK(says_that_its_thread_ended(after));
  CHECK(called);
  CHECK(owned.use_count() == 1);
  CHECK(told.count() == 0);
}

TEST_CASE("pthread_exit() in then(pool, f) ends a worker, and the result is an error") {
  const reports told;
  spool::thread_pool pool(1);
  spool::promise<int> p;
  const spool::future<int> f = p.get_future().then(pool, [](int) -> int { end_this_thread(); });
  p.set_value(1);
  CHECK(says_that_its_thread_ended(f));
  CHECK(pool.submit([] { return 2; }).result() == 2);
  CHECK(told.count() == 0);
}

// ── tasks on top of tasks ──

TEST_CASE(
    "pthread_exit() in a task that another runs while it waits for it ends both with an error, and the pool goes on") {
  const reports told;
  spool::thread_pool pool(1);
  const spool::future<void> outer = pool.submit([&] { pool.submit(end_this_thread).result(); });
  CHECK(says_that_its_thread_ended(outer));
  CHECK(pool.submit([] { return 2; }).result() == 2);
  pool.wait_idle();
  CHECK(told.count() == 1);  // the inner future's, whose reader has ended
}

// ── for_each ──

TEST_CASE(
    "pthread_exit() in a body of for_each in the calling thread ends it, once all other threads have left the loop") {
  const reports told;
  spool::thread_pool pool(2);
  std::atomic<int> inside{0};
  std::atomic<bool> helped{false};
  int left_inside = -1;
  std::thread([&] {
    const std::thread::id caller = std::this_thread::get_id();
    struct at_end {
      std::atomic<int>& inside;
      int& left;
      ~at_end() { left = inside; }
    } const on_stack{inside, left_inside};
    std::vector<int> const elements(100, 1);
    pool.for_each(elements, [&](int) {
      if (std::this_thread::get_id() == caller) {
        eventually([&] { return helped.load(); });
        end_this_thread();
      }
      ++inside;
      helped = true;
      let_others_sleep();
      --inside;
    });
  }).join();
  CHECK(left_inside == 0);
  CHECK(told.count() == 0);
  pool.wait_idle();
}

TEST_CASE("pthread_exit() in a body of for_each in a worker comes out of for_each as an error") {
  const reports told;
  spool::thread_pool pool(2);
  for (int i = 0; i < 3; ++i) {
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> ended{false};
    const std::vector<int> elements(100, 1);
    CHECK_THROWS_AS(pool.for_each(elements,
                                  [&](int) {
                                    if (std::this_thread::get_id() == caller)
                                      return eventually([&] { return ended.load(); });
                                    const sets_at_end on_stack{&ended};
                                    end_this_thread();
                                  }),
                    spool::error);
  }
  pool.wait_idle();
  CHECK(told.count() == 0);
  CHECK(pool.submit([] { return 2; }).result() == 2);
}

TEST_CASE("what a worker's body throws in a for_each whose caller has ended goes to the excepthook") {
  const reports told;
  spool::thread_pool pool(2);
  std::atomic<bool> thrown{false};
  in_a_thread_that_ends([&] {
    const std::thread::id caller = std::this_thread::get_id();
    const std::vector<int> elements(100, 1);
    pool.for_each(elements, [&](int) {
      if (std::this_thread::get_id() == caller) {
        eventually([&] { return thrown.load(); });
        end_this_thread();
      }
      const sets_at_end on_stack{&thrown};
      throw std::runtime_error("of a body");
    });
  });
  CHECK(told.count() == 1);
}

// ── map ──

TEST_CASE("pthread_exit() in a call of a map is the error of its item, the others come as they are") {
  const reports told;
  spool::thread_pool pool(2);
  std::vector<int> const inputs{1, 2, 3};
  std::string got;
  auto results = pool.map(
      [](int n) -> int {
        if (n == 2) end_this_thread();
        return n;
      },
      inputs);
  for (auto it = results.begin(); it != results.end(); ++it) {
    try {
      got += std::to_string(*it);
    } catch (const spool::error&) {
      got += "x";
    }
  }
  CHECK(got == "1x3");
  CHECK(told.count() == 0);
}

TEST_CASE(
    "pthread_exit() in a call of a chunk leaves the results before it, and the chunk's other calls are not made") {
  const reports told;
  spool::thread_pool pool(1);
  std::vector<int> const inputs{1, 2, 3, 4, 5, 6};
  auto owned = std::make_shared<int>(1);
  std::string got;
  {
    auto results = pool.map(
        spool::map_options{.chunk_size = 4},
        [&](int n) -> std::string {
          if (n == 2) end_this_thread();
          return std::to_string(n);
        },
        inputs);
    for (auto it = results.begin(); it != results.end(); ++it) {
      try {
        got += *it;
      } catch (const spool::error&) {
        got += "x";
      }
    }
  }
  CHECK(got == "1xxx56");
  CHECK(told.count() == 0);
}

namespace {

/// Counts up; a step to `fatal` ends the thread.
struct fatal_counter {
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  int at;
  int fatal;
  int operator*() const { return at; }
  fatal_counter& operator++() {
    if (++at == fatal) end_this_thread();
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(const fatal_counter& other) const { return at == other.at; }
};
struct fatal_range {
  int fatal;
  fatal_counter begin() const { return {0, fatal}; }
  fatal_counter end() const { return {100, fatal}; }
};

}  // namespace

TEST_CASE(
    "pthread_exit() in a step of a map's inputs ends the thread that goes through the map, and its tasks have ended") {
  const reports told;
  spool::thread_pool pool(2);
  for (const std::size_t chunk_size : {std::size_t{1}, std::size_t{3}}) {
    std::atomic<int> running{0};
    in_a_thread_that_ends([&] {
      auto results = pool.map(
          spool::map_options{.chunk_size = chunk_size, .buffer_size = 4},
          [&](int n) {
            ++running;
            let_others_sleep();
            --running;
            return n;
          },
          fatal_range{7});
      for (auto it = results.begin(); it != results.end(); ++it) static_cast<void>(*it);
    });
    CHECK(running == 0);
  }
  in_a_thread_that_ends([&] { static_cast<void>(pool.map([](int n) { return n; }, fatal_range{7})); });
  pool.wait_idle();
  CHECK(told.count() == 0);
}

// ── barrier ──

TEST_CASE("pthread_exit() in a barrier's action breaks the barrier, and ends the thread that runs it") {
  const reports told;
  spool::barrier meet{3, end_this_thread};
  std::atomic<int> broken{0}, unwound{0}, passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      struct counts {
        std::atomic<int>& n;
        ~counts() { ++n; }
      } const on_stack{unwound};
      try {
        meet.wait();
        ++passed;
      } catch (const spool::broken_barrier_error&) {
        ++broken;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(broken == 2);
  CHECK(unwound == 3);
  CHECK(passed == 0);
  CHECK(meet.broken());
  CHECK(meet.waiting() == 0);
  meet.reset();
  CHECK_FALSE(meet.broken());
}

// ── coroutines ──

namespace {

spool::future<int> ends_its_thread_after(spool::future<void> f, std::shared_ptr<int> argument) {
  const auto local = argument;
  co_await f;
  if (argument) end_this_thread();
  co_return 1;
}
spool::future<int> ends_its_thread_in(spool::thread_pool& pool, std::shared_ptr<int> argument) {
  co_await pool.schedule();
  if (argument) end_this_thread();
  co_return 1;
}
spool::future<int> awaits(spool::future<int> f) { co_return co_await f + 1; }

}  // namespace

TEST_CASE("pthread_exit() in a coroutine ends the thread that goes on with it, and its future gets an error") {
  const reports told;
  spool::promise<void> p;
  auto owned = std::make_shared<int>(1);
  const spool::future<int> f = ends_its_thread_after(p.get_future(), owned);
  const spool::future<int> outer = awaits(f);
  in_a_thread_that_ends([&] { p.set_value(); });
  CHECK(says_that_its_thread_ended(f));
  CHECK(says_that_its_thread_ended(outer));
  CHECK(owned.use_count() == 1);
  CHECK(told.count() == 0);
}

TEST_CASE("pthread_exit() in a coroutine that goes on in a pool is the error of its future, and the pool goes on") {
  const reports told;
  spool::thread_pool pool(1);
  auto owned = std::make_shared<int>(1);
  const spool::future<int> f = ends_its_thread_in(pool, owned);
  CHECK(says_that_its_thread_ended(f));
  CHECK(owned.use_count() == 1);
  CHECK(pool.submit([] { return 2; }).result() == 2);
  pool.wait_idle();
  CHECK(told.count() == 0);
}

#if !defined(__clang__)  // which does not destroy the future of a coroutine that is left like this
namespace {
spool::future<int> ends_its_thread_at_once(std::shared_ptr<int> argument) {
  const auto local = argument;
  if (argument) end_this_thread();
  co_return 1;
}
}  // namespace

TEST_CASE("pthread_exit() in a coroutine before its first suspension ends the thread that calls it") {
  const reports told;
  auto owned = std::make_shared<int>(1);
  in_a_thread_that_ends([&] { static_cast<void>(ends_its_thread_at_once(owned)); });
  CHECK(owned.use_count() == 1);
}
#endif

// ── the excepthook ──

TEST_CASE("pthread_exit() in the excepthook ends the thread whose exception it was given, and nothing else") {
  std::atomic<int> told{0};
  spool::set_excepthook([&](const spool::thread_info&, std::exception_ptr) {
    ++told;
    end_this_thread();
  });
  {
    spool::thread t([] { throw std::runtime_error("told to a hook that ends its thread"); });
    t.start();
    t.join();
    CHECK(told == 1);

    spool::thread_pool pool(1);
    pool.post([] { throw std::runtime_error("told to a hook that ends its thread"); });
    pool.wait_idle();
    CHECK(pool.submit([] { return 2; }).result() == 2);
    CHECK(told == 2);

    spool::timer fires(std::chrono::milliseconds(1),
                       [] { throw std::runtime_error("told to a hook that ends its thread"); });
    fires.start();
    fires.join();
    CHECK(told == 3);

    spool::promise<int> p;
    p.get_future().add_done_callback(
        [](const auto&) { throw std::runtime_error("told to a hook that ends its thread"); });
    in_a_thread_that_ends([&] { p.set_value(1); });
    CHECK(told == 4);

    spool::thread_pool broken({.max_workers = 1, .initializer = [] { throw std::runtime_error("of an initializer"); }});
    CHECK_THROWS_AS(broken.submit([] {}).result(), spool::broken_pool_error);
    broken.shutdown();
    CHECK(told == 5);
  }
  spool::set_excepthook({});
}

#endif
