// tests/thread_pool_faults_contract_test.cpp · futures and pools when memory or threads run out, or what they hold throws
// SPDX-License-Identifier: MIT
//
// Replaces operator new and pthread_create, so that each allocation and each thread can be refused in turn.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/refused_threads.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;

// ── memory that runs out ──

namespace {

/// While it lives, the n-th allocation from now on fails, and all after it: those of this thread, or of all threads.
class no_memory {
public:
  enum scope { this_thread, all_threads };

  explicit no_memory(int n, scope of = this_thread) : of_(of) {
    if (of_ == this_thread) {
      mine() = n;
    } else {
      everyones = n;
    }
  }
  ~no_memory() {
    mine() = 0;
    everyones = 0;
  }
  no_memory(const no_memory&) = delete;
  no_memory& operator=(const no_memory&) = delete;

  static bool refuses() noexcept {
    int& left = mine();
    if (left == 1) return true;
    if (left > 1) --left;
    int all = everyones.load(std::memory_order_relaxed);
    while (all > 1 && !everyones.compare_exchange_weak(all, all - 1, std::memory_order_relaxed)) {
    }
    return all == 1;
  }

private:
  static int& mine() noexcept {
    static thread_local int left = 0;
    return left;
  }
  static inline std::atomic<int> everyones{0};
  scope of_;
};

void* allocate(std::size_t size, std::size_t alignment) {
  if (!no_memory::refuses()) {
    if (size == 0) size = 1;
    void* const memory = alignment <= alignof(std::max_align_t)
                             ? std::malloc(size)
                             : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (memory != nullptr) return memory;
  }
  throw std::bad_alloc();
}

}  // namespace

__attribute__((noinline)) void* operator new(std::size_t size) { return allocate(size, 1); }
__attribute__((noinline)) void* operator new[](std::size_t size) { return allocate(size, 1); }
__attribute__((noinline)) void* operator new(std::size_t size, std::align_val_t a) {
  return allocate(size, static_cast<std::size_t>(a));
}
__attribute__((noinline)) void* operator new[](std::size_t size, std::align_val_t a) {
  return allocate(size, static_cast<std::size_t>(a));
}
__attribute__((noinline)) void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
  try {
    return allocate(size, 1);
  } catch (...) {
    return nullptr;
  }
}
__attribute__((noinline)) void* operator new[](std::size_t size, std::nothrow_t const& t) noexcept {
  return operator new(size, t);
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete[](void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {

/// Runs op() with the first, the second, ... allocation failing, until it comes through; after each failure unchanged()
/// looks whether nothing has changed.      Returns  how often it failed.
template <class Op, class Unchanged>
int with_each_allocation_failing(Op op, Unchanged unchanged) {
  for (int n = 1; n < 2'000; ++n) {
    bool failed = false;
    {
      const no_memory guard(n);
      try {
        op();
      } catch (std::bad_alloc const&) {
        failed = true;
      }
    }
    if (!failed) return n - 1;
    unchanged();
  }
  return -1;  // never came through
}

const std::string long_string(100, 'x');

struct payload {  // larger than any recycled block
  std::array<char, 400> bytes{};
};

}  // namespace

TEST_CASE("the faults can be injected here") {
  CHECK_THROWS_AS(
      [] {
        const no_memory guard(1);
        ::operator delete(::operator new(1));  // called like this it may not be left out
      }(),
      std::bad_alloc);
  {
    const no_threads guard;
    CHECK_THROWS_AS(std::thread([] {}), std::system_error);
    CHECK(threads_refused == 1);
  }
  std::thread([] {}).join();
}

TEST_CASE("a promise whose allocation fails leaves nothing, and set_value that runs out of memory changes nothing") {
  std::optional<promise<std::string>> p;
  CHECK(with_each_allocation_failing([&] { p.emplace(); }, [] {}) >= 0);
  REQUIRE(p);
  future<std::string> f = p->get_future();
  int called_back = 0;
  f.add_done_callback([&](future<std::string> const&) { ++called_back; });
  CHECK(with_each_allocation_failing([&] { p->set_value(long_string); },
                                     [&] {
                                       CHECK_FALSE(f.done());
                                       CHECK_FALSE(f.running());
                                       CHECK(called_back == 0);
                                     }) == 1);
  CHECK(f.result() == long_string);
  CHECK(called_back == 1);
}

TEST_CASE("add_done_callback that runs out of memory has not moved from the callback and not added it") {
  promise<int> p;
  future<int> f = p.get_future();
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    auto callback = [&order, mine = std::make_unique<int>(i), large = payload{}](future<int> const&) {
      order.push_back(*mine + static_cast<int>(large.bytes[0]));
    };
    CHECK(with_each_allocation_failing([&] { f.add_done_callback(std::move(callback)); },
                                       [&] { CHECK(order.empty()); }) >= 0);
  }
  // A callable that shows whether it was moved from.
  struct shows {
    std::unique_ptr<int> mine = std::make_unique<int>(9);
    payload large{};
    std::vector<int>* order = nullptr;
    void operator()(future<int> const&) const { order->push_back(*mine); }
  };
  shows last;
  last.order = &order;
  CHECK(with_each_allocation_failing([&] { f.add_done_callback(std::move(last)); }, [&] { CHECK(last.mine); }) >= 1);
  order.reserve(10);
  p.set_value(1);
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 9});
}

