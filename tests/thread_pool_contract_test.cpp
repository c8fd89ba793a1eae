// tests/thread_pool_contract_test.cpp · what the contract says of thread_pool, written from the contract alone
// SPDX-License-Identifier: MIT
//
// Waiting inside tasks is in thread_pool_deadlock_contract_test.cpp, faults in thread_pool_faults_contract_test.cpp.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/outcome.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::thread_pool;
using steady = std::chrono::steady_clock;

// ── the shape ──

static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().submit([] { return 1; })), future<int>>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().submit([] {})), future<void>>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().submit([](int& i) -> int& { return i; },
                                                                          std::ref(std::declval<int&>()))),
                             future<int&>>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().submit([](std::stop_token, int) { return 'x'; }, 1)),
                             future<char>>);
static_assert(std::is_void_v<decltype(std::declval<thread_pool&>().post([] { return 1; }))>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().shutdown_for(1s)), bool>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().shutdown_until(steady::now())), bool>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().wait_idle_for(1s)), bool>);
static_assert(std::is_same_v<decltype(std::declval<thread_pool&>().wait_idle_until(steady::now())), bool>);
static_assert(std::is_aggregate_v<spool::pool_options>);
static_assert(std::is_aggregate_v<spool::shutdown_options>);
static_assert(!std::is_copy_constructible_v<thread_pool>);
using int_vector = std::vector<int>;
using mapped = decltype(std::declval<thread_pool&>().map([](int i) { return i; }, std::declval<int_vector&>()));
static_assert(std::ranges::input_range<mapped>);
static_assert(std::is_same_v<std::ranges::range_reference_t<mapped>, int&>);

namespace {

/// A pool's one worker, kept busy until told otherwise: what is submitted meanwhile waits.
class held_worker {
public:
  explicit held_worker(thread_pool& pool, int workers = 1) : started_(std::make_shared<std::atomic<int>>(0)) {
    for (int i = 0; i < workers; ++i) {
      pool.post([started = started_, release = release_] {
        ++*started;
        release->wait();
      });
    }
    eventually([&] { return *started_ == workers; });
  }
  ~held_worker() { release_->open(); }
  held_worker(const held_worker&) = delete;
  held_worker& operator=(const held_worker&) = delete;
  void release() { release_->open(); }

private:
  std::shared_ptr<std::atomic<int>> started_;
  std::shared_ptr<gate> release_ = std::make_shared<gate>();
};

thread_pool static_pool{2};  // usable before main, gone after it
const int computed_before_main = static_pool.submit([] { return 6 * 7; }).result();

}  // namespace

TEST_CASE("a pool of static storage works before main and after it") {
  CHECK(computed_before_main == 42);
  CHECK(static_pool.submit([] { return 1; }).result() == 1);
  static_pool.post([] {});  // its destructor waits for it after main
}

// ── construction ──

TEST_CASE("0 workers is an invalid_argument") {
  CHECK_THROWS_AS(thread_pool(0), std::invalid_argument);
  CHECK_THROWS_AS(thread_pool(spool::pool_options{.max_workers = 0}), std::invalid_argument);
}

TEST_CASE("a pool has usable_cpus workers unless told otherwise") {
  CHECK(spool::usable_cpus() >= 1);
  const thread_pool pool;
  CHECK(pool.max_workers() == spool::usable_cpus());
  const thread_pool by_options(spool::pool_options{});
  CHECK(by_options.max_workers() == spool::usable_cpus());
  const thread_pool three(3);
  CHECK(three.max_workers() == 3);
  const thread_pool four(spool::pool_options{.max_workers = 4, .thread_name_prefix = "four", .initializer = [] {}});
  CHECK(four.max_workers() == 4);
}

TEST_CASE("usable_cpus respects the CPU affinity of the process") {
  const std::size_t before = spool::usable_cpus();
  const one_cpu only;
  REQUIRE(only.in_force);
  CHECK(before >= 1);
  CHECK(spool::usable_cpus() == 1);
}

