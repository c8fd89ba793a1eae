// bench/thread_pool_bench.cpp · the pool beside std::async, a mutex+condvar pool, oneTBB, Asio and Eigen
// SPDX-License-Identifier: MIT
//
// Each row is measured in rounds, spool and the peers by turns (support/rounds.hpp); every answer is checked. A pool is
// made and warmed before its clock starts. One row: thread_pool_bench --benchmark_filter=ping
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/rounds.hpp"
#include "thread_pool/pools.hpp"

namespace {

using bench::contestant;
using bench::cost;
using bench::stopwatch;

void check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "wrong answer: %s\n", what);
  std::abort();
}

/// Tasks count down, one thread sleeps until none is left.
class countdown {
public:
  explicit countdown(std::uint32_t n) : left_(n) {}
  void arrive() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      over_.store(1, std::memory_order_release);
      over_.notify_one();
    }
  }
  void wait() const { over_.wait(0, std::memory_order_acquire); }

private:
  std::atomic<std::uint32_t> left_;
  alignas(64) std::atomic<int> over_{0};
};

/// Lets the thread outside give its tasks in, from within the pool's arena where it has one, and wait for the last.
template <class Pool, class Give>
void give_and_wait(Pool& pool, countdown& all, Give give) {
  if constexpr (requires { pool.inside(give); }) {
    pool.inside([&] {
      give();
      pool.drain();
    });
  } else {
    give();
  }
  all.wait();
}

template <class Pool>
void warm(Pool& pool, unsigned workers) {
  const std::uint32_t n = 1000 * workers;
  countdown all(n);
  give_and_wait(pool, all, [&] {
    for (std::uint32_t i = 0; i < n; ++i) pool.post([&all] { all.arrive(); });
  });
}