TEST_CASE("a promise may be destroyed unset though there is no memory: its future ends done") {
  for (const bool callbacks : {false, true}) {
    std::optional<promise<int>> p(std::in_place);
    const future<int> f = p->get_future();
    std::atomic<int> called_back{0};
    if (callbacks) f.add_done_callback([&](future<int> const&) { ++called_back; });
    {
      const no_memory guard(1);
      p.reset();
    }
    CHECK(f.done());
    CHECK_FALSE(f.cancelled());
    CHECK_THROWS_AS(f.result(), spool::broken_promise_error);
    CHECK(called_back == (callbacks ? 1 : 0));
  }
}

TEST_CASE("cancel, waits and drops need no memory") {
  const hook_log log;
  promise<int> p, q;
  future<int> f = p.get_future(), g = q.get_future();
  auto error = std::make_exception_ptr(std::runtime_error("unread"));
  bool cancelled = false, timed_out = false, stopped = false;
  std::stop_source stop;
  stop.request_stop();
  {
    const no_memory guard(1);
    timed_out = !f.wait_for(1us) && !f.wait_for(0s);
    stopped = !f.wait(stop.get_token());
    cancelled = f.cancel();
    q.set_exception(std::move(error));
    future<int> copy = g;
    copy.wait();
  }
  CHECK(timed_out);
  CHECK(stopped);
  CHECK(cancelled);
  CHECK(g.exception() != nullptr);
}

TEST_CASE("an unread exception dropped without memory ends nothing") {
  std::optional<promise<int>> p(std::in_place);
  future<int> f = p->get_future();
  p->set_exception(std::make_exception_ptr(std::runtime_error("unread (expected on stderr)")));
  {
    const no_memory guard(1);
    f = {};
    p.reset();
  }
  CHECK_FALSE(f.valid());
}

TEST_CASE("wait and as_completed that run out of memory leave nothing behind on the futures") {
  std::vector<promise<int>> promises(50);
  std::vector<future<int>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  promises[7].set_value(7);
  const auto nothing = [] {};
  CHECK(with_each_allocation_failing([&] { static_cast<void>(spool::wait(futures, spool::first_completed)); },
                                     nothing) >= 1);
  CHECK(with_each_allocation_failing([&] { static_cast<void>(spool::wait_for(futures, 0s)); }, nothing) >= 1);
  CHECK(with_each_allocation_failing([&] { static_cast<void>(spool::wait_for(futures, 1us)); }, nothing) >= 1);
  CHECK(with_each_allocation_failing([&] { static_cast<void>(spool::as_completed(futures)); }, nothing) >= 1);
  CHECK(with_each_allocation_failing(
            [&] {
              for (auto&& f : spool::as_completed(futures)) {
                if (f.done()) break;
              }
            },
            nothing) >= 1);
  auto given = futures;
  CHECK(with_each_allocation_failing([&] { static_cast<void>(spool::wait_for(std::move(given), 0s)); },
                                     [&] { CHECK(given == futures); }) >= 1);
  const std::size_t before = live_bytes();
  for (int i = 0; i < 1'000; ++i) {
    const no_memory guard(1 + i % 3);
    try {
      static_cast<void>(spool::wait_for(futures, 0s));
      auto range = spool::as_completed(futures);
    } catch (std::bad_alloc const&) {
    }
  }
  CHECK(live_bytes() < before + 64 * 1024);
  for (std::size_t i = 0; i < 50; ++i) {
    if (i != 7) promises[i].set_value(static_cast<int>(i));
  }
  CHECK(spool::wait(futures).done == futures);
}