TEST_CASE("a pool of 10,000 workers costs nothing until they are needed") {
  thread_pool pool(10'000);
  CHECK(pool.worker_count() == 0);
  CHECK(pool.submit([] { return 1; }).result() == 1);
  CHECK(pool.worker_count() == 1);
}

// ── workers ──

TEST_CASE("workers start when first needed") {
  const std::size_t threads_before = real_threads().size();
  thread_pool pool(4);
  CHECK(pool.worker_count() == 0);
  CHECK(real_threads().size() == threads_before);
  CHECK(pool.pending() == 0);
  std::vector<std::unique_ptr<held_worker>> held;
  for (std::size_t n = 1; n <= 4; ++n) {
    held.push_back(std::make_unique<held_worker>(pool));
    CHECK(pool.worker_count() == n);
  }
}

TEST_CASE("never more workers than needed: tasks one after the other use one, by submit and result") {
  thread_pool pool(8);
  std::set<std::thread::id> threads;
  for (int i = 0; i < rounds_of(3'000); ++i) {
    threads.insert(pool.submit([] { return std::this_thread::get_id(); }).result());
  }
  CHECK(threads.size() == 1);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("never more workers than needed: tasks one after the other use one, by post and wait_idle") {
  thread_pool pool(8);
  std::set<std::thread::id> threads;
  for (int i = 0; i < rounds_of(3'000); ++i) {
    pool.post([&] { threads.insert(std::this_thread::get_id()); });
    pool.wait_idle();
  }
  CHECK(threads.size() == 1);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("never more workers than needed: a task that threw leaves its worker to the next one") {
  thread_pool pool(8);
  std::set<std::thread::id> threads;
  for (int i = 0; i < rounds_of(500); ++i) {
    std::thread::id where;
    CHECK_THROWS_AS(pool.submit([&] {
                          where = std::this_thread::get_id();
                          throw 5;
                        })
                        .result(),
                    int);
    threads.insert(where);
    if (i % 2 == 0) {
      const auto f = pool.submit([&] { where = std::this_thread::get_id(); });
      f.wait();
      threads.insert(where);
    }
  }
  CHECK(threads.size() == 1);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("never more workers than needed: n at a time use at most n") {
  thread_pool pool(8);
  for (int i = 0; i < rounds_of(300); ++i) {
    meeting both(2);
    const auto f = pool.submit([&] { both.arrive_and_wait(); });
    const auto g = pool.submit([&] { both.arrive_and_wait(); });
    f.wait();
    g.wait();
  }
  CHECK(pool.worker_count() == 2);
}

TEST_CASE("k blocking tasks on k workers all run at once") {
  for (const int k : {1, 2, 3, 8, 32}) {
    CAPTURE(k);
    thread_pool pool(static_cast<std::size_t>(k));
    for (int round = 0; round < rounds_of(k <= 8 ? 300 : 50); ++round) {
      meeting all(k + 1);
      std::vector<future<void>> futures;
      for (int i = 0; i < k; ++i) futures.push_back(pool.submit([&] { all.arrive_and_wait(); }));
      all.arrive_and_wait();  // hangs if they do not all run at once
      if (round % 2 == 0) spool::wait(futures);
      if (round % 2 == 1) pool.wait_idle();
    }
    CHECK(pool.worker_count() == static_cast<std::size_t>(k));
  }
}

TEST_CASE("k blocking tasks on k workers all run at once, posted by several threads, on a pool with other work") {
  thread_pool pool(4);
  std::atomic<int> small{0};
  for (int round = 0; round < rounds_of(200); ++round) {
    meeting all(4);
    crew::run(4, [&](std::size_t i) {
      for (std::size_t n = 0; n < i; ++n) pool.post([&] { ++small; });
      pool.post([&] { all.arrive_and_wait(); });
      for (std::size_t n = 0; n < i; ++n) pool.post([&] { ++small; });
    });
    pool.wait_idle();
  }
  CHECK(small == 12 * rounds_of(200));
}

TEST_CASE("k blocking tasks on k workers all run at once, submitted from inside") {
  thread_pool pool(4);
  for (int round = 0; round < rounds_of(300); ++round) {
    meeting all(4);
    pool.post([&] {
      for (int i = 0; i < 3; ++i) pool.post([&] { all.arrive_and_wait(); });
      all.arrive_and_wait();
    });
    pool.wait_idle();
  }
  CHECK(pool.worker_count() == 4);
}

TEST_CASE("blocking tasks submitted one by one each find a worker, however the others sleep") {
  // The wake-up that is lost between a worker that goes to sleep and a submit would hang here.
  thread_pool pool(3);
  for (int round = 0; round < rounds_of(1'000); ++round) {
    gate first, second;
    const auto a = pool.submit([&] { first.wait(); });
    const auto b = pool.submit([&] { second.wait(); });
    pool.submit([] {}).result();  // the third is free
    second.open();
    b.wait();
    pool.submit([&] { first.open(); }).result();
    a.wait();
  }
  CHECK(pool.worker_count() <= 3);
}

TEST_CASE("max_workers bounds the tasks that run at once, and the threads that run them") {
  thread_pool pool(3);
  std::atomic<int> running{0}, most{0};
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int i = 0; i < rounds_of(3'000); ++i) {
    pool.post([&] {
      const int now = ++running;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      {
        const std::lock_guard held(mutex);
        threads.insert(std::this_thread::get_id());
      }
      --running;
    });
  }
  pool.wait_idle();
  CHECK(most <= 3);
  CHECK(threads.size() <= 3);
  CHECK(pool.worker_count() <= 3);
}

TEST_CASE("pool workers are listed as PREFIX_N, which is also the system's name of the thread") {
  const hook_log log;
  std::vector<std::string> names(3);
  {
    meeting all(3);
    thread_pool pool(spool::pool_options{.max_workers = 3, .thread_name_prefix = "loader"});
    for (std::size_t i = 0; i < 3; ++i) {
      pool.post([&, i] {
        names[i] = system_name(own_thread_id());
        all.arrive_and_wait();
        throw std::runtime_error("who am I");
      });
    }
  }
  std::set<std::string> told;
  for (auto const& e : log.entries()) {
    told.insert(e.thread_name);
    CHECK(e.told == e.caller);
  }
  CHECK(told == std::set<std::string>{"loader_0", "loader_1", "loader_2"});
  std::sort(names.begin(), names.end());
  if (system_names_threads) CHECK(names == std::vector<std::string>{"loader_0", "loader_1", "loader_2"});
}

TEST_CASE("idle workers use no processor time") {
  thread_pool pool(8);
  {
    const held_worker held(pool, 8);
  }
  pool.wait_idle();
  spool::promise<void> never;
  static_cast<void>(never.get_future().wait_for(20ms));
  const auto before = cpu_time();
  static_cast<void>(never.get_future().wait_for(300ms));
  CHECK(cpu_time() - before < 150ms);
}

TEST_CASE("10,000 pools are made and destroyed") {
  const std::size_t threads_before = real_threads().size();
  int ran = 0;
  for (int i = 0; i < rounds_of(10'000); ++i) {
    thread_pool pool(2);
    switch (i % 4) {
      case 0:
        break;
      case 1:
        ran += pool.submit([] { return 1; }).result();
        break;
      case 2:
        pool.post([] {});
        break;
      default:
        pool.post([] {});
        pool.post([] {});
        ran += pool.submit([] { return 1; }).result();
    }
  }
  CHECK(ran == rounds_of(10'000) / 2);
  eventually([&] { return real_threads().size() == threads_before; });
}

TEST_CASE("many pools work beside each other") {
  std::vector<std::unique_ptr<thread_pool>> pools;
  std::atomic<int> sum{0};
  for (int i = 0; i < 100; ++i) {
    pools.push_back(std::make_unique<thread_pool>(2));
    for (int k = 0; k < 10; ++k) {
      pools[static_cast<std::size_t>(i / 2)]->post([&] { ++sum; });
    }
  }
  pools.clear();
  CHECK(sum == 1000);
}

// ── submit and post ──

namespace {

struct counter {
  int value = 0;
  int add(int n) { return value += n; }
  int get() const { return value; }
};
int twice(int i) { return 2 * i; }
int twice_noexcept(int i) noexcept { return 2 * i; }
struct only_as_rvalue {
  int operator()() && { return 7; }
};
struct final_functor final {
  int operator()(int a, int b) const { return a - b; }
};
struct hostile {  // every operator that could be found by accident
  int value = 1;
  void operator&() const = delete;
  template <class T>
  void operator,(T&&) const = delete;
};

}  // namespace

TEST_CASE("submit takes anything invocable") {
  thread_pool pool(2);
  counter c{1};
  const auto shared = std::make_shared<counter>(counter{10});
  CHECK(pool.submit(twice, 4).result() == 8);
  CHECK(pool.submit(&twice, 4).result() == 8);
  CHECK(pool.submit(twice_noexcept, 4).result() == 8);
  CHECK(pool.submit(&counter::add, &c, 2).result() == 3);
  CHECK(pool.submit(&counter::add, std::ref(c), 2).result() == 5);
  CHECK(pool.submit(&counter::add, shared, 2).result() == 12);
  CHECK(pool.submit(&counter::get, c).result() == 5);
  CHECK(pool.submit(&counter::value, c).result() == 5);
  CHECK(pool.submit(&counter::value, &c).result() == 5);
  CHECK(pool.submit(final_functor{}, 5, 3).result() == 2);
  CHECK(pool.submit(only_as_rvalue{}).result() == 7);
  CHECK(pool.submit([](int a, int b, int d, int e) { return a + b + d + e; }, 1, 2, 3, 4).result() == 10);
  CHECK(pool.submit([](std::string const& s, char const* t) { return s + t; }, std::string("a"), "b").result() == "ab");
  CHECK(pool.submit([n = 1]() mutable { return ++n; }).result() == 2);
  CHECK(pool.submit(std::function<int()>([] { return 3; })).result() == 3);
  CHECK(pool.submit([](hostile h) { return h.value; }, hostile{}).result() == 1);
  CHECK(pool.submit([h = hostile{}] { return h.value; }).result() == 1);
  const auto returns_hostile = pool.submit([] { return hostile{}; });
  CHECK(returns_hostile.result().value == 1);
  const auto constant = [] { return 11; };
  CHECK(pool.submit(constant).result() == 11);
}

TEST_CASE("callables, arguments and results may be move-only") {
  thread_pool pool(2);
  auto f = [mine = std::make_unique<int>(3)](std::unique_ptr<int> p) {
    *p += *mine;
    return p;
  };
  const std::unique_ptr<int> sum = pool.submit(std::move(f), std::make_unique<int>(4)).result();
  CHECK(*sum == 7);
  std::atomic<int> posted{0};
  pool.post([&, mine = std::make_unique<int>(5)](std::unique_ptr<int> p) { posted = *mine + *p; },
            std::make_unique<int>(6));
  pool.wait_idle();
  CHECK(posted == 11);
}

TEST_CASE("arguments are copied when submitted, unless they come as std::ref") {
  thread_pool pool(1);
  int by_value = 1, by_reference = 1;
  future<int> f;
  {
    const held_worker held(pool);
    f = pool.submit(
        [](int v, int& r) {
          r += 10;
          return v;
        },
        by_value, std::ref(by_reference));
    by_value = 2;
    by_reference = 2;
  }
  CHECK(f.result() == 1);
  CHECK(by_reference == 12);
}

TEST_CASE("an lvalue callable is copied, and left alone") {
  thread_pool pool(1);
  const auto count = std::make_shared<int>(5);
  auto f = [count] { return *count; };
  CHECK(pool.submit(f).result() == 5);
  CHECK(pool.submit(f).result() == 5);
  CHECK(f() == 5);
  pool.wait_idle();
  CHECK(count.use_count() == 2);
}

TEST_CASE("a task may return a reference, a future, an exception_ptr or nothing") {
  thread_pool pool(1);
  int i = 0;
  const future<int&> r = pool.submit([&]() -> int& { return i; });
  CHECK(&r.result() == &i);
  const auto nested = pool.submit([&] { return pool.submit([] { return 5; }); });
  CHECK(nested.result().result() == 5);
  const auto e = pool.submit([] { return std::make_exception_ptr(1); });
  CHECK(e.exception() == nullptr);
  CHECK(e.result() != nullptr);
  pool.submit([] {}).result();
}

namespace {

template <std::size_t Alignment>
struct alignas(Alignment) aligned_callable {
  unsigned char bytes[Alignment] = {};
  bool operator()(aligned_callable<128> const& argument) const {
    return reinterpret_cast<std::uintptr_t>(this) % Alignment == 0 &&
           reinterpret_cast<std::uintptr_t>(&argument) % 128 == 0;
  }
};

template <std::size_t Alignment>
int misaligned(thread_pool& pool) {
  int wrong = 0;
  std::vector<future<bool>> all;
  std::vector<future<aligned_callable<Alignment>>> results;
  for (int i = 0; i < 50; ++i) {
    all.push_back(pool.submit(aligned_callable<Alignment>{}, aligned_callable<128>{}));
    results.push_back(pool.submit([] { return aligned_callable<Alignment>{}; }));
    pool.post([] {});  // blocks of another size in between
  }
  for (auto& f : all) wrong += f.result() ? 0 : 1;
  for (auto& f : results) wrong += reinterpret_cast<std::uintptr_t>(&f.result()) % Alignment == 0 ? 0 : 1;
  return wrong;
}

}  // namespace

TEST_CASE("over-aligned callables, arguments and results lie aligned") {
  thread_pool pool(2);
  CHECK(misaligned<16>(pool) == 0);
  CHECK(misaligned<32>(pool) == 0);
  CHECK(misaligned<64>(pool) == 0);
  CHECK(misaligned<512>(pool) == 0);
  CHECK(misaligned<4096>(pool) == 0);
}

TEST_CASE("callables and arguments of any size") {
  thread_pool pool(2);
  const auto sized = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
    std::array<unsigned char, N> bytes;
    for (std::size_t i = 0; i < N; ++i) bytes[i] = static_cast<unsigned char>(i);
    const auto sum = [](std::array<unsigned char, N> const& a) { return std::accumulate(a.begin(), a.end(), 0); };
    const auto f =
        pool.submit([bytes, sum](std::array<unsigned char, N> const& b) { return sum(bytes) + sum(b); }, bytes);
    return f.result() == 2 * sum(bytes);
  };
  CHECK(sized(std::integral_constant<std::size_t, 1>{}));
  CHECK(sized(std::integral_constant<std::size_t, 16>{}));
  CHECK(sized(std::integral_constant<std::size_t, 48>{}));
  CHECK(sized(std::integral_constant<std::size_t, 64>{}));
  CHECK(sized(std::integral_constant<std::size_t, 100>{}));
  CHECK(sized(std::integral_constant<std::size_t, 128>{}));
  CHECK(sized(std::integral_constant<std::size_t, 200>{}));
  CHECK(sized(std::integral_constant<std::size_t, 256>{}));
  CHECK(sized(std::integral_constant<std::size_t, 5000>{}));
}

TEST_CASE("what a task throws comes out of its future, whatever it is") {
  thread_pool pool(1);
  struct odd {
    int value;
  };
  CHECK_THROWS_WITH(pool.submit([] { throw std::runtime_error("mine"); }).result(), "mine");
  CHECK_THROWS_AS(pool.submit([]() -> std::unique_ptr<int> { throw 5; }).result(), int);
  const auto f = pool.submit([] { throw odd{9}; });
  try {
    f.result();
    CHECK(false);
  } catch (odd const& o) {
    CHECK(o.value == 9);
  }
  CHECK(f.exception() != nullptr);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("a result whose move throws gives that exception to its future") {
  tracked::reset();
  {
    thread_pool pool(1);
    const auto f = pool.submit([] {
      tracked first(1);
      tracked::fail_at_move(1);
      return first;  // moved, or built in place: then the library's own moves fail, if it makes any
    });
    f.wait();
    tracked::fail_at_move(0);
    CHECK((ending(f) == "fine" || ending(f) == tracked_failure().what()));
    CHECK(pool.submit([] { return 1; }).result() == 1);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("what a posted task throws goes to the excepthook, in its worker, and the program goes on") {
  const hook_log log;
  {
    thread_pool pool(spool::pool_options{.max_workers = 2, .thread_name_prefix = "poster"});
    for (int i = 0; i < 20; ++i) {
      pool.post([i] {
        if (i % 2 == 0) throw std::runtime_error("posted");
        throw i;
      });
    }
    std::atomic<bool> after{false};
    pool.post([&] { after = true; });
    pool.wait_idle();
    CHECK(after);
    CHECK(log.size() == 20);  // idle: the hook was called, too
    CHECK(log.count("posted") == 10);
    CHECK(log.count("int 7") == 1);
    CHECK(pool.submit([] { return 1; }).result() == 1);
  }
  for (auto const& e : log.entries()) {
    CHECK((e.thread_name == "poster_0" || e.thread_name == "poster_1"));
    CHECK(e.told == e.caller);
    CHECK(e.told != std::this_thread::get_id());
  }
}

TEST_CASE("an excepthook that throws ends no worker") {
  const auto before = spool::set_excepthook([](spool::thread_info const&, std::exception_ptr) { throw 1; });
  std::atomic<int> ran{0};
  {
    thread_pool pool(1);
    pool.post([] { throw std::runtime_error("posted (expected on stderr)"); });
    pool.post([&] { ++ran; });
    static_cast<void>(pool.submit([] { throw std::runtime_error("unread (expected on stderr)"); }));
    CHECK(pool.submit([&] { return ++ran; }).result() == 2);
    CHECK(pool.worker_count() == 1);
  }
  spool::set_excepthook(before);
}

TEST_CASE("an exception in a submitted task's future that nobody reads goes to the excepthook") {
  const hook_log log;
  {
    thread_pool pool(2);
    for (int i = 0; i < 50; ++i) {
      auto f = pool.submit([] { throw std::runtime_error("unread"); });
      if (i % 2 == 0) f.wait();  // the handle goes after the completion, or perhaps before
    }
  }
  CHECK(log.count("unread") == 50);
}

TEST_CASE("of an unread future the excepthook gets the thread that dropped it") {
  const hook_log log;
  thread_pool pool(spool::pool_options{.max_workers = 1, .thread_name_prefix = "dropped"});
  {
    auto here = pool.submit([] { throw std::runtime_error("dropped here"); });
    here.wait();
    pool.wait_idle();  // the worker lets go of it
  }
  {
    const held_worker held(pool);
    static_cast<void>(pool.submit([] { throw std::runtime_error("dropped before it ran"); }));
  }
  pool.wait_idle();
  const auto entries = log.entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].what == "dropped here");
  CHECK(entries[0].told == std::this_thread::get_id());
  CHECK(entries[1].what == "dropped before it ran");
  CHECK(entries[1].thread_name == "dropped_0");  // nobody but the worker held it in the end
}

TEST_CASE("read exceptions, cancelled futures and values are dropped in silence") {
  const hook_log log;
  {
    thread_pool pool(1);
    CHECK_THROWS(pool.submit([] { throw 1; }).result());
    CHECK(pool.submit([] { throw 1; }).exception() != nullptr);
    pool.submit([] { throw 1; }).add_done_callback([](future<void> const&) {});
    static_cast<void>(pool.submit([] { return 1; }));
    const held_worker held(pool);
    static_cast<void>(pool.submit([] {}).cancel());
  }
  CHECK(log.size() == 0);
}

TEST_CASE("callables and arguments are destroyed before the future is done") {
  thread_pool pool(2);
  int late = 0, early = 0;
  for (int i = 0; i < rounds_of(2'000); ++i) {
    probe callable, argument, referenced;
    auto held = referenced.take();
    const bool fails = i % 3 == 0;
    const auto f = pool.submit(
        [&early, fails, held = callable.take()](std::shared_ptr<int> const& by_reference,
                                                std::shared_ptr<int> const& p) {
          if (!held || !p || !by_reference) ++early;
          if (fails) throw 1;
        },
        std::move(held), argument.take());
    f.wait();
    if (!callable.gone() || !argument.gone() || !referenced.gone()) ++late;
    static_cast<void>(f.exception());
  }
  CHECK(late == 0);
  CHECK(early == 0);
}

TEST_CASE("callables of posts are destroyed before the pool is idle") {
  thread_pool pool(2);
  int late = 0;
  for (int i = 0; i < rounds_of(2'000); ++i) {
    probe callable;
    pool.post([held = callable.take()] {});
    pool.wait_idle();
    late += callable.gone() ? 0 : 1;
  }
  CHECK(late == 0);
}

TEST_CASE("a callable is destroyed with no lock held: its destructor may use the pool and its own future") {
  thread_pool pool(1);
  std::atomic<int> children{0};
  std::atomic<int> done_too_early{0};
  {
    future<void> f;
    gate assigned;
    f = pool.submit([&, end = at_end_of_life([&] {
                          assigned.wait();
                          if (f.done()) ++done_too_early;  // not done before the callable is gone
                          pool.post([&] { ++children; });
                          static_cast<void>(pool.pending());
                          static_cast<void>(pool.worker_count());
                        })] {});
    assigned.open();
    f.wait();
    pool.wait_idle();
  }
  CHECK(children == 1);
  CHECK(done_too_early == 0);
  {
    const held_worker held(pool);
    auto f = pool.submit([&, end = at_end_of_life([&] {
                               static_cast<void>(pool.pending());
                               pool.post([&] { ++children; });
                             })] {});
    CHECK(f.cancel());  // destroyed here
  }
  pool.wait_idle();
  CHECK(children == 2);
}

TEST_CASE("a result that nobody keeps is destroyed") {
  tracked::reset();
  {
    thread_pool pool(2);
    for (int i = 0; i < 200; ++i) {
      auto f = pool.submit([] { return tracked(1); });
      if (i % 2 == 0) f.wait();
    }
    pool.wait_idle();
    CHECK(tracked::live() == 0);
    for (int i = 0; i < 200; ++i)
      CHECK(pool.submit([](tracked const& t) { return t; }, tracked(i)).result().value == i);
    pool.wait_idle();
    CHECK(tracked::live() == 0);
  }
}

TEST_CASE("a future of a pool is running while its task runs, and cannot be cancelled then") {
  thread_pool pool(1);
  gate started, finish;
  const opens at_end(finish);
  auto f = pool.submit([&] {
    started.open();
    finish.wait();
    return 3;
  });
  auto g = pool.submit([] { return 4; });
  started.wait();
  CHECK(f.running());
  CHECK_FALSE(f.done());
  CHECK_FALSE(f.cancel());
  CHECK(f.running());
  CHECK_FALSE(g.running());
  CHECK_FALSE(g.done());
  CHECK(pool.pending() == 1);
  finish.open();
  CHECK(f.result() == 3);
  CHECK_FALSE(f.running());
  CHECK_FALSE(f.cancel());
  CHECK(g.result() == 4);
  CHECK(pool.pending() == 0);
}

TEST_CASE("callbacks of a pool's futures run in the worker, in order, and those that throw stop nothing") {
  const hook_log log;
  thread_pool pool(1);
  std::vector<int> order;
  std::thread::id worker, where;
  future<void> f;
  {
    const held_worker held(pool);
    f = pool.submit([&] { worker = std::this_thread::get_id(); });
    for (int i = 0; i < 5; ++i) {
      f.add_done_callback([&, i](future<void> const&) {
        where = std::this_thread::get_id();
        order.push_back(i);
        if (i % 2 == 1) throw std::runtime_error("callback");
      });
    }
  }
  pool.wait_idle();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
  CHECK(where == worker);
  CHECK(log.count("callback") == 2);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("a callback may submit to the pool") {
  thread_pool pool(1);
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) {
    pool.submit([] { return 1; }).add_done_callback([&](future<int> const& f) {
      pool.post([&, n = f.result()] { ran += n; });
    });
  }
  pool.wait_idle();
  CHECK(ran == 100);
}

// ── order ──

TEST_CASE("with one worker, tasks start in the order submitted from outside") {
  thread_pool pool(1);
  std::vector<int> order;
  for (int i = 0; i < rounds_of(20'000); ++i) {
    if (i % 3 == 0) {
      static_cast<void>(pool.submit([&order, i] { order.push_back(i); }));
    } else {
      pool.post([&order, i] { order.push_back(i); });
    }
    if (i % 1000 == 999) pool.wait_idle();
  }
  pool.wait_idle();
  CHECK(order.size() == static_cast<std::size_t>(rounds_of(20'000)));
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE(
    "with one worker, tasks that wait start in the order submitted from outside, whichever thread submitted them") {
  thread_pool pool(1);
  std::vector<int> order;
  constexpr int each = 50;
  constexpr int threads = 8;
  int next = 0;
  {
    const held_worker held(pool);
    for (int k = 0; k < each; ++k) {
      for (int t = 0; t < threads; ++t) {  // a new thread each time: the join orders them
        crew::run(1, [&] {
          const int mine = next++;
          pool.post([&order, mine] { order.push_back(mine); });
        });
      }
    }
  }
  pool.wait_idle();
  CHECK(order.size() == each * threads);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("with one worker, tasks start in the order submitted by threads that happen before each other") {
  thread_pool pool(1);
  std::vector<int> order;
  std::mutex turn;
  int next = 0;  // guarded by turn
  const int each = rounds_of(4'000);
  crew::run(4, [&](std::size_t i) {
    for (int n = 0; n < each; ++n) {
      const std::lock_guard held(turn);
      const int mine = next++;
      if (i % 2 == 0) {
        pool.post([&order, mine] { order.push_back(mine); });
      } else {
        static_cast<void>(pool.submit([&order, mine] { order.push_back(mine); }));
      }
    }
  });
  pool.wait_idle();
  CHECK(order.size() == static_cast<std::size_t>(4 * each));
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("with one worker, two threads that take turns are served in turn") {
  thread_pool pool(1);
  std::vector<int> order;
  std::atomic<int> next{0};
  const int n = rounds_of(4'000);
  crew::run(2, [&](std::size_t who) {
    for (;;) {
      const int now = next.load();
      if (now >= n) return;
      if (static_cast<std::size_t>(now % 2) != who) {
        std::this_thread::yield();
        continue;
      }
      pool.post([&order, now] { order.push_back(now); });
      next = now + 1;
    }
  });
  pool.wait_idle();
  CHECK(order.size() == static_cast<std::size_t>(n));
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("with one worker, what a task submits does not stop the order of what comes from outside") {
  thread_pool pool(1);
  std::vector<int> order;
  std::atomic<int> children{0};
  for (int i = 0; i < rounds_of(3'000); ++i) {
    pool.post([&, i] {
      order.push_back(i);
      pool.post([&] { ++children; });
    });
  }
  pool.wait_idle();
  CHECK(order.size() == static_cast<std::size_t>(rounds_of(3'000)));
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(children == rounds_of(3'000));
}

TEST_CASE("no task is starved: those of outside run although tasks go on making tasks") {
  thread_pool pool(1);
  std::atomic<bool> stop{false};
  std::function<void()> again = [&] {
    if (!stop) pool.post(again);
  };
  pool.post(again);
  const auto from_outside = pool.submit([] { return 1; });
  CHECK(from_outside.result() == 1);  // hangs if the pool only looks after its own children
  stop = true;
  pool.wait_idle();
}

TEST_CASE("no task is starved: those made by tasks run although outside goes on submitting") {
  thread_pool pool(1);
  std::atomic<bool> child_ran{false};
  pool.post([&] { pool.post([&] { child_ran = true; }); });
  while (!child_ran) {
    pool.post([] {});
    if (pool.pending() > 10'000) eventually([&] { return pool.pending() < 5'000; });
  }
  pool.wait_idle();
  CHECK(child_ran);
}

// ── cancel ──

TEST_CASE("a cancelled task never starts, and its callable is destroyed at once") {
  thread_pool pool(1);
  std::atomic<int> ran{0};
  {
    held_worker held(pool);
    probe callable, argument;
    auto f = pool.submit([&, held = callable.take()](std::shared_ptr<int> const&) { ++ran; }, argument.take());
    auto g = pool.submit([&] { ++ran; });
    CHECK(f.cancel());
    CHECK(callable.gone());
    CHECK(argument.gone());
    CHECK(f.cancelled());
    CHECK(f.done());
    CHECK_THROWS_AS(f.result(), spool::cancelled_error);
    CHECK_THROWS_AS(f.exception(), spool::cancelled_error);
    CHECK(f.cancel());
    held.release();
    g.wait();
  }
  pool.wait_idle();
  CHECK(ran == 1);
}

TEST_CASE("a cancelled task does not count as pending any more") {
  thread_pool pool(1);
  const held_worker held(pool);
  std::vector<future<void>> all;
  for (int i = 0; i < 10; ++i) all.push_back(pool.submit([] {}));
  CHECK(pool.pending() == 10);
  for (std::size_t i = 0; i < 10; i += 2) CHECK(all[i].cancel());
  CHECK(pool.pending() == 5);
}

TEST_CASE("cancel releases whoever waits") {
  thread_pool pool(1);
  for (int round = 0; round < rounds_of(100); ++round) {
    const held_worker held(pool);
    auto f = pool.submit([] { return 1; });
    std::array<std::string, 4> seen;
    crew waiters(4, [&](std::size_t i) {
      switch (i) {
        case 0:
          seen[i] = ending(f);
          break;
        case 1:
          seen[i] = spool::wait(std::vector{f}).done.size() == 1 ? "cancelled_error" : "nothing";
          break;
        case 2:
          for (auto&& g : spool::as_completed(std::vector{f})) seen[i] = ending(g);
          break;
        default:
          seen[i] = f.wait_for(1h) ? ending(f) : "late";
      }
    });
    CHECK(f.cancel());
    waiters.join();
    CHECK(std::count(seen.begin(), seen.end(), "cancelled_error") == 4);
  }
}

TEST_CASE("cancel against start: a task whose cancel is true never runs, one whose cancel is false does") {
  thread_pool pool(2);
  std::atomic<int> ran{0};
  future<void> f;
  std::array<bool, 2> cancelled{};
  int wrong = 0, cancels = 0;
  duel(
      rounds_of(10'000),
      [&] {
        ran = 0;
        f = {};
      },
      [&] {
        f.wait();
        pool.wait_idle();
        if (cancelled[0] == (ran == 1) || ran > 1) ++wrong;
        if (f.cancelled() != cancelled[0]) ++wrong;
        cancels += cancelled[0] ? 1 : 0;
      },
      [&] {
        f = pool.submit([&] { ++ran; });
        for (int i = 0; i < 20; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
        cancelled[0] = f.cancel();
      },
      [&] { pool.post([] {}); });
  CHECK(wrong == 0);
  CAPTURE(cancels);
}

TEST_CASE("cancel from several threads against start and callbacks") {
  thread_pool pool(2);
  std::atomic<int> ran{0}, called_back{0};
  std::vector<future<void>> all;
  std::array<int, 2> cancelled{};
  int wrong = 0;
  duel(
      rounds_of(500),
      [&] {
        ran = 0;
        called_back = 0;
        cancelled = {};
        all.clear();
        for (int i = 0; i < 20; ++i) {
          all.push_back(pool.submit([&] { ++ran; }));
          all.back().add_done_callback([&](future<void> const&) { ++called_back; });
        }
      },
      [&] {
        pool.wait_idle();
        if (ran + cancelled[0] != 20 || cancelled[0] != cancelled[1] || called_back != 20) ++wrong;
        for (auto const& f : all) wrong += f.done() ? 0 : 1;
      },
      [&] {
        for (auto& f : all) cancelled[0] += f.cancel() ? 1 : 0;
      },
      [&] {
        for (auto& f : all) cancelled[1] += f.cancel() ? 1 : 0;
      });
  CHECK(wrong == 0);
}

TEST_CASE("100,000 tasks submitted and cancelled behind a busy worker leave nothing behind") {
  thread_pool pool(1);
  const std::size_t before = live_bytes();
  {
    const held_worker held(pool);
    for (int i = 0; i < rounds_of(100'000); ++i) static_cast<void>(pool.submit([] {}).cancel());
    CHECK(pool.pending() == 0);
  }
  // Cancelled tasks count no more; the worker may still be on its way past what is left of them in the queue.
  pool.wait_idle();
  eventually([&] { return live_bytes() < before + 6 * 1024 * 1024; });  // room for what is kept to be used again
}

// ── stop ──

TEST_CASE("a task that takes a stop token first gets its own, which request_stop of its future fires") {
  thread_pool pool(3);
  std::atomic<int> stopped{0}, up{0};
  const auto loop = [&](std::stop_token const& stop, int n) {
    ++up;
    eventually([&] { return stop.stop_requested(); });
    ++stopped;
    return n;
  };
  auto f = pool.submit(loop, 1);
  auto g = pool.submit(loop, 2);
  auto h = pool.submit([&](std::stop_token stop) {
    gate fired;
    const std::stop_callback wake(stop, [&] { fired.open(); });
    ++up;
    fired.wait();
    return 3;
  });
  eventually([&] { return up == 3; });
  CHECK_FALSE(f.wait_for(0s));
  f.request_stop();
  CHECK(f.result() == 1);
  CHECK(stopped == 1);
  CHECK_FALSE(g.done());
  h.request_stop();
  CHECK(h.result() == 3);
  CHECK_FALSE(g.done());
  g.request_stop();
  CHECK(g.result() == 2);
  f.request_stop();  // done: no harm
}

TEST_CASE("a stop requested before the task starts is seen by it") {
  thread_pool pool(1);
  future<bool> f, g;
  {
    const held_worker held(pool);
    f = pool.submit([](std::stop_token stop) { return stop.stop_requested(); });
    g = pool.submit([](std::stop_token stop) { return stop.stop_requested(); });
    f.request_stop();
    CHECK_FALSE(f.done());
    CHECK_FALSE(f.cancelled());
  }
  CHECK(f.result());
  CHECK_FALSE(g.result());
}

TEST_CASE("a callable that fits both with and without a stop token is called without") {
  thread_pool pool(1);
  const auto count = [](auto const&... arguments) { return sizeof...(arguments); };
  CHECK(pool.submit(count).result() == 0);
  CHECK(pool.submit(count, 1, 2).result() == 2);
  struct both {
    int operator()(std::stop_token) const { return 1; }
    int operator()() const { return 0; }
    int operator()(std::stop_token, int) const { return 3; }
    int operator()(int) const { return 2; }
  };
  CHECK(pool.submit(both{}).result() == 0);
  CHECK(pool.submit(both{}, 5).result() == 2);
  std::atomic<std::size_t> posted{99};
  pool.post([&](auto const&... arguments) { posted = sizeof...(arguments); });
  pool.wait_idle();
  CHECK(posted == 0);
  int sum = 0;
  const std::vector<int> data{1, 2, 3};
  for (const std::size_t n : pool.map(count, data)) sum += static_cast<int>(n);
  CHECK(sum == 3);
}

TEST_CASE("a stop token given by the caller is an argument like another") {
  thread_pool pool(1);
  std::stop_source mine;
  mine.request_stop();
  const auto f = pool.submit([](std::stop_token stop) { return stop.stop_requested(); }, mine.get_token());
  CHECK(f.result());
}

TEST_CASE("a stop token may be kept longer than its task, its future and its pool") {
  std::stop_token kept;
  {
    thread_pool pool(1);
    auto f = pool.submit([](std::stop_token stop) { return stop; });
    kept = f.result();
    CHECK_FALSE(kept.stop_requested());
  }
  CHECK_FALSE(kept.stop_requested());
}

TEST_CASE("request_stop races with the start and the end of its task") {
  thread_pool pool(1);
  future<int> f;
  int wrong = 0;
  duel(
      rounds_of(5'000), [&] { f = pool.submit([](std::stop_token stop) { return stop.stop_requested() ? 1 : 2; }); },
      [&] {
        const int r = f.result();
        if (r != 1 && r != 2) ++wrong;
        f = {};
      },
      [&] { f.request_stop(); },
      [&] {
        future<int> copy = f;
        copy.request_stop();
        static_cast<void>(copy.wait_for(0s));
      });
  CHECK(wrong == 0);
}

// ── shutdown ──

TEST_CASE("shutdown runs what waits first, and afterwards submit throws with its arguments whole") {
  thread_pool pool(2);
  std::atomic<int> ran{0};
  std::vector<future<int>> all;
  for (int i = 0; i < 100; ++i) all.push_back(pool.submit([&ran] { return ++ran; }));
  pool.shutdown();
  CHECK(ran == 100);
  for (auto const& f : all) CHECK(f.done());
  auto argument = std::make_unique<int>(5);
  auto callable = [mine = std::make_unique<int>(6)](std::unique_ptr<int> p) { return *mine + *p; };
  CHECK_THROWS_AS(pool.submit(std::move(callable), std::move(argument)), spool::pool_shutdown_error);
  CHECK_THROWS_AS(pool.post(std::move(callable), std::move(argument)), spool::pool_shutdown_error);
  REQUIRE(argument);
  CHECK(callable(std::move(argument)) == 11);
  const std::vector<int> data{1, 2};
  CHECK_THROWS_AS(pool.map([](int i) { return i; }, data), spool::pool_shutdown_error);
  pool.shutdown();
  pool.shutdown(spool::shutdown_options{.wait = true, .cancel_pending = true, .request_stop = true});
  pool.shutdown({.wait = false});
  CHECK(pool.shutdown_for(0s));
  CHECK(pool.shutdown_until(steady::time_point::min()));
  CHECK(pool.wait_idle_for(0s));
  pool.wait_idle();
  CHECK(pool.pending() == 0);
  CHECK(all[0].result() >= 1);
}

TEST_CASE("a pool that never worked shuts down at once") {
  thread_pool pool(2);
  pool.shutdown();
  CHECK(pool.shutdown_for(0s));
  CHECK(pool.worker_count() == 0);
  CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
  CHECK(pool.worker_count() == 0);
}

TEST_CASE("shutdown without wait returns at once, and what waits is still run") {
  std::atomic<int> ran{0};
  std::vector<future<void>> all;
  {
    thread_pool pool(1);
    held_worker held(pool);
    for (int i = 0; i < 10; ++i) all.push_back(pool.submit([&] { ++ran; }));
    pool.shutdown({.wait = false});
    CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
    CHECK(ran == 0);
    CHECK_FALSE(pool.shutdown_for(0s));
    CHECK_FALSE(pool.shutdown_for(-1h));
    CHECK_FALSE(pool.shutdown_until(steady::now() + 1ms));
    CHECK_FALSE(pool.wait_idle_for(0s));
    held.release();
    CHECK(pool.shutdown_for(std::chrono::hours::max()));
    CHECK(ran == 10);
  }
  for (auto const& f : all) CHECK(ending(f) == "fine");
}

TEST_CASE("shutdown may be called again with more: first drain, then cancel_pending, then request_stop") {
  thread_pool pool(1);
  std::atomic<bool> started{false}, stop_seen{false}, ran{false};
  const auto running = pool.submit([&](std::stop_token stop) {
    started = true;
    eventually([&] { return stop.stop_requested(); });
    stop_seen = true;
  });
  probe callable;
  const auto waiting = pool.submit([&, held = callable.take()] { ran = true; });
  probe posted;
  pool.post([&, held = posted.take()] { ran = true; });
  eventually([&] { return started.load(); });
  pool.shutdown({.wait = false});
  CHECK_FALSE(waiting.done());
  pool.shutdown({.wait = false, .cancel_pending = true});
  CHECK(waiting.done());
  CHECK(waiting.cancelled());
  CHECK(callable.gone());
  CHECK(posted.gone());
  CHECK_FALSE(running.done());
  CHECK_FALSE(stop_seen);
  pool.shutdown({.request_stop = true});
  CHECK(stop_seen);
  CHECK(ending(running) == "fine");
  CHECK_FALSE(ran);
  CHECK(pool.pending() == 0);
}

TEST_CASE("shutdown with request_stop reaches tasks that run, tasks that wait, and posted ones") {
  thread_pool pool(2);
  std::atomic<int> up{0}, stopped{0};
  const auto loop = [&](std::stop_token stop) {
    ++up;
    eventually([&] { return stop.stop_requested(); });
    ++stopped;
  };
  std::vector<future<void>> all;
  all.push_back(pool.submit(loop));
  pool.post(loop);
  for (int i = 0; i < 5; ++i) all.push_back(pool.submit(loop));
  eventually([&] { return up == 2; });
  pool.shutdown({.request_stop = true});  // hangs if one of those that waited does not see it
  CHECK(stopped == 7);
  for (auto const& f : all) CHECK(ending(f) == "fine");
}

TEST_CASE("shutdown with a time limit gives up in time, changes what it says it changes, and can be repeated") {
  thread_pool pool(1);
  held_worker held(pool);
  const auto f = pool.submit([] {});
  const auto begin = steady::now();
  CHECK_FALSE(pool.shutdown_for(3ms));
  CHECK(steady::now() - begin >= 3ms);
  CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
  CHECK_FALSE(pool.shutdown_until(std::chrono::system_clock::now() + 1ms));
  CHECK_FALSE(f.done());
  CHECK_FALSE(pool.shutdown_for(0s, {.cancel_pending = true}));
  CHECK(f.cancelled());
  held.release();
  CHECK(pool.shutdown_for(1h));
}

TEST_CASE("shutdown from many threads at once: all return when all is done") {
  for (int round = 0; round < rounds_of(100); ++round) {
    thread_pool pool(2);
    std::atomic<int> ran{0};
    std::vector<future<void>> all;
    for (int i = 0; i < 20; ++i) all.push_back(pool.submit([&] { ++ran; }));
    std::array<int, 4> seen{};
    crew::run(4, [&](std::size_t i) {
      if (i == 3) {
        seen[i] = pool.shutdown_for(1h) ? ran.load() : -1;
      } else {
        pool.shutdown();
        seen[i] = ran;
      }
    });
    CHECK(seen == std::array<int, 4>{20, 20, 20, 20});
  }
}

TEST_CASE("the pool's own running tasks may add work while it drains, children of children too") {
  for (const bool by_post : {false, true}) {
    std::atomic<int> ran{0};
    std::vector<future<void>> futures;
    std::mutex mutex;
    {
      thread_pool pool(2);
      std::function<void(int)> grow = [&](int depth) {
        ++ran;
        if (depth == 0) return;
        for (int i = 0; i < 2; ++i) {
          if (by_post) {
            pool.post(grow, depth - 1);
          } else {
            auto f = pool.submit(grow, depth - 1);
            const std::lock_guard held(mutex);
            futures.push_back(std::move(f));
          }
        }
      };
      held_worker held(pool, 2);
      futures.push_back(pool.submit(grow, 8));
      pool.shutdown({.wait = false});
      CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
      held.release();
      pool.shutdown();
      CHECK(ran == 511);
    }
    for (auto const& f : futures) CHECK(ending(f) == "fine");
  }
}

TEST_CASE("with cancel_pending the pool's own tasks may not add work any more") {
  thread_pool pool(1);
  gate started, shut;
  std::string seen_submit, seen_post;
  const auto f = pool.submit([&] {
    started.open();
    shut.wait();
    seen_submit = outcome([&] { static_cast<void>(pool.submit([] {})); });
    seen_post = outcome([&] { pool.post([] {}); });
  });
  started.wait();
  pool.shutdown({.wait = false, .cancel_pending = true});
  shut.open();
  pool.shutdown();
  CHECK(seen_submit == "pool_shutdown_error");
  CHECK(seen_post == "pool_shutdown_error");
  CHECK(ending(f) == "fine");
}

TEST_CASE("another pool's tasks are outside: they may not add work to a pool that is shut down") {
  thread_pool pool(1), other(1);
  held_worker held(pool);
  pool.shutdown({.wait = false});
  CHECK(other.submit([&] { return outcome([&] { static_cast<void>(pool.submit([] {})); }); }).result() ==
        "pool_shutdown_error");
}

TEST_CASE("shutdown against submit: it throws with its arguments whole, or its future ends done") {
  const spool::shutdown_options ways[] = {
      {}, {.wait = false}, {.wait = true, .cancel_pending = true}, {.request_stop = true}};
  int wrong = 0, accepted = 0;
  for (int round = 0; round < rounds_of(400); ++round) {
    std::vector<std::vector<future<int>>> futures(3);
    std::array<std::unique_ptr<int>, 3> refused;
    std::atomic<int> ran{0}, posted{0}, posts{0};
    {
      thread_pool pool(2);
      crew::run(4, [&](std::size_t i) {
        if (i == 3) {
          if (round % 2 == 0) eventually([&] { return ran > 3; });
          pool.shutdown(ways[round / 2 % 4]);
          return;
        }
        for (int n = 0; n < 500; ++n) {
          auto argument = std::make_unique<int>(n);
          try {
            if (i == 2) {
              pool.post([&](std::unique_ptr<int>) { ++posted; }, std::move(argument));
              ++posts;
            } else {
              futures[i].push_back(pool.submit(
                  [&](std::unique_ptr<int> p) {
                    ++ran;
                    return *p;
                  },
                  std::move(argument)));
            }
          } catch (spool::pool_shutdown_error const&) {
            refused[i] = std::move(argument);
            return;
          }
        }
      });
    }
    int finished = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      if (futures[i].size() != 500 && (!refused[i] || *refused[i] != static_cast<int>(futures[i].size()))) ++wrong;
      int n = 0;
      for (auto const& f : futures[i]) {
        ++accepted;
        if (!f.done()) {
          ++wrong;
        } else if (!f.cancelled()) {
          ++finished;
          wrong += f.result() == n ? 0 : 1;
        } else if (!ways[round / 2 % 4].cancel_pending) {
          ++wrong;
        }
        ++n;
      }
    }
    if (finished != ran) ++wrong;
    if (!ways[round / 2 % 4].cancel_pending && posts != posted) ++wrong;
  }
  CHECK(wrong == 0);
  CAPTURE(accepted);
}

TEST_CASE("the destructor shuts down and waits, also when an exception unwinds") {
  std::atomic<int> ran{0};
  std::vector<future<void>> all;
  CHECK_THROWS_WITH(
      [&] {
        thread_pool pool(2);
        for (int i = 0; i < 100; ++i) all.push_back(pool.submit([&] { ++ran; }));
        for (int i = 0; i < 100; ++i) pool.post([&] { ++ran; });
        throw std::runtime_error("mine");
      }(),
      "mine");
  CHECK(ran == 200);
  for (auto const& f : all) CHECK(ending(f) == "fine");
}

TEST_CASE("the destructor runs what waits after a shutdown that did not wait") {
  std::atomic<int> ran{0};
  {
    thread_pool pool(1);
    held_worker held(pool);
    for (int i = 0; i < 10; ++i) pool.post([&] { ++ran; });
    pool.shutdown({.wait = false});
  }
  CHECK(ran == 10);
}

TEST_CASE("waiting for one's own pool in its own task is a usage_error, and the pool stays usable") {
  thread_pool pool(2), other(1);
  const auto seen = pool.submit([&] {
                          return std::vector<std::string>{
                              outcome([&] { pool.wait_idle(); }),
                              outcome([&] { static_cast<void>(pool.wait_idle_for(0s)); }),
                              outcome([&] { static_cast<void>(pool.wait_idle_for(1h)); }),
                              outcome([&] { static_cast<void>(pool.wait_idle_until(steady::time_point::max())); }),
                              outcome([&] { pool.shutdown(); }),
                              outcome([&] { pool.shutdown({.wait = true, .cancel_pending = true}); }),
                              outcome([&] { static_cast<void>(pool.shutdown_for(0s)); }),
                              outcome([&] { static_cast<void>(pool.shutdown_until(steady::now())); }),
                          };
                        })
                        .result();
  CHECK(seen == std::vector<std::string>(8, "usage_error"));
  // It threw, so it changed nothing: the pool was not shut down, and nothing was cancelled.
  CHECK(pool.submit([] { return 1; }).result() == 1);
  // Another pool may be waited for.
  CHECK(pool.submit([&] {
              other.post([] {});
              other.wait_idle();
              return outcome([&] { other.shutdown(); });
            })
            .result() == "fine");
  // Without waiting a task may shut its own pool down.
  CHECK(pool.submit([&] { return outcome([&] { pool.shutdown({.wait = false}); }); }).result() == "fine");
  CHECK_THROWS_AS(pool.submit([] {}), spool::pool_shutdown_error);
}

TEST_CASE("waiting for one's own pool in a callback or a destructor that its worker runs never hangs") {
  thread_pool pool(1);
  std::atomic<int> ended{0};
  std::array<std::string, 4> seen;
  {
    const held_worker held(pool);
    auto f = pool.submit([end = at_end_of_life([&] {
                            seen[0] = outcome([&] { pool.wait_idle(); });
                            ++ended;
                          })] {});
    f.add_done_callback([&](future<void> const&) {
      seen[1] = outcome([&] { pool.wait_idle(); });
      ++ended;
    });
    f.add_done_callback([&](future<void> const&) {
      seen[2] = outcome([&] { static_cast<void>(pool.shutdown_for(0s)); });
      ++ended;
    });
    pool.post([end = at_end_of_life([&] {
                 seen[3] = outcome([&] { pool.wait_idle(); });
                 ++ended;
               })] {});
  }
  eventually([&] { return ended == 4; });
  CHECK(seen[0] == "usage_error");
  CHECK(seen[1] == "usage_error");
  CHECK(seen[2] == "usage_error");
  CHECK(seen[3] == "usage_error");
}

TEST_CASE("a pool destroyed from its own task does not hang, and every future ends done") {
  for (int round = 0; round < rounds_of(400); ++round) {
    auto pool = std::make_shared<thread_pool>(round % 3 == 0 ? 1 : 2);
    std::atomic<int> ran{0};
    std::vector<future<void>> all;
    gate handed_over;
    all.push_back(pool->submit([&, mine = pool]() mutable {
      handed_over.wait();
      if (round % 2 == 0) mine.reset();  // in the task, else with the callable
      ++ran;
    }));
    for (int i = 0; i < 5; ++i) all.push_back(pool->submit([&] { ++ran; }));
    std::weak_ptr<thread_pool> weak = pool;
    pool.reset();
    handed_over.open();
    for (auto const& f : all) f.wait();
    CHECK(ran == 6);
    eventually([&] { return weak.expired(); });
  }
}

TEST_CASE("a pool destroyed by the last of many tasks that hold it, whichever that is") {
  for (int round = 0; round < rounds_of(200); ++round) {
    auto pool = std::make_shared<thread_pool>(3);
    std::vector<future<int>> all;
    for (int i = 0; i < 10; ++i) {
      all.push_back(pool->submit([pool, i] { return i + static_cast<int>(pool->max_workers()); }));
    }
    pool.reset();
    for (int i = 0; i < 10; ++i) CHECK(all[static_cast<std::size_t>(i)].result() == i + 3);
  }
}

TEST_CASE("a pool destroyed from a posted task, from a callback, and from another pool's task") {
  for (int round = 0; round < rounds_of(200); ++round) {
    auto posted = std::make_shared<thread_pool>(1);
    auto called_back = std::make_shared<thread_pool>(1);
    auto remote = std::make_shared<thread_pool>(1);
    thread_pool other(1);
    std::atomic<int> ran{0};
    gate go;
    posted->post([&, mine = posted]() mutable {
      go.wait();
      mine.reset();
      ++ran;
    });
    auto f = called_back->submit([&] { go.wait(); });
    f.add_done_callback([&, mine = called_back](future<void> const&) mutable {
      mine.reset();
      ++ran;
    });
    remote->post([&] { ++ran; });
    other.post([&, mine = remote]() mutable {
      go.wait();
      mine.reset();
      ++ran;
    });
    const std::weak_ptr<thread_pool> a = posted, b = called_back, c = remote;
    posted.reset();
    called_back.reset();
    remote.reset();
    go.open();
    eventually([&] { return ran == 4 && a.expired() && b.expired() && c.expired(); });
  }
  SUCCEED();
}

TEST_CASE("futures may outlive their pool") {
  const hook_log log;
  std::vector<future<std::string>> all;
  future<int> cancelled;
  {
    thread_pool pool(2);
    for (int i = 0; i < 20; ++i) {
      all.push_back(pool.submit([i] {
        if (i % 5 == 4) throw std::runtime_error("thrown");
        return std::to_string(i);
      }));
    }
    const held_worker held(pool, 2);
    cancelled = pool.submit([] { return 1; });
    CHECK(cancelled.cancel());
  }
  int called_back = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    auto& f = all[i];
    f.add_done_callback([&](future<std::string> const&) { ++called_back; });
    f.request_stop();
    CHECK_FALSE(f.cancel());
    if (i % 5 == 4) {
      CHECK_THROWS_WITH(f.result(), "thrown");
    } else {
      CHECK(f.result() == std::to_string(i));
      CHECK(std::move(f).result() == std::to_string(i));
    }
  }
  CHECK(called_back == 20);
  CHECK(spool::wait(all).done.size() == 20);
  CHECK_THROWS_AS(cancelled.result(), spool::cancelled_error);
  CHECK(log.size() == 0);
}

TEST_CASE("a future dropped against the destruction of its pool") {
  for (int round = 0; round < rounds_of(1'000); ++round) {
    std::vector<future<std::vector<int>>> all;
    auto pool = std::make_unique<thread_pool>(1);
    for (int i = 0; i < 3; ++i) all.push_back(pool->submit([] { return std::vector<int>(10); }));
    crew dropper(1, [&] { all.clear(); });
    pool.reset();
  }
  SUCCEED();
}

// ── wait_idle ──

TEST_CASE("wait_idle waits until nothing waits or runs, children included, and the futures of all that ran are done") {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(50); ++round) {
    std::atomic<int> ran{0};
    std::function<void(int)> grow = [&](int depth) {
      if (depth > 0) {
        pool.post(grow, depth - 1);
        static_cast<void>(pool.submit(grow, depth - 1));
      }
      ++ran;
    };
    pool.post(grow, 7);
    pool.wait_idle();
    CHECK(ran == 255);
    CHECK(pool.pending() == 0);
  }
}

TEST_CASE("when wait_idle returns, the futures of all that ran are done and their callbacks have run") {
  thread_pool pool(2);
  int wrong = 0;
  for (int round = 0; round < rounds_of(5'000); ++round) {
    const auto f = pool.submit([] {});
    const auto g = pool.submit([] { return 1; });
    pool.wait_idle();
    if (!f.done() || !g.done()) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("wait_idle of a pool that is idle returns at once") {
  thread_pool pool(1);
  pool.wait_idle();
  CHECK(pool.wait_idle_for(0s));
  CHECK(pool.wait_idle_for(-1h));
  CHECK(pool.wait_idle_until(steady::time_point::min()));
  CHECK(pool.worker_count() == 0);
  pool.submit([] {}).result();
  pool.wait_idle();
  CHECK(pool.wait_idle_for(0s));
}

TEST_CASE("wait_idle with a time limit gives up in time") {
  thread_pool pool(1);
  held_worker held(pool);
  CHECK_FALSE(pool.wait_idle_for(0s));
  CHECK_FALSE(pool.wait_idle_for(std::chrono::nanoseconds::min()));
  const auto begin = steady::now();
  CHECK_FALSE(pool.wait_idle_for(3ms));
  CHECK(steady::now() - begin >= 3ms);
  CHECK_FALSE(pool.wait_idle_until(std::chrono::system_clock::now() + 1ms));
  CHECK_FALSE(pool.wait_idle_until(odd_clock::now()));
  held.release();
  CHECK(pool.wait_idle_for(std::chrono::hours::max()));
}

TEST_CASE("of two that wait for idle, one of which gives up, the other is released") {
  thread_pool pool(1);
  for (int round = 0; round < rounds_of(200); ++round) {
    held_worker held(pool);
    std::atomic<bool> gave_up{false};
    bool idle = false;
    crew waiters(2, [&](std::size_t i) {
      if (i == 0) {
        pool.wait_idle();
        idle = true;
      } else {
        static_cast<void>(pool.wait_idle_for(20us));
        gave_up = true;
      }
    });
    eventually([&] { return gave_up.load(); });
    held.release();
    waiters.join();
    CHECK(idle);
  }
}

TEST_CASE("wait_idle returns though all that waited was cancelled") {
  thread_pool pool(1);
  for (int round = 0; round < rounds_of(300); ++round) {
    std::vector<future<void>> all;
    {
      held_worker held(pool);
      for (int i = 0; i < 5; ++i) all.push_back(pool.submit([] {}));
      crew waiter(1, [&] { pool.wait_idle(); });
      if (round % 2 == 0) held.release();
      for (auto& f : all) static_cast<void>(f.cancel());
      held.release();
      waiter.join();
    }
    pool.wait_idle();
  }
  SUCCEED();
}

TEST_CASE("wait_idle in many threads, against submits and shutdown") {
  for (int round = 0; round < rounds_of(100); ++round) {
    thread_pool pool(2);
    std::atomic<int> ran{0};
    crew::run(5, [&](std::size_t i) {
      switch (i) {
        case 0:
        case 1:
          for (int n = 0; n < 50; ++n) pool.post([&] { ++ran; });
          break;
        case 2:
          pool.wait_idle();
          break;
        case 3:
          for (int n = 0; n < 20; ++n) static_cast<void>(pool.wait_idle_for(1us));
          break;
        default:
          eventually([&] { return ran == 100; }), pool.shutdown();
      }
    });
    CHECK(ran == 100);
    CHECK(pool.wait_idle_for(0s));
  }
}

TEST_CASE("what a task did is seen after wait_idle, shutdown and the destructor") {
  std::vector<int> plain;  // no atomics: ThreadSanitizer watches
  for (int round = 0; round < rounds_of(300); ++round) {
    thread_pool pool(2);
    plain.clear();
    pool.post([&] { plain.push_back(1); });
    switch (round % 3) {
      case 0:
        pool.wait_idle();
        break;
      case 1:
        pool.shutdown();
        break;
      default:
        pool.shutdown_for(1h);
    }
    CHECK(plain.size() == 1);
    plain.push_back(2);
    if (round % 3 == 0) {
      pool.post([&] { plain.push_back(3); });  // what was done before a post is seen by its task
      pool.wait_idle();
      CHECK(plain == std::vector<int>{1, 2, 3});
    }
  }
}

// ── the initializer ──

TEST_CASE("the initializer runs once in each worker, before its first task") {
  static thread_local int initialized = 0;
  std::atomic<int> runs{0}, wrong{0};
  thread_pool pool(spool::pool_options{.max_workers = 4, .initializer = [&] {
                                         ++initialized;
                                         ++runs;
                                       }});
  CHECK(runs == 0);
  for (int round = 0; round < 20; ++round) {
    meeting all(4);
    for (int i = 0; i < 4; ++i) {
      pool.post([&] {
        if (initialized != 1) ++wrong;
        all.arrive_and_wait();
      });
    }
    pool.wait_idle();
  }
  CHECK(runs == 4);
  CHECK(wrong == 0);
  CHECK(initialized == 0);
}

TEST_CASE("the initializer may be move-only, and is destroyed with the pool") {
  probe inside;
  int calls = 0;
  {
    auto initializer = [&calls, held = std::make_unique<std::shared_ptr<int>>(inside.take())] { ++calls; };
    constexpr bool taken = std::is_constructible_v<decltype(spool::pool_options::initializer), decltype(initializer)>;
    CHECK(taken);
    if constexpr (taken) {
      thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = std::move(initializer)});
      pool.submit([] {}).result();
      CHECK(calls == 1);
      CHECK_FALSE(inside.gone());
    }
  }
  CHECK(inside.gone());
}

TEST_CASE("an initializer may use its pool: submit, look, and be told that it cannot wait for it") {
  std::atomic<int> ran{0};
  std::atomic<bool> ended{false};
  std::string seen;
  std::optional<thread_pool> pool;
  pool.emplace(spool::pool_options{.max_workers = 1, .initializer = [&] {
                                     pool->post([&] { ++ran; });
                                     static_cast<void>(pool->pending());
                                     static_cast<void>(pool->worker_count());
                                     seen = outcome([&] { pool->wait_idle(); });  // never a hang
                                     ended = true;
                                   }});
  pool->post([&] { ++ran; });
  eventually([&] { return ended.load(); });
  pool->wait_idle();
  CHECK(ran == 2);
  CHECK(seen == "usage_error");
}

TEST_CASE("a throwing initializer breaks the pool: its exception goes to the excepthook once, all futures are broken") {
  for (int round = 0; round < rounds_of(100); ++round) {
    const hook_log log;
    probe posted;
    bool offered = false;
    {
      std::atomic<int> ran{0};
      thread_pool pool(spool::pool_options{.max_workers = 4, .thread_name_prefix = "broken", .initializer = [] {
                                             throw std::runtime_error("initializer");
                                           }});
      std::vector<future<void>> all;
      try {
        for (int i = 0; i < 20; ++i) {
          if (i == 1) {
            offered = true;
            pool.post([&, held = posted.take()] { ++ran; });
          }
          all.push_back(pool.submit([&] { ++ran; }));
        }
      } catch (spool::broken_pool_error const&) {  // it broke meanwhile
      }
      REQUIRE_FALSE(all.empty());
      for (auto const& f : all) CHECK(ending(f) == "broken_pool_error");
      CHECK_FALSE(all[0].cancelled());
      pool.wait_idle();
      auto argument = std::make_unique<int>(1);
      CHECK_THROWS_AS(pool.submit([](std::unique_ptr<int>) {}, std::move(argument)), spool::broken_pool_error);
      CHECK_THROWS_AS(pool.post([](std::unique_ptr<int>) {}, std::move(argument)), spool::broken_pool_error);
      CHECK(argument);
      CHECK(ran == 0);
      CHECK(pool.pending() == 0);
      CHECK(pool.wait_idle_for(1h));
      if (round % 2 == 0) pool.shutdown();
    }
    CHECK(posted.gone() == offered);
    CHECK(log.count("initializer") == 1);
    CHECK(log.size() == 1);
  }
}

TEST_CASE("unread futures of a broken pool are dropped in silence") {
  const hook_log log;
  {
    thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [] { throw 1; }});
    const auto f = pool.submit([] {});
    f.wait();
    CHECK(spool::wait(std::vector{f}, spool::first_exception).done.size() == 1);
  }
  CHECK(log.size() == 1);  // the initializer's own
}

TEST_CASE("a pool that breaks lets running tasks end with their results") {
  const hook_log log;
  std::atomic<int> initialized{0};
  thread_pool pool(spool::pool_options{.max_workers = 2, .initializer = [&] {
                                         if (++initialized == 2) throw std::runtime_error("the second");
                                       }});
  gate started, finish;
  const opens at_end(finish);
  std::string seen_inside;
  const auto running = pool.submit([&] {
    started.open();
    finish.wait();
    seen_inside = outcome([&] { static_cast<void>(pool.submit([] {})); });
    return 5;
  });
  started.wait();
  const auto waiting = pool.submit([] { return 1; });
  CHECK(ending(waiting) == "broken_pool_error");
  CHECK_THROWS_AS(pool.submit([] {}), spool::broken_pool_error);
  CHECK_FALSE(running.done());
  finish.open();
  CHECK(running.result() == 5);
  CHECK(seen_inside == "broken_pool_error");
  pool.shutdown();
  CHECK(log.count("the second") == 1);
}

TEST_CASE("submit against a pool that breaks: it throws with its arguments whole, or its future ends broken or done") {
  const hook_log log;
  int wrong = 0, not_done_when_idle = 0, not_done_at_the_end = 0;
  std::size_t broken_pools = 0;
  for (int round = 0; round < rounds_of(300); ++round) {
    std::atomic<int> initialized{0};
    std::array<std::vector<future<int>>, 2> futures;
    {
      thread_pool pool(spool::pool_options{.max_workers = 3, .initializer = [&, round] {
                                             if (++initialized > round % 3) throw std::runtime_error("init");
                                           }});
      crew::run(2, [&](std::size_t i) {
        for (int n = 0; n < 200; ++n) {
          auto argument = std::make_unique<int>(n);
          try {
            futures[i].push_back(pool.submit([](std::unique_ptr<int> p) { return *p; }, std::move(argument)));
          } catch (spool::broken_pool_error const&) {
            if (!argument) throw std::runtime_error("moved from");
            return;
          }
        }
      });
      pool.wait_idle();
      for (auto& of_one : futures) {
        for (auto const& f : of_one) not_done_when_idle += f.done() ? 0 : 1;
      }
    }
    if (initialized > round % 3) ++broken_pools;
    for (auto& of_one : futures) {
      int n = 0;
      for (auto const& f : of_one) {
        if (!f.done()) ++not_done_at_the_end;
        const std::string seen = ending(f);
        if (seen == "fine" ? f.result() != n : seen != "broken_pool_error") ++wrong;
        ++n;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(not_done_when_idle == 0);
  CHECK(not_done_at_the_end == 0);
  CHECK(log.count("init") == broken_pools);
  CHECK(log.size() == broken_pools);
}

// ── map ──

TEST_CASE("map gives the results in the order of the inputs") {
  thread_pool pool(4);
  std::vector<int> data(500);
  std::iota(data.begin(), data.end(), 0);
  std::vector<int> seen;
  for (const int r : pool.map([](int i) { return i * i; }, data)) seen.push_back(r);
  REQUIRE(seen.size() == 500);
  for (std::size_t i = 0; i < 500; ++i) CHECK(seen[i] == static_cast<int>(i * i));
}

TEST_CASE("map gives the results in the order of the inputs though the first ends last") {
  thread_pool pool(4);
  for (int round = 0; round < rounds_of(100); ++round) {
    std::array<gate, 4> gates;
    gates[3].open();
    const std::vector<int> data{0, 1, 2, 3};
    std::vector<int> seen;
    for (const int r : pool.map(
             [&](int i) {
               gates[static_cast<std::size_t>(i)].wait();
               if (i > 0) gates[static_cast<std::size_t>(i) - 1].open();
               return i;
             },
             data)) {
      seen.push_back(r);
    }
    CHECK(seen == data);
  }
}

TEST_CASE("map submits all at once") {
  thread_pool pool(4);
  std::atomic<int> ran{0};
  const std::vector<int> data{1, 2, 3, 4, 5};
  {
    auto results = pool.map([&](int i) { return ran += i, i; }, data);
    pool.wait_idle();
    CHECK(ran == 15);  // though nobody has asked for a result
    CHECK(std::ranges::distance(results) == 5);
  }
  meeting all(5);
  auto blocked = pool.map([&](int i) { return all.arrive_and_wait(), i; }, std::views::iota(0, 4));
  all.arrive_and_wait();  // they all run at once
  CHECK(*blocked.begin() == 0);
}

TEST_CASE("the shortest range ends a map, an empty one at once") {
  thread_pool pool(2);
  const std::vector<int> a{1, 2, 3};
  const std::list<int> b{10, 20};
  std::vector<int> seen;
  for (const int r : pool.map([](int x, int y) { return x + y; }, a, b)) seen.push_back(r);
  CHECK(seen == std::vector<int>{11, 22});
  seen.clear();
  for (const int r : pool.map([](int x, int y, int z) { return x + y + z; }, a, b, std::views::iota(100)))
    seen.push_back(r);
  CHECK(seen == std::vector<int>{111, 123});
  seen.clear();
  const std::vector<int> none;
  for (const int r : pool.map([](int x, int y) { return x + y; }, a, none)) seen.push_back(r);
  for (const int r : pool.map([](int x) { return x; }, none)) seen.push_back(r);
  CHECK(seen.empty());
  auto empty = pool.map([](int x) { return x; }, none);
  CHECK(empty.begin() == empty.end());
}

TEST_CASE("an lvalue range is referred to: f gets its elements as its iterator gives them") {
  thread_pool pool(2);
  std::vector<int> data{1, 2, 3};
  std::vector<int const*> where;
  for (int const* p : pool.map(
           [](int& i) -> int const* {
             i *= 10;
             return &i;
           },
           data)) {
    where.push_back(p);
  }
  CHECK(data == std::vector<int>{10, 20, 30});
  CHECK(where == std::vector<int const*>{&data[0], &data[1], &data[2]});
  std::vector<std::unique_ptr<int>> owners;
  owners.push_back(std::make_unique<int>(4));
  for (const int r : pool.map([](std::unique_ptr<int>& p) { return *p; }, owners)) CHECK(r == 4);
  CHECK(owners[0]);
  std::vector<bool> bits{true, false, true};
  std::vector<bool> seen;
  for (const bool b : pool.map([](bool bit) { return !bit; }, bits)) seen.push_back(b);
  CHECK(seen == std::vector<bool>{false, true, false});
}

TEST_CASE("an rvalue range is kept as long as it is needed") {
  thread_pool pool(2);
  probe inside;
  std::vector<std::shared_ptr<int>> data{inside.take(), std::make_shared<int>(3)};
  *data[0] = 2;
  gate go;
  auto results = [&] {
    std::vector<std::shared_ptr<int>> temporary = std::move(data);
    return pool.map(
        [&](std::shared_ptr<int> const& p) {
          go.wait();
          return *p;
        },
        std::move(temporary));
  }();
  CHECK_FALSE(inside.gone());
  go.open();
  std::vector<int> seen;
  for (const int r : results) seen.push_back(r);
  CHECK(seen == std::vector<int>{2, 3});
}

TEST_CASE("map takes any input range, once gone through") {
  thread_pool pool(2);
  std::istringstream words("3 1 2");
  std::vector<int> seen;
  for (const int r : pool.map([](int i) { return i * 2; }, std::views::istream<int>(words))) seen.push_back(r);
  CHECK(seen == std::vector<int>{6, 2, 4});
  seen.clear();
  for (const int r : pool.map([](int i) { return i; },
                              std::views::iota(0, 10) | std::views::filter([](int i) { return i % 3 == 0; }))) {
    seen.push_back(r);
  }
  CHECK(seen == std::vector<int>{0, 3, 6, 9});
  const int plain[] = {5, 6};
  seen.clear();
  for (const int r : pool.map([](int const& i) { return i; }, plain)) seen.push_back(r);
  CHECK(seen == std::vector<int>{5, 6});
}

TEST_CASE("the results of a map are R&, may be changed and moved out, and for void there are none") {
  thread_pool pool(2);
  const std::vector<int> data{1, 2, 3};
  std::vector<std::unique_ptr<int>> owners;
  for (std::unique_ptr<int>& p : pool.map([](int i) { return std::make_unique<int>(i); }, data))
    owners.push_back(std::move(p));
  CHECK(*owners.at(2) == 3);
  auto changed = pool.map([](int i) { return i; }, data);
  auto it = changed.begin();
  *it = 50;
  CHECK(*it == 50);
  int target = 0;
  for (int& r : pool.map([&](int) -> int& { return target; }, std::vector<int>{1})) CHECK(&r == &target);
  std::atomic<int> ran{0};
  auto nothing = pool.map([&](int i) { ran += i; }, data);
  static_assert(std::is_void_v<decltype(*nothing.begin())>);
  int steps = 0;
  for (auto v = nothing.begin(); v != nothing.end(); ++v) {
    *v;
    ++steps;
  }
  CHECK(steps == 3);
  CHECK(ran == 6);
}

TEST_CASE("an item's exception comes out at its place, and the map goes on past it") {
  const hook_log log;
  thread_pool pool(2);
  const std::vector<int> data{0, 1, 2, 3, 4, 5};
  {
    auto results = pool.map(
        [](int i) {
          if (i % 2 == 1) throw std::runtime_error("item " + std::to_string(i));
          return i;
        },
        data);
    std::vector<std::string> seen;
    for (auto it = results.begin(); it != results.end(); ++it) {
      seen.push_back(outcome([&] { seen.push_back(std::to_string(*it)); }));
    }
    CHECK(seen == std::vector<std::string>{"0", "fine", "item 1", "2", "fine", "item 3", "4", "fine", "item 5"});
  }
  {
    auto results = pool.map([](int) { throw std::runtime_error("void item"); }, data);
    int thrown = 0;
    for (auto it = results.begin(); it != results.end(); ++it) {
      try {
        *it;
      } catch (std::runtime_error const&) {
        ++thrown;
      }
    }
    CHECK(thrown == 6);
  }
  {
    auto dropped = pool.map([](int) -> int { throw std::runtime_error("dropped"); }, data);
    pool.wait_idle();
    auto dropped_early = pool.map([](int) -> int { throw std::runtime_error("dropped early"); }, data);
  }
  pool.wait_idle();
  CHECK(log.size() == 0);  // items of a dropped map don't count
}

TEST_CASE("f may take a stop token first in a map, and may be move-only") {
  thread_pool pool(2);
  const std::vector<int> data{1, 2, 3};
  int sum = 0;
  for (const int r :
       pool.map([](std::stop_token stop, int i) { return stop.stop_possible() && !stop.stop_requested() ? i : 100; },
                data)) {
    sum += r;
  }
  CHECK(sum == 6);
  sum = 0;
  for (const int r : pool.map([factor = std::make_unique<int>(2)](int i) { return i * *factor; }, data)) sum += r;
  CHECK(sum == 12);
}

TEST_CASE("dropping a map cancels what has not started, requests stop of what runs and waits for it") {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(200); ++round) {
    auto data = std::make_unique<std::vector<int>>(50, 1);
    data->front() = 0;
    std::atomic<int> running{0}, started{0};
    std::atomic<bool> first_done{false};
    const auto body = [&](std::stop_token stop, int& i) {
      ++running;
      ++started;
      // Once the first has its result those that run go on until they are asked to stop: for ever, if nobody does.
      if (i != 0) eventually([&] { return !first_done || stop.stop_requested(); });
      if (i == 0) first_done = true;
      i = 2;
      --running;
      return i;
    };
    switch (round % 4) {
      case 0: {
        auto results = pool.map(body, *data);
        break;
      }
      case 1:
        for (int& r : pool.map(body, *data)) {
          if (r == 2) break;
        }
        break;
      case 2:
        CHECK_THROWS_WITH(
            [&] {
              for (int& r : pool.map(body, *data)) throw std::runtime_error(r == 2 ? "mine" : "odd");
            }(),
            "mine");
        break;
      default:
        static_cast<void>(*pool.map(body, *data).begin());
    }
    CHECK(running == 0);
    const int now = started;
    data.reset();  // AddressSanitizer sees who still touches it
    pool.wait_idle();
    CHECK(started == now);
  }
}

TEST_CASE("dropping a map releases its callable, its range and its results") {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(200); ++round) {
    probe callable, range;
    std::weak_ptr<int> result;
    {
      std::vector<std::shared_ptr<int>> data{range.take(), nullptr, nullptr};
      auto results = pool.map(
          [held = callable.take()](std::shared_ptr<int> const&) { return std::make_shared<int>(1); }, std::move(data));
      auto it = results.begin();
      result = *it;
      if (round % 2 == 0) ++it;
    }
    CHECK(callable.gone());
    CHECK(range.gone());
    CHECK(result.expired());
  }
}

TEST_CASE("a map does not keep results that it has yielded") {
  thread_pool pool(1);
  std::vector<std::weak_ptr<int>> seen;
  int kept = 0;
  for (auto& r : pool.map([](int i) { return std::make_shared<int>(i); }, std::views::iota(0, 10))) {
    for (auto const& w : seen) kept += w.expired() ? 0 : 1;
    seen.push_back(r);
  }
  CHECK(kept == 0);
}

TEST_CASE("a map whose range throws while it is gone through cancels and waits for what it submitted") {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(100); ++round) {
    std::atomic<int> running{0}, started{0};
    auto throwing = std::views::iota(0, 20) | std::views::transform([](int i) {
                      if (i == 10) throw std::runtime_error("the iterator");
                      return i;
                    });
    CHECK_THROWS_WITH(
        [&] {
          for (const int r : pool.map(
                   [&](int i) {
                     ++running;
                     ++started;
                     --running;
                     return i;
                   },
                   throwing)) {
            static_cast<void>(r);
          }
        }(),
        "the iterator");
    CHECK(running == 0);
    const int now = started;
    pool.wait_idle();
    CHECK(started == now);
  }
}

TEST_CASE("the results of a map are there after a shutdown, and after the end of the pool") {
  const std::vector<int> data{1, 2, 3};
  auto pool = std::make_unique<thread_pool>(2);
  auto after_shutdown = pool->map([](int i) { return i; }, data);
  auto after_end = pool->map([](int i) { return 2 * i; }, data);
  pool->shutdown();
  std::vector<int> seen;
  for (const int r : after_shutdown) seen.push_back(r);
  CHECK(seen == data);
  pool.reset();
  seen.clear();
  for (const int r : after_end) seen.push_back(r);
  CHECK(seen == std::vector<int>{2, 4, 6});
}

TEST_CASE("a map whose pool is shut down with cancel_pending gives cancelled_error for what did not run") {
  thread_pool pool(1);
  const std::vector<int> data{1, 2, 3};
  std::optional<held_worker> held(std::in_place, pool);
  auto results = pool.map([](int i) { return i; }, data);
  pool.shutdown({.wait = false, .cancel_pending = true});
  held.reset();
  std::vector<std::string> seen;
  for (auto it = results.begin(); it != results.end(); ++it) {
    seen.push_back(outcome([&] { static_cast<void>(*it); }));
  }
  CHECK(seen == std::vector<std::string>(3, "cancelled_error"));
}

TEST_CASE("a map on a broken pool ends with broken_pool_error, at the call or at each item") {
  const hook_log log;
  {
    thread_pool pool(spool::pool_options{.max_workers = 2, .initializer = [] { throw 1; }});
    const std::vector<int> data{1, 2, 3};
    std::set<std::string> seen;
    seen.insert(outcome([&] {
      auto results = pool.map([](int i) { return i; }, data);
      for (auto it = results.begin(); it != results.end(); ++it) {
        seen.insert(outcome([&] { static_cast<void>(*it); }));
      }
      throw spool::broken_pool_error();
    }));
    CHECK(seen == std::set<std::string>{"broken_pool_error"});
  }
  CHECK(log.size() == 1);
}

TEST_CASE("the range of a map works with views and algorithms") {
  thread_pool pool(2);
  std::vector<int> seen;
  for (const int r : pool.map([](int i) { return i; }, std::views::iota(0, 100)) | std::views::take(3))
    seen.push_back(r);
  CHECK(seen == std::vector<int>{0, 1, 2});
  auto range = pool.map([](int i) { return i; }, std::views::iota(0, 10));
  int total = 0;
  for (const int r : range | std::views::transform([](int i) { return 2 * i; })) total += r;
  CHECK(total == 90);
  auto moved = std::move(range);
  auto again = pool.map([](int i) { return i; }, std::views::iota(0, 10));
  CHECK(std::ranges::distance(again) == 10);
}

TEST_CASE("several maps may be gone through in turn, and in several threads at once") {
  thread_pool pool(2);
  const std::vector<int> data{1, 2, 3, 4};
  auto a = pool.map([](int i) { return i; }, data);
  auto b = pool.map([](int i) { return 10 * i; }, data);
  auto i = a.begin();
  auto j = b.begin();
  int sum = 0;
  for (; i != a.end(); ++i, ++j) sum += *i + *j;
  CHECK(sum == 110);
  std::array<int, 4> sums{};
  crew::run(4, [&](std::size_t who) {
    for (int n = 0; n < rounds_of(50); ++n) {
      for (const int r : pool.map([](int k) { return k; }, data)) sums[who] += r;
    }
  });
  CHECK(std::count(sums.begin(), sums.end(), 10 * rounds_of(50)) == 4);
}

// ── strong guarantee ──

TEST_CASE("a submit whose copy throws has changed nothing and has not moved from its other arguments") {
  tracked::reset();
  {
    thread_pool pool(1);
    const held_worker held(pool);
    const tracked lvalue(1);
    auto first = std::make_unique<int>(2), last = std::make_unique<int>(3);
    auto callable = [mine = std::make_unique<int>(4)](std::unique_ptr<int>, tracked const&, std::unique_ptr<int>) {};
    for (const bool by_post : {false, true}) {
      CAPTURE(by_post);
      tracked::fail_at_copy(1);
      if (by_post) {
        CHECK_THROWS_AS(pool.post(std::move(callable), std::move(first), lvalue, std::move(last)), tracked_failure);
      } else {
        CHECK_THROWS_AS(pool.submit(std::move(callable), std::move(first), lvalue, std::move(last)), tracked_failure);
      }
      tracked::fail_at_copy(0);
      CHECK(first);
      CHECK(last);
      CHECK(pool.pending() == 0);
      CHECK(tracked::live() == 1);
    }
    auto f = pool.submit(std::move(callable), std::move(first), lvalue, std::move(last));
    CHECK(pool.pending() == 1);
    CHECK(f.cancel());
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("what copies the callable may wait for the pool to be idle: the task to be has not entered it yet") {
  thread_pool pool(1);
  struct waits_when_copied {
    explicit waits_when_copied(thread_pool& p) : pool(&p) {}
    waits_when_copied(waits_when_copied const& other) noexcept(false) : pool(other.pool) { pool->wait_idle(); }
    waits_when_copied(waits_when_copied&&) = default;
    int operator()() const { return 1; }
    thread_pool* pool;
  };
  const waits_when_copied callable(pool);
  CHECK(pool.submit(callable).result() == 1);
  CHECK(pool.try_submit(callable)->result() == 1);
  pool.post(callable);
  pool.wait_idle();
}

TEST_CASE("a submit whose callable cannot be copied because that throws leaves the arguments whole") {
  thread_pool pool(1);
  struct throws_on_copy {
    throws_on_copy() = default;
    throws_on_copy(throws_on_copy const&) { throw std::runtime_error("copy"); }
    void operator()(std::unique_ptr<int>) const {}
  };
  const throws_on_copy callable;
  auto argument = std::make_unique<int>(1);
  CHECK_THROWS_WITH(pool.submit(callable, std::move(argument)), "copy");
  CHECK_THROWS_WITH(pool.post(callable, std::move(argument)), "copy");
  CHECK(argument);
  CHECK(pool.submit([] { return 1; }).result() == 1);
}

// ── load ──

TEST_CASE("many producers, many tasks, each runs exactly once and gives its result") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    thread_pool pool(workers);
    constexpr std::size_t producers = 4;
    const auto each = static_cast<std::size_t>(rounds_of(5'000));
    std::vector<std::atomic<int>> runs(producers * each);
    std::atomic<std::size_t> wrong{0};
    crew::run(producers, [&](std::size_t p) {
      std::vector<future<std::size_t>> futures;
      for (std::size_t i = 0; i < each; ++i) {
        const std::size_t mine = p * each + i;
        futures.push_back(pool.submit([&runs, mine] {
          ++runs[mine];
          return mine;
        }));
      }
      for (std::size_t i = 0; i < each; ++i) {
        if (std::move(futures[i]).result() != p * each + i) ++wrong;
      }
    });
    for (auto const& r : runs) wrong += r == 1 ? 0u : 1u;
    CHECK(wrong == 0);
  }
}

TEST_CASE("futures of several pools may be waited for together") {
  thread_pool a(1), b(2);
  std::vector<future<int>> all;
  for (int i = 0; i < 100; ++i) all.push_back((i % 2 == 0 ? a : b).submit([i] { return i; }));
  int sum = 0;
  for (auto&& f : spool::as_completed(all)) sum += f.result();
  CHECK(sum == 4950);
  CHECK(spool::wait(all).done == all);
}

TEST_CASE("100,000 tasks pass without memory that grows") {
  thread_pool pool(2);
  const auto pass = [&](int n) {
    for (int i = 0; i < n; ++i) {
      pool.post([] {});
      if (i % 100 == 0) pool.submit([] {}).result();
    }
    pool.wait_idle();
  };
  pass(rounds_of(20'000));
  const std::size_t before = live_bytes();
  for (int i = 0; i < 5; ++i) pass(rounds_of(20'000));
  CHECK(live_bytes() < before + 2 * 1024 * 1024);
}
