// tests/unlocked_calls_test.cpp · the user's code runs with no lock of the library held
// SPDX-License-Identifier: MIT
//
// Each test has another thread use the same object while the user's code runs, and waits for that thread. A lock that is
// held meanwhile would keep the two waiting for each other: the test hangs, and is ended by the test runner's timeout.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <spool/condition.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/mutex.hpp>
#include <spool/queue.hpp>
#include <spool/semaphore.hpp>
#include <spool/thread.hpp>
#include <spool/thread_pool.hpp>
#include <spool/timer.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::thread_pool;

namespace {

/// Runs f in another thread, and waits for its end.
template <class F>
void elsewhere(F&& f) {
  std::thread other([&f] { f(); });
  other.join();
}

/// Has something done by another thread whenever it is moved, and at its end.
class meddler {
public:
  explicit meddler(std::function<void()> f) : does_(std::move(f)) {}
  meddler(const meddler& other) : does_(other.does_) { elsewhere(does_); }
  meddler& operator=(const meddler&) = delete;
  ~meddler() { elsewhere(does_); }

private:
  std::function<void()> does_;
};

/// A callable or an item whose end has something done by another thread.
std::shared_ptr<void> at_end(std::function<void()> f) {
  return std::shared_ptr<void>(nullptr, [f = std::move(f)](void*) { elsewhere(f); });
}

/// A clock whose now() has something done by another thread.
struct meddling_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<meddling_clock>;
  [[maybe_unused]] static constexpr bool is_steady = true;
  static inline std::function<void()> does;
  static time_point now() {
    if (does) elsewhere(std::exchange(does, nullptr));
    return time_point(std::chrono::steady_clock::now().time_since_epoch());
  }
  static time_point soon() { return time_point(std::chrono::steady_clock::now().time_since_epoch()) + 1ms; }
};

/// A range whose iterator uses a queue, in another thread, at every step and look.
struct meddling_iterator {
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  spool::queue<int>* queue;
  int at;
  int operator*() const {
    elsewhere([this] { static_cast<void>(queue->try_get()); });
    return at;
  }
  meddling_iterator& operator++() {
    elsewhere([this] { static_cast<void>(queue->try_get()); });
    ++at;
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(const meddling_iterator& other) const { return at == other.at; }
};
struct meddling_range {
  spool::queue<int>* queue;
  meddling_iterator begin() const { return {queue, 0}; }
  meddling_iterator end() const { return {queue, 3}; }
};

}  // namespace

// ── queues ──

namespace {

/// An item whose moves, once armed, and whose end use its queue in another thread.
struct item {
  item(int k, std::function<void()> f) : key(k), does(std::move(f)) {}
  item(item&& other) noexcept : key(other.key), does(std::exchange(other.does, nullptr)) {
    if (does && armed) elsewhere(does);
  }
  item& operator=(item&& other) noexcept {
    key = other.key;
    does = std::exchange(other.does, nullptr);
    if (does && armed) elsewhere(does);
    return *this;
  }
  ~item() {
    if (does) elsewhere(does);
  }
  bool operator<(const item& other) const { return key < other.key; }

  int key;
  std::function<void()> does;
  static inline std::atomic<bool> armed{false};
};

template <class Queue>
void check_items() {
  Queue q;
  std::atomic<int> uses{0};
  const auto use = [&] {
    ++uses;
    try {
      static_cast<void>(q.try_put(item(9, nullptr)));
      static_cast<void>(q.try_get());
    } catch (spool::queue_shutdown_error const&) {
    }
  };
  const auto put = [&](int n) {
    for (int i = 0; i < n; ++i) q.emplace(i, use);
    item::armed = true;
  };
  put(2);
  static_cast<void>(q.get());
  static_cast<void>(q.try_get());
  item::armed = false;
  put(2);
  static_cast<void>(q.get_for(1ms));
  std::vector<item> got;
  static_cast<void>(q.try_get());
  item::armed = false;
  put(3);
  q.get_many(std::back_inserter(got), 2);
  got.clear();
  item::armed = false;
  put(1);
  q.shutdown(true);
  item::armed = false;
  CHECK(uses > 3);
}

}  // namespace