TEST_CASE("a pool whose construction runs out of memory leaves nothing") {
  std::optional<thread_pool> pool;
  probe inside;
  auto held = inside.take();
  const int failures = with_each_allocation_failing(
      [&] {
        pool.emplace(spool::pool_options{.max_workers = 3,
                                         .thread_name_prefix = "a prefix that is too long for a small string",
                                         .initializer = [held, large = payload{}] { static_cast<void>(large); }});
      },
      [&] { CHECK(held.use_count() == 1); });
  CHECK(failures >= 1);
  REQUIRE(pool);
  CHECK(pool->submit([] { return 1; }).result() == 1);
  pool.reset();
  CHECK(held.use_count() == 1);
}

namespace {

/// A callable that shows whether it was moved from.
struct adds {
  std::unique_ptr<int> mine = std::make_unique<int>(1);
  int operator()(std::unique_ptr<int> const& a, std::string const& s, std::vector<int> const& v,
                 std::unique_ptr<int> const& b, payload const& p) const {
    return *mine + *a + static_cast<int>(s.size()) + static_cast<int>(v.size()) + *b + p.bytes[0];
  }
};

struct whole_arguments {
  adds callable;
  std::unique_ptr<int> first = std::make_unique<int>(2), last = std::make_unique<int>(3);
  std::vector<int> moved = std::vector<int>(50);
  bool whole() const { return callable.mine && first && last && moved.size() == 50; }
};

}  // namespace

TEST_CASE("a submit that runs out of memory has changed nothing and has not moved from its arguments") {
  SECTION("the first one, which starts a worker") {
    for (int round = 0; round < 20; ++round) {
      thread_pool pool(2);
      whole_arguments arguments;
      future<int> f;
      const int failures = with_each_allocation_failing(
          [&] {
            f = pool.submit(std::move(arguments.callable), std::move(arguments.first), long_string,
                            std::move(arguments.moved), std::move(arguments.last), payload{});
          },
          [&] {
            CHECK(arguments.whole());
            CHECK(pool.pending() == 0);
            CHECK_FALSE(f.valid());
          });
      CHECK(failures >= 1);
      CHECK(f.result() == 1 + 2 + 100 + 50 + 3);
      CHECK(pool.wait_idle_for(1h));
    }
  }
  SECTION("with the worker busy, by submit") {
    thread_pool pool(1);
    const busy held(pool);
    whole_arguments arguments;
    future<int> f;
    const int failures = with_each_allocation_failing(
        [&] {
          f = pool.submit(std::move(arguments.callable), std::move(arguments.first), long_string,
                          std::move(arguments.moved), std::move(arguments.last), payload{});
        },
        [&] {
          CHECK(arguments.whole());
          CHECK(pool.pending() == 0);
        });
    CHECK(failures >= 1);
    CHECK(pool.pending() == 1);
    CHECK(f.cancel());
  }
  SECTION("with the worker busy, by post") {
    thread_pool pool(1);
    busy held(pool);
    whole_arguments arguments;
    std::atomic<int> ran{0};
    const int failures = with_each_allocation_failing(
        [&] {
          pool.post(
              [&](adds const& callable, std::unique_ptr<int> const& a, std::string const& s, std::vector<int> const& v,
                  std::unique_ptr<int> const& b) { ran += callable(a, s, v, b, payload{}); },
              std::move(arguments.callable), std::move(arguments.first), long_string, std::move(arguments.moved),
              std::move(arguments.last));
        },
        [&] {
          CHECK(arguments.whole());
          CHECK(pool.pending() == 0);
        });
    CHECK(failures >= 1);
    held.release();
    pool.wait_idle();
    CHECK(ran == 156);
  }
  SECTION("many tasks that wait, so that queues must grow") {
    thread_pool pool(1);
    busy held(pool);
    std::atomic<int> ran{0};
    int accepted = 0;
    for (int i = 0; i < 3'000; ++i) {
      bool refused = false;
      {
        const no_memory guard(1 + i % 2);
        try {
          pool.post([&] { ++ran; });
        } catch (std::bad_alloc const&) {
          refused = true;
        }
      }
      accepted += refused ? 0 : 1;
      if (static_cast<int>(pool.pending()) != accepted) {
        CHECK(static_cast<int>(pool.pending()) == accepted);
        break;
      }
    }
    held.release();
    pool.wait_idle();
    CHECK(ran == accepted);
  }
}