/// Arithmetic that no compiler shortens; what a step takes on an undisturbed processor is measured first.
void work(std::uint64_t steps) {
  std::uint64_t x = steps;
  for (std::uint64_t i = 0; i < steps; ++i) benchmark::DoNotOptimize(x = x * 2862933555777941757U + 3037000493U);
}
double step_ns() {
  static const double best = [] {
    double least = 1e9;
    for (int i = 0; i < 50; ++i) {
      const stopwatch watch;
      work(100'000);
      least = std::min(least, watch.per_unit(100'000).wall_ns);
    }
    return least;
  }();
  return best;
}

// ── the workloads ──

template <class Pool>
cost fire_and_forget(unsigned workers) {
  constexpr std::uint32_t n = 100'000;
  Pool pool(workers);
  warm(pool, workers);
  countdown all(n);
  const stopwatch watch;
  give_and_wait(pool, all, [&] {
    for (std::uint32_t i = 0; i < n; ++i) pool.post([&all] { all.arrive(); });
  });
  return watch.per_unit(n);
}

/// How a result is asked of no pool at all.
struct std_async {
  static constexpr const char* name = "std::async";
  explicit std_async(unsigned) {}
  template <class F>
  auto submit(F f) {
    return std::async(std::launch::async, std::move(f));
  }
};

template <class Pool>
cost submit_and_collect(int n) {
  Pool pool(2);
  const auto once = [&](int count) {
    std::vector<decltype(pool.submit([count] { return count; }))> results;
    results.reserve(static_cast<std::size_t>(count));
    const stopwatch watch;
    for (int i = 0; i < count; ++i) results.push_back(pool.submit([i] { return i; }));
    std::int64_t sum = 0;
    for (auto& r : results) sum += std::move(r).get();
    const cost took = watch.per_unit(count);
    check(sum == std::int64_t{count} * (count - 1) / 2, "submit+collect");
    return took;
  };
  once(n / 10);
  return once(n);
}

template <class Pool>
cost four_producers() {
  constexpr std::uint32_t producers = 4;
  constexpr std::uint32_t each = 25'000;
  Pool pool(2);
  warm(pool, 2);
  countdown all(producers * each);
  const stopwatch watch;
  std::vector<std::thread> threads;
  for (std::uint32_t p = 0; p < producers; ++p) {
    threads.emplace_back([&] {
      for (std::uint32_t i = 0; i < each; ++i) pool.post([&all] { all.arrive(); });
    });
  }
  for (std::thread& t : threads) t.join();
  all.wait();
  return watch.per_unit(producers * each);
}

template <class Pool>
void grow(Pool& pool, countdown& leaves, unsigned depth) {
  if (depth == 0) return leaves.arrive();
  for (int child = 0; child < 2; ++child) {
    pool.post([&pool, &leaves, depth] { grow(pool, leaves, depth - 1); });
  }
}

template <class Pool>
cost tree(unsigned workers = 2) {
  constexpr unsigned depth = 16;
  Pool pool(workers);
  warm(pool, workers);
  countdown leaves(1U << depth);
  const stopwatch watch;
  give_and_wait(pool, leaves, [&] { pool.post([&] { grow(pool, leaves, depth); }); });
  return watch.per_unit((2U << depth) - 1);
}

int fib_of(spool::thread_pool& pool, int n) {
  if (n < 2) return n;
  auto one = pool.submit([&pool, n] { return fib_of(pool, n - 1); });
  const int other = fib_of(pool, n - 2);
  return std::move(one).result() + other;
}
constexpr int fib_n = 27;
constexpr int fib_answer = 196'418;
constexpr double fib_forks = 317'810;

cost fib_spool() {
  spool::thread_pool pool(2);
  pool.submit([&pool] { return fib_of(pool, 20); }).wait();
  const stopwatch watch;
  const int answer = pool.submit([&pool] { return fib_of(pool, fib_n); }).result();
  const cost took = watch.per_unit(fib_forks);
  check(answer == fib_answer, "fib");
  return took;
}

#if SPOOL_BENCH_TBB
int fib_of(int n) {
  if (n < 2) return n;
  int one = 0;
  tbb::task_group group;
  group.run([&one, n] { one = fib_of(n - 1); });
  const int other = fib_of(n - 2);
  group.wait();
  return one + other;
}

/// The calling thread is one of the two.
cost fib_tbb() {
  bench::allow_tbb_threads();
  tbb::task_arena arena(2, 1);
  arena.execute([] { return fib_of(20); });
  const stopwatch watch;
  const int answer = arena.execute([] { return fib_of(fib_n); });
  const cost took = watch.per_unit(fib_forks);
  check(answer == fib_answer, "fib");
  return took;
}
#endif

template <class Pool>
cost ping(int trips) {
  Pool pool(2);
  for (int i = 0; i < 100; ++i) pool.submit([i] { return i; }).get();
  std::int64_t sum = 0;
  bench::latencies each(static_cast<std::size_t>(trips));
  each.start();
  for (int i = 0; i < trips; ++i) {
    sum += pool.submit([i] { return i; }).get();
    each.stop();
  }
  check(sum == std::int64_t{trips} * (trips - 1) / 2, "ping");
  return each.summary();
}

template <class Pool>
cost ping_parked() {
  constexpr int trips = 100;
  Pool pool(2);
  for (int i = 0; i < 100; ++i) pool.submit([i] { return i; }).get();
  bench::latencies each(trips);
  for (int i = 0; i < trips; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    each.start();
    check(pool.submit([i] { return i; }).get() == i, "parked ping");
    each.stop();
  }
  return each.summary();
}

/// Unit: the 10 ms that two processors need at best. Its inverse is the efficiency.
template <class Pool>
cost grain(std::uint32_t tasks) {
  const auto steps = static_cast<std::uint64_t>(20e6 / tasks / step_ns());
  Pool pool(2);
  warm(pool, 2);
  countdown all(tasks);
  const stopwatch watch;
  give_and_wait(pool, all, [&] {
    for (std::uint32_t i = 0; i < tasks; ++i) {
      pool.post([&all, steps] {
        work(steps);
        all.arrive();
      });
    }
  });
  return watch.per_unit(10e6);
}

template <class Pool>
cost sleeps() {
  constexpr std::uint32_t n = 200;
  Pool pool(64);
  warm(pool, 64);
  countdown all(n);
  const stopwatch watch;
  give_and_wait(pool, all, [&] {
    for (std::uint32_t i = 0; i < n; ++i) {
      pool.post([&all] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        all.arrive();
      });
    }
  });
  return watch.per_unit(1);
}

template <class Pool>
cost oversubscribed() {
  return fire_and_forget<Pool>(64);
}

template <class Pool>
cost create() {
  constexpr int times = 20;
  const stopwatch watch;
  for (int i = 0; i < times; ++i) {
    countdown one(1);
    Pool pool(2);
    give_and_wait(pool, one, [&] { pool.post([&one] { one.arrive(); }); });
  }
  return watch.per_unit(times);
}

/// 100,000 futures in groups, shuffled, of a pool that is held until the clock starts.
template <bool InOrderOfCompletion>
cost gather_groups(std::size_t group) {
  constexpr std::size_t n = 100'000;
  spool::thread_pool pool(2);
  countdown held(2);
  std::atomic<bool> go{false};
  for (int i = 0; i < 2; ++i) {
    pool.post([&] {
      held.arrive();
      go.wait(false);
    });
  }
  held.wait();
  std::vector<spool::future<std::size_t>> futures;
  futures.reserve(n);
  for (std::size_t i = 0; i < n; ++i) futures.push_back(pool.submit([i] { return i; }));
  std::mt19937 random(1);
  for (auto at = futures.begin(); at != futures.end(); at += static_cast<std::ptrdiff_t>(group)) {
    std::shuffle(at, at + static_cast<std::ptrdiff_t>(group), random);
  }
  std::size_t sum = 0;
  const stopwatch watch;
  go = true;
  go.notify_all();
  for (std::size_t at = 0; at < n; at += group) {
    const auto first = futures.begin() + static_cast<std::ptrdiff_t>(at);
    std::vector<spool::future<std::size_t>> some(first, first + static_cast<std::ptrdiff_t>(group));
    if constexpr (InOrderOfCompletion) {
      for (auto& f : spool::as_completed(some)) sum += f.result();
    } else {
      for (auto& f : spool::wait(some).done) sum += f.result();
    }
  }
  const cost took = watch.per_unit(n);
  check(sum == n * (n - 1) / 2, "as_completed, wait");
  return took;
}

/// A pool's own for_each, which the calling thread joins, or TBB's in an arena of two threads, the calling one included.
struct spool_loop {
  static constexpr const char* name = "spool";
  template <class Range, class F>
  void operator()(Range& range, F f) {
    pool.for_each(range, f);
  }
  spool::thread_pool pool{2};
};
#if SPOOL_BENCH_TBB
struct tbb_loop {
  static constexpr const char* name = "tbb parallel_for";
  template <class Range, class F>
  void operator()(Range& range, F f) {
    arena.execute([&] { tbb::parallel_for(std::size_t{0}, range.size(), [&](std::size_t i) { f(range[i]); }); });
  }
  tbb::task_arena arena{(bench::allow_tbb_threads(), 2), 1};
};
#endif
struct plain_loop {
  static constexpr const char* name = "one thread";
  template <class Range, class F>
  void operator()(Range& range, F f) {
    for (auto& x : range) f(x);
  }
};

template <class Loop>
cost tiny_bodies() {
  constexpr std::size_t n = 1'000'000;
  constexpr int times = 20;
  Loop loop;
  std::vector<int> x(n, 1);
  const auto step = [](int& i) { i = static_cast<int>(static_cast<unsigned>(i) * 3 + 1); };
  loop(x, step);
  const stopwatch watch;
  for (int i = 0; i < times; ++i) loop(x, step);
  const cost took = watch.per_unit(times);
  unsigned right = 1;
  for (int i = 0; i <= times; ++i) right = right * 3 + 1;
  check(std::count(x.begin(), x.end(), static_cast<int>(right)) == static_cast<std::ptrdiff_t>(n), "for_each");
  return took;
}

/// Unit: half the time of all the bodies. Its inverse is the efficiency.
template <class Loop>
cost unequal_bodies() {
  std::mt19937 random(7);
  std::exponential_distribution<double> length(1 / 50e3);
  std::vector<double> bodies(1000);
  double ideal = 0;
  for (double& ns : bodies) ideal += (ns = length(random)) / 2;
  Loop loop;
  loop(bodies, [](double) { work(100); });
  const stopwatch watch;
  loop(bodies, [](double ns) { work(static_cast<std::uint64_t>(ns / step_ns())); });
  return watch.per_unit(ideal);
}

// ── the table ──

template <class Sample>
std::vector<contestant> queues_and_group(Sample sample) {
  std::vector<contestant> all = bench::pools(sample);
#if SPOOL_BENCH_TBB
  all.push_back({bench::tbb_group::name, [=] { return sample(std::type_identity<bench::tbb_group>()); }});
#endif
  return all;
}

template <class Sample>
std::vector<contestant> queues_and_async(Sample sample) {
  std::vector<contestant> all = bench::pools(sample);
  all.push_back({std_async::name, [=] { return sample(std::type_identity<std_async>()); }});
  return all;
}

void add_rows() {
  using bench::microseconds_each;
  using bench::target;
  const bench::unit ideal = bench::counted("x ideal");
  for (const unsigned workers : {2U, 4U}) {
    bench::add_row(
        "fire and forget, " + std::to_string(workers) + " workers",
        queues_and_group([=]<class Pool>(std::type_identity<Pool>) { return fire_and_forget<Pool>(workers); }), {},
        {{"tbb group", 0.8}});
  }
  bench::add_row("submit and collect", queues_and_async([]<class Pool>(std::type_identity<Pool>) {
                   return submit_and_collect<Pool>(std::is_same_v<Pool, std_async> ? 1000 : 100'000);
                 }),
                 {}, {{"asio", 0.45}});
  bench::add_row("4 producers",
                 bench::pools([]<class Pool>(std::type_identity<Pool>) { return four_producers<Pool>(); }), {},
                 {{"eigen", 0.6}});
  bench::add_row("tree", queues_and_group([]<class Pool>(std::type_identity<Pool>) { return tree<Pool>(); }), {},
                 {{"eigen", 0.6}});
  std::vector<contestant> forks{{"spool", fib_spool}};
#if SPOOL_BENCH_TBB
  forks.push_back({"tbb group", fib_tbb});
#endif
  bench::add_row("fib(27), a fork", forks, {}, {{"tbb group", 1.0}});
  bench::add_row("ping", queues_and_async([]<class Pool>(std::type_identity<Pool>) {
                   return ping<Pool>(std::is_same_v<Pool, std_async> ? 200 : 1000);
                 }),
                 microseconds_each, {{"eigen", 1.0}});
  bench::add_row("ping, parked", bench::pools([]<class Pool>(std::type_identity<Pool>) { return ping_parked<Pool>(); }),
                 microseconds_each, {{"mutex+cv", 1.1}});
  for (const auto& [us, efficiency] : {std::pair(1U, 0.87), std::pair(10U, 0.98), std::pair(100U, 1.0)}) {
    bench::add_row(
        "grain of " + std::to_string(us) + " us",
        queues_and_group([us = us]<class Pool>(std::type_identity<Pool>) { return grain<Pool>(20'000 / us); }), ideal,
        {target{"", 1 / efficiency}});
  }
  bench::add_row("sleeps, 64 workers",
                 bench::pools([]<class Pool>(std::type_identity<Pool>) { return sleeps<Pool>(); }),
                 bench::milliseconds_each, {{"mutex+cv", 1.01}});
  bench::add_row("fire and forget, 64 workers",
                 bench::pools([]<class Pool>(std::type_identity<Pool>) { return oversubscribed<Pool>(); }));
  // What all workers share must not make a task dearer the more of them there are, here most of them without a processor.
  std::vector<contestant> from_outside;
  std::vector<contestant> from_inside;
  for (const unsigned workers : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) {
    const std::string name = std::to_string(workers) + (workers == 1 ? " worker" : " workers");
    from_outside.push_back({name, [=] { return fire_and_forget<bench::spool_pool>(workers); }});
    from_inside.push_back({name, [=] { return tree<bench::spool_pool>(workers); }});
  }
  bench::add_row("fire and forget, 1 worker / more", std::move(from_outside));
  bench::add_row("tree, 1 worker / more", std::move(from_inside));
  bench::add_row("create and destroy",
                 bench::pools([]<class Pool>(std::type_identity<Pool>) { return create<Pool>(); }), microseconds_each,
                 {{"mutex+cv", 0.5}});
  const auto loops = [](auto sample) {
    std::vector<contestant> all;
    all.push_back({spool_loop::name, [=] { return sample(std::type_identity<spool_loop>()); }});
#if SPOOL_BENCH_TBB
    all.push_back({tbb_loop::name, [=] { return sample(std::type_identity<tbb_loop>()); }});
#endif
    all.push_back({plain_loop::name, [=] { return sample(std::type_identity<plain_loop>()); }});
    return all;
  };
  bench::add_row("for_each, 1M ints", loops([]<class Loop>(std::type_identity<Loop>) { return tiny_bodies<Loop>(); }),
                 microseconds_each, {{"tbb parallel_for", 1.0}});
  bench::add_row("for_each, unequal",
                 loops([]<class Loop>(std::type_identity<Loop>) { return unequal_bodies<Loop>(); }), ideal,
                 {target{"", 1 / 0.98}});
  const auto groups = [](auto gather) {
    std::vector<contestant> all;
    for (const std::size_t group : {100'000U, 10'000U, 1'000U}) {
      all.push_back({"groups of " + std::to_string(group), [=] { return gather(group); }});
    }
    return all;
  };
  bench::add_row("as_completed", groups(gather_groups<true>));
  bench::add_row("wait", groups(gather_groups<false>));
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "thread_pool", add_rows); }