TEST_CASE(
    "items that cannot fail to move are moved out, and all items are destroyed, with no lock of their queue held") {
  check_items<spool::queue<item>>();
  check_items<spool::lifo_queue<item>>();
  check_items<spool::priority_queue<item>>();
}

TEST_CASE("a queue asks a clock, and steps through a range that is put, with no lock held") {
  spool::queue<int> q(1);
  bool asked = false;
  meddling_clock::does = [&] { asked = !q.try_get().has_value(); };
  CHECK_FALSE(q.get_until(meddling_clock::soon()));
  CHECK(asked);
  q.put(1);
  meddling_clock::does = [&] { asked = !q.try_put(2); };
  asked = false;
  CHECK_FALSE(q.put_until(2, meddling_clock::soon()));
  CHECK(asked);
  static_cast<void>(q.get());

  q.put_many(meddling_range{&q});
  CHECK(q.empty());
}

// ── timers ──

TEST_CASE("a timer's callable is moved and destroyed with no lock of the timers held, however it comes to its end") {
  spool::timer other(1h, [] {});
  other.start();
  std::atomic<int> uses{0};
  const auto use = [&] {
    ++uses;
    CHECK(other.is_alive());
    spool::timer another(1h, [] {});
    another.start();
    another.cancel();
  };
  const auto call = [&] { return [m = meddler(use)](auto&&...) {}; };
  {
    spool::timer t(1h, call());
    t.start();
    CHECK(t.cancel());
  }
  CHECK(uses >= 1);
  {
    spool::timer t(1h, call());
    CHECK(t.cancel());
  }
  {
    spool::timer t(0s, call());
    t.start();
    t.join();
  }
  {
    spool::timer t(1h, call());
    t.start();
  }
  {
    std::atomic<bool> ran{false};
    spool::periodic_timer t(1ms, [m = meddler(use), &ran](auto&&...) {
      ran = true;
      ran.notify_one();
    });
    t.start();
    ran.wait(false);
    CHECK(t.cancel());
    t.join();
  }
  CHECK(uses >= 5);
}

// ── futures ──

TEST_CASE("callbacks run, and they, continuations and results are destroyed, with no lock of their future held") {
  std::atomic<int> uses{0};
  spool::promise<std::shared_ptr<void>> p;
  {
    const future<std::shared_ptr<void>> f = p.get_future();
    const auto use = [&uses, f] {
      ++uses;
      f.add_done_callback([](auto&&) {});
      static_cast<void>(f.then([](auto&&) {}).cancel());
      static_cast<void>(f.wait_for(0s));
    };
    f.add_done_callback([kept = at_end(use), use](auto&&) { elsewhere(use); });
    const auto cancelled = f.then([kept = at_end(use)](auto&&) {});
    CHECK(cancelled.cancel());
    const auto next = f.then([kept = at_end(use)](auto&&) { return 1; });
    p.set_value(nullptr);
    CHECK(next.result() == 1);
  }
  CHECK(uses == 4);
}

// ── pools ──

TEST_CASE("what a pool drops, runs or cancels is destroyed with no lock of the pool held") {
  std::atomic<int> uses{0};
  gate go;
  thread_pool pool(2);
  const auto use = [&] {
    ++uses;
    static_cast<void>(pool.pending());
    static_cast<void>(pool.wait_idle_for(0s));
    try {
      pool.post([] {});
    } catch (spool::pool_shutdown_error const&) {
    }
  };
  pool.submit([kept = at_end(use)] {}).wait();
  pool.post([kept = at_end(use)] {});
  pool.wait_idle();
  CHECK(uses == 2);
  for (int i = 0; i < 2; ++i) pool.post([&go] { go.wait(); });
  const auto cancelled = pool.submit([kept = at_end(use)] {});
  CHECK(cancelled.cancel());
  CHECK(uses == 3);
  const auto waiting = pool.submit([kept = at_end(use)] {});
  pool.post([kept = at_end(use)] {});
  const auto continued = waiting.then(pool, [kept = at_end(use)] {});
  pool.shutdown({.wait = false, .cancel_pending = true});
  CHECK(uses == 6);
  CHECK(continued.cancelled());
  go.open();
}