TEST_CASE("a submit from inside a task that runs out of memory has changed nothing") {
  thread_pool pool(1);
  std::atomic<int> ran{0};
  const bool whole = pool.submit([&] {
                           bool each = true;
                           for (int i = 0; i < 300; ++i) {
                             whole_arguments arguments;
                             const int failures = with_each_allocation_failing(
                                 [&] {
                                   pool.post([&](std::unique_ptr<int> const& p, payload const&) { ran += *p; },
                                             std::move(arguments.first), payload{});
                                 },
                                 [&] { each = each && arguments.whole(); });
                             each = each && failures >= 0;
                           }
                           return each;
                         })
                         .result();
  CHECK(whole);
  pool.wait_idle();
  CHECK(ran == 600);
}

namespace {

/// A callable of a map that shows whether it was moved from, and what runs.
struct doubles {
  std::unique_ptr<int> mine = std::make_unique<int>(2);
  std::atomic<int>* running = nullptr;
  std::atomic<int>* started = nullptr;
  int operator()(int i) const {
    ++*running;
    ++*started;
    const int result = *mine * i;
    --*running;
    return result;
  }
};

}  // namespace

TEST_CASE("a map that runs out of memory throws, and nothing of it goes on") {
  thread_pool pool(2);
  std::atomic<int> running{0}, started{0};
  std::vector<int> data(40, 1);
  for (int round = 0; round < 5; ++round) {
    int sum = 0;
    doubles f{.running = &running, .started = &started};
    const int failures = with_each_allocation_failing(
        [&] {
          sum = 0;
          for (const int r : pool.map(std::ref(f), data)) sum += r;
        },
        [&] {
          CHECK(running == 0);
          const int now = started;
          pool.wait_idle();
          CHECK(started == now);
        });
    CHECK(failures >= 1);
    CHECK(sum == 80);
  }
}

TEST_CASE("shutdown, cancel and wait_idle without memory either change nothing or do their work") {
  SECTION("shutdown") {
    thread_pool pool(1);
    busy held(pool);
    std::vector<future<void>> all;
    for (int i = 0; i < 5; ++i) all.push_back(pool.submit([] {}));
    bool refused = false;
    {
      const no_memory guard(1);
      try {
        pool.shutdown({.wait = false, .cancel_pending = true});
      } catch (std::bad_alloc const&) {
        refused = true;
      }
    }
    for (auto const& f : all) CHECK(f.cancelled() == !refused);
    held.release();
    if (refused) CHECK_NOTHROW(pool.submit([] {}));
    if (!refused) CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
  }
  SECTION("cancel") {
    thread_pool pool(1);
    const busy held(pool);
    future<void> f = pool.submit([] {});
    bool cancelled = false;
    {
      const no_memory guard(1);
      cancelled = f.cancel();
    }
    CHECK(cancelled);
    CHECK(f.cancelled());
  }
  SECTION("wait_idle, wait") {
    thread_pool pool(1);
    const auto f = pool.submit([] { return 1; });
    bool waited = false;
    {
      const no_memory guard(1);
      f.wait();
      pool.wait_idle();
      waited = pool.wait_idle_for(0s);
    }
    CHECK(waited);
  }
}

TEST_CASE("a pool is destroyed though there is no memory, and every future ends done") {
  for (int round = 0; round < rounds_of(100); ++round) {
    std::vector<future<int>> all;
    {
      std::optional<thread_pool> pool(std::in_place, 2);
      for (int i = 0; i < 10; ++i) all.push_back(pool->submit([i] { return i; }));
      const no_memory guard(1, round % 2 == 0 ? no_memory::this_thread : no_memory::all_threads);
      pool.reset();
    }
    for (int i = 0; i < 10; ++i) CHECK(all[static_cast<std::size_t>(i)].result() == i);
  }
}

TEST_CASE("workers run what waits though no thread gets memory") {
  for (int round = 0; round < rounds_of(50); ++round) {
    thread_pool pool(1);
    std::vector<future<int>> all;
    all.reserve(20);
    std::atomic<int> called_back{0};
    busy held(pool);
    for (int i = 0; i < 20; ++i) {
      all.push_back(pool.submit([i] { return i; }));
      all.back().add_done_callback([&](future<int> const&) { ++called_back; });
    }
    bool idle = false;
    {
      const no_memory guard(1, no_memory::all_threads);
      held.release();
      for (auto const& f : all) f.wait();
      pool.wait_idle();
      idle = pool.wait_idle_for(0s);
    }
    CHECK(idle);
    for (int i = 0; i < 20; ++i) CHECK(all[static_cast<std::size_t>(i)].result() == i);
    CHECK(called_back == 20);
  }
}

TEST_CASE("a task that waits for its child on one worker needs no memory for that") {
  thread_pool pool(1);
  for (int round = 0; round < rounds_of(50); ++round) {
    future<int> child;
    gate go;
    const auto parent = pool.submit([&] {
      go.wait();
      return future<int>(child).result() + 1;
    });
    child = pool.submit([] { return 1; });
    {
      const no_memory guard(1, no_memory::all_threads);
      go.open();
      parent.wait();
    }
    CHECK(parent.result() == 2);
  }
}

TEST_CASE("what a task throws reaches its future though no thread gets memory") {
  const hook_log log;
  thread_pool pool(1);
  future<int> f;
  {
    busy held(pool);
    f = pool.submit([]() -> int { throw 5; });  // an int needs none of operator new's memory
    const no_memory guard(1, no_memory::all_threads);
    held.release();
    f.wait();
  }
  CHECK_THROWS_AS(f.result(), int);
}

TEST_CASE("a pool breaks cleanly though no thread gets memory") {
  for (int round = 0; round < rounds_of(50); ++round) {
    const auto before = spool::set_excepthook([](spool::thread_info const&, std::exception_ptr) {});
    {
      gate go;
      thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [&] {
                                             go.wait();
                                             throw 1;
                                           }});
      std::vector<future<int>> all;
      all.reserve(5);
      for (int i = 0; i < 5; ++i) all.push_back(pool.submit([i] { return i; }));
      {
        const no_memory guard(1, no_memory::all_threads);
        go.open();
        for (auto const& f : all) f.wait();
        pool.wait_idle();
      }
      for (auto const& f : all) CHECK_THROWS_AS(f.result(), spool::broken_pool_error);
      CHECK_THROWS_AS(pool.submit([] {}), spool::broken_pool_error);
    }
    spool::set_excepthook(before);
  }
}

// ── threads ──