TEST_CASE("elements, results and exceptions of a map or a loop are destroyed with no lock held") {
  std::atomic<int> uses{0};
  thread_pool pool(2);
  const auto use = [&] {
    ++uses;
    static_cast<void>(pool.pending());
    pool.submit([] {}).wait();
  };
  {
    std::vector<std::shared_ptr<void>> inputs;
    for (int i = 0; i < 3; ++i) inputs.push_back(at_end(use));
    for (auto&& x : pool.map([](std::shared_ptr<void> x) { return x; }, std::move(inputs))) static_cast<void>(x);
  }
  CHECK(uses == 3);

  struct failure {
    std::shared_ptr<void> kept;
  };
  std::atomic<int> failures{0};
  std::vector<int> elements(2);
  try {
    pool.for_each(elements, [&](int) {
      ++failures;
      for (int i = 0; i < 1'000 && failures < 2; ++i) std::this_thread::yield();
      throw failure{at_end(use)};
    });
  } catch (failure const&) {
  }
  CHECK(uses == 3 + failures);
}

// ── the rest ──

TEST_CASE("a thread's callable and an excepthook's handler are destroyed with no lock held") {
  std::atomic<int> uses{0};
  const auto use = [&] {
    ++uses;
    static_cast<void>(spool::enumerate());
    static_cast<void>(spool::current_thread().name);
    spool::set_excepthook(spool::set_excepthook(nullptr));
  };
  {
    spool::thread t([kept = at_end(use)] {});
    t.start();
    t.join();
    spool::thread unstarted([kept = at_end(use)] {});
  }
  CHECK(uses == 2);
  const auto before =
      spool::set_excepthook([kept = at_end(use)](spool::thread_info const&, std::exception_ptr const&) {});
  spool::set_excepthook(nullptr);
  CHECK(uses == 3);
  {
    spool::set_excepthook([use](spool::thread_info const&, std::exception_ptr const&) { elsewhere(use); });
    spool::thread fails([] { throw std::runtime_error("for the hook"); });
    fails.start();
    fails.join();
  }
  CHECK(uses == 4);
  spool::set_excepthook(before);
}

TEST_CASE("a condition unlocks, locks and asks the predicate with no lock of its own held") {
  spool::condition c;
  std::atomic<int> uses{0};
  const auto use = [&] {
    ++uses;
    c.notify_one();
    std::mutex m;
    std::unique_lock held(m);
    static_cast<void>(c.wait_for(held, 0s));
  };
  struct lockable {
    std::function<void()> does;
    std::mutex m;
    void lock() {
      elsewhere(does);
      m.lock();
    }
    void unlock() {
      m.unlock();
      elsewhere(does);
    }
  };
  lockable mine{use, {}};
  mine.lock();
  static_cast<void>(c.wait_for(mine, 1ms));
  static_cast<void>(c.wait_for(mine, 1ms, [&] { return elsewhere(use), false; }));
  mine.unlock();
  CHECK(uses > 5);
}

TEST_CASE("the timed waits of locks and semaphores ask a clock with no lock held") {
  spool::semaphore s(0);
  spool::mutex m;
  int asked = 0;
  meddling_clock::does = [&] { ++asked, s.release(), static_cast<void>(s.try_acquire()); };
  CHECK_FALSE(s.try_acquire_until(meddling_clock::soon()));
  m.lock();
  meddling_clock::does = [&] { ++asked, static_cast<void>(m.try_lock_for(0s)); };
  elsewhere([&] { CHECK_FALSE(m.try_lock_until(meddling_clock::soon())); });
  m.unlock();
  CHECK(asked == 2);
}