TEST_CASE(
    "if the system refuses a thread and the pool has no worker, submit throws system_error, its arguments whole") {
  thread_pool pool(4);
  whole_arguments arguments;
  std::vector<int> data(10, 1);
  {
    const no_threads guard;
    CHECK_THROWS_AS(pool.submit(std::move(arguments.callable), std::move(arguments.first), long_string,
                                std::move(arguments.moved), std::move(arguments.last), payload{}),
                    std::system_error);
    CHECK(arguments.whole());
    CHECK_THROWS_AS(pool.post([](std::unique_ptr<int>) {}, std::move(arguments.first)), std::system_error);
    CHECK(arguments.whole());
    CHECK_THROWS_AS(
        [&] {
          for (const int r : pool.map([](int i) { return i; }, data)) static_cast<void>(r);
        }(),
        std::system_error);
    CHECK(threads_refused >= 3);
    CHECK(pool.pending() == 0);
    CHECK(pool.worker_count() == 0);
    pool.wait_idle();
    CHECK(pool.wait_idle_for(0s));
  }
  const auto f = pool.submit(std::move(arguments.callable), std::move(arguments.first), long_string,
                             std::move(arguments.moved), std::move(arguments.last), payload{});
  CHECK(f.result() == 156);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("a pool that was refused its first thread shuts down and is destroyed at once") {
  thread_pool pool(2);
  const no_threads guard;
  CHECK_THROWS_AS(pool.submit([] {}), std::system_error);
  pool.shutdown();
  CHECK(pool.shutdown_for(0s));
  CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
}

TEST_CASE("if the system refuses the k-th thread, those before it do the work") {
  for (const int k : {1, 2, 3, 7}) {
    CAPTURE(k);
    thread_pool pool(8);
    std::atomic<int> running{0}, most{0}, ran{0};
    std::vector<future<void>> all;
    {
      const no_threads guard(k);
      gate go;
      for (int i = 0; i < 20; ++i) {
        all.push_back(pool.submit([&] {
          const int now = ++running;
          int seen = most;
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          go.wait();
          ++ran;
          --running;
        }));
      }
      eventually([&] { return running == k; });
      CHECK(pool.worker_count() == static_cast<std::size_t>(k));
      go.open();
      for (auto const& f : all) f.wait();
      CHECK(threads_refused >= 1);
    }
    CHECK(ran == 20);
    CHECK(most == k);
    // When there are threads again, blocking tasks get their workers.
    meeting together(8);
    for (int i = 0; i < 8; ++i) pool.post([&] { together.arrive_and_wait(); });
    pool.wait_idle();
    CHECK(pool.worker_count() == 8);
  }
}

TEST_CASE("a submit from inside a task is not refused for want of a thread") {
  thread_pool pool(4);
  CHECK(pool.submit([] { return 1; }).result() == 1);
  const no_threads guard;
  const auto f = pool.submit([&] {
    std::vector<future<int>> children;
    for (int i = 0; i < 10; ++i) children.push_back(pool.submit([] { return 1; }));
    int sum = 0;
    for (auto const& c : children) sum += c.result();
    return sum;
  });
  CHECK(f.result() == 10);
}

namespace {

int descend(thread_pool& pool, int depth, int (*wait)(future<int> const&)) {
  if (depth == 0) return 0;
  return 1 + wait(pool.submit([&pool, depth, wait] { return descend(pool, depth - 1, wait); }));
}

int descend_without_threads(int (*wait)(future<int> const&)) {
  thread_pool pool(1);
  static_cast<void>(pool.submit([] {}).result());
  const no_threads guard;
  return pool.submit([&] { return descend(pool, 200, wait); }).result();
}

}  // namespace

TEST_CASE("tasks that wait for their children need no further thread, 200 deep on one worker: by result") {
  CHECK(descend_without_threads([](future<int> const& f) { return f.result(); }) == 200);
}

TEST_CASE("tasks that wait for their children need no further thread, 200 deep on one worker: by wait") {
  CHECK(descend_without_threads([](future<int> const& f) { return spool::wait(std::vector{f}).done.at(0).result(); }) ==
        200);
}

TEST_CASE("tasks that wait for their children need no further thread, 200 deep on one worker: by as_completed") {
  CHECK(descend_without_threads([](future<int> const& f) {
          for (auto&& g : spool::as_completed(std::vector{f})) return g.result();
          return -1000;
        }) == 200);
}

TEST_CASE("a pool that was refused a thread to stand in goes on when there are threads again") {
  thread_pool pool(1);
  CHECK(pool.submit([] { return 1; }).result() == 1);
  promise<int> p;
  std::atomic<bool> waiting{false};
  future<int> waits;
  {
    const no_threads guard;
    waits = pool.submit([&] {
      waiting = true;
      return p.get_future().result();
    });
    pool.post([&] { p.set_value(3); });
    eventually([&] { return waiting.load(); });
    static_cast<void>(waits.wait_for(5ms));  // time to be refused; decides nothing
  }
  pool.post([] {});  // a reason to ask again
  CHECK(waits.result() == 3);
  pool.wait_idle();
}

TEST_CASE("wait in a task never throws for want of a thread") {
  thread_pool pool(1);
  CHECK(pool.submit([] { return 1; }).result() == 1);
  promise<int> p;
  std::atomic<int> waiting{0};
  std::vector<future<int>> all;
  const no_threads guard;
  all.push_back(pool.submit([&] {
    ++waiting;
    return p.get_future().wait_for(5ms) ? 1 : 2;
  }));
  all.push_back(pool.submit([&] {
    ++waiting;
    return spool::wait_for(std::vector{p.get_future()}, 5ms).done.empty() ? 2 : 1;
  }));
  all.push_back(pool.submit([&] {
    try {
      for (auto&& f : spool::as_completed_for(std::vector{p.get_future()}, 5ms)) return f.result();
    } catch (spool::timeout_error const&) {
    }
    return 2;
  }));
  for (auto const& f : all) CHECK(f.result() == 2);
}

// ── what they hold throws ──

TEST_CASE("an argument whose move throws is whole after a submit that threw, and the pool has not changed") {
  tracked::reset();
  {
    thread_pool pool(1);
    const busy held(pool);
    tracked argument(5);
    for (const bool by_post : {false, true}) {
      CAPTURE(by_post);
      bool accepted = false;
      for (int n = 1; !accepted && n < 20; ++n) {
        argument.value = 5;
        tracked::fail_at_move(n);
        try {
          if (by_post) {
            pool.post([](tracked const&) {}, std::move(argument));
          } else {
            static_cast<void>(pool.submit([](tracked const&) {}, std::move(argument)).cancel());
          }
          accepted = true;
        } catch (tracked_failure const&) {
          CHECK(argument.value == 5);
          CHECK(pool.pending() == 0);
        }
        tracked::fail_at_move(0);
      }
      CHECK(accepted);
    }
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("an argument whose move into the call throws gives its exception to the future, or to the excepthook") {
  tracked::reset();
  const hook_log log;
  {
    thread_pool pool(1);
    future<void> f;
    {
      busy held(pool);
      f = pool.submit([](tracked) {}, tracked(1));
      pool.post([](tracked) {}, tracked(2));
      tracked::fail_at_move(1);
      held.release();
      f.wait();
      tracked::fail_at_move(0);
    }
    CHECK_THROWS_AS(f.result(), tracked_failure);
    {
      busy held(pool);
      pool.wait_idle_for(0s);
      pool.post([](tracked) {}, tracked(2));
      tracked::fail_at_move(1);
      held.release();
      pool.wait_idle();
      tracked::fail_at_move(0);
    }
    CHECK(log.count(tracked_failure().what()) == 1);
    CHECK(pool.submit([] { return 1; }).result() == 1);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("a result whose move throws gives its exception to the future, and is not lost") {
  tracked::reset();
  {
    thread_pool pool(1);
    static tracked source(7);
    source.value = 7;
    for (int n = 1; n < 6; ++n) {
      busy held(pool);
      const auto f = pool.submit([]() -> tracked { return std::move(source); });
      tracked::fail_at_move(n);
      held.release();
      f.wait();
      tracked::fail_at_move(0);
      if (f.exception()) {
        CHECK_THROWS_AS(f.result(), tracked_failure);
      } else {
        CHECK(f.result().value == 7);
      }
      source.value = 7;
    }
    pool.wait_idle();
    CHECK(tracked::live() == 1);
  }
}

TEST_CASE("an initializer that throws in the thread that stands in breaks the pool, and what waits ends") {
  const hook_log log;
  std::atomic<int> initialized{0};
  {
    thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [&] {
                                           if (++initialized == 2) throw std::runtime_error("the one that stands in");
                                         }});
    std::vector<future<int>> behind;
    gate submitted;
    const auto waits = pool.submit([&] {
      submitted.wait();
      try {
        return future<int>(behind[0]).wait_for(1h) ? future<int>(behind[0]).result() : -1;
      } catch (spool::broken_pool_error const&) {
        return 5;
      }
    });
    behind.push_back(pool.submit([] { return 1; }));
    submitted.open();
    const int seen = waits.result();
    CHECK((seen == 5 || seen == 1));
    CHECK(behind[0].done());
  }
  CHECK(log.count("the one that stands in") == (initialized >= 2 ? 1u : 0u));
  CHECK(log.size() <= 1);
}
