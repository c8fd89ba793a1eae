// bench/semaphore_bench.cpp · semaphore beside the standard's, POSIX's and moodycamel's
// SPDX-License-Identifier: MIT
//
// Unit: a pair of acquire and release; of the hand-off, a round trip. For ratios run all interleaved:
//     semaphore_bench --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>
#include <semaphore.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <semaphore>
#include <thread>
#include <vector>

#include <spool/semaphore.hpp>

#if SPOOL_BENCH_CONCURRENTQUEUE
// In this order: the second needs a macro of the first.
#include <concurrentqueue/concurrentqueue.h>

#include <concurrentqueue/lightweightsemaphore.h>
#endif

namespace {

using steady = std::chrono::steady_clock;

struct spool_semaphore {
  spool::semaphore s;
  explicit spool_semaphore(int n) : s(n) {}
  void acquire() { s.acquire(); }
  void release() { s.release(); }
};
struct std_semaphore {
  std::counting_semaphore<> s;
  explicit std_semaphore(int n) : s(n) {}
  void acquire() { s.acquire(); }
  void release() { s.release(); }
};
struct posix_semaphore {
  sem_t s;
  explicit posix_semaphore(int n) { sem_init(&s, 0, static_cast<unsigned>(n)); }
  ~posix_semaphore() { sem_destroy(&s); }
  void acquire() {
    while (sem_wait(&s) != 0) {
    }
  }
  void release() { sem_post(&s); }
};
#if SPOOL_BENCH_CONCURRENTQUEUE
struct moodycamel_semaphore {
  moodycamel::LightweightSemaphore s;
  explicit moodycamel_semaphore(int n) : s(n) {}
  void acquire() { s.wait(); }
  void release() { s.signal(); }
};
#endif

/// Some nanoseconds of arithmetic.
void work(std::uint64_t steps) {
  std::uint64_t x = steps;
  for (std::uint64_t i = 0; i < steps; ++i) benchmark::DoNotOptimize(x = x * 2862933555777941757U + 3037000493U);
}
std::uint64_t steps_of(double ns) {
  static const double step_ns = [] {
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
      const auto start = steady::now();
      work(100'000);
      const double took = std::chrono::duration<double, std::nano>(steady::now() - start).count() / 100'000;
      if (took < best) best = took;
    }
    return best;
  }();
  return static_cast<std::uint64_t>(ns / step_ns + 0.5);
}

/// One thread, while another sleeps: a process of one thread would take shortcuts.
template <class Semaphore>
void uncontended(benchmark::State& state) {
  std::binary_semaphore end{0};
  std::thread other([&] { end.acquire(); });
  Semaphore s(1);
  for (auto _ : state) {
    s.acquire();
    s.release();
  }
  end.release();
  other.join();
}

/// `threads` on `permits` for 100 ms, with so much work inside and outside.
template <class Semaphore>
void contended(benchmark::State& state) {
  const auto threads = static_cast<std::size_t>(state.range(0));
  const std::uint64_t inside = steps_of(static_cast<double>(state.range(2)));
  const std::uint64_t outside = steps_of(static_cast<double>(state.range(3)));
  for (auto _ : state) {
    Semaphore s(static_cast<int>(state.range(1)));
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> pairs{0};
    std::barrier together(static_cast<std::ptrdiff_t>(threads + 1));
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < threads; ++i) {
      crew.emplace_back([&] {
        together.arrive_and_wait();
        std::uint64_t mine = 0;
        for (; !over.load(std::memory_order_relaxed); ++mine) {
          s.acquire();
          work(inside);
          s.release();
          work(outside);
        }
        pairs += mine;
      });
    }
    together.arrive_and_wait();
    const auto start = steady::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    over = true;
    for (std::thread& t : crew) t.join();
    const double took = std::chrono::duration<double>(steady::now() - start).count();
    state.SetIterationTime(took / static_cast<double>(pairs.load()));
  }
}

/// Two threads, two semaphores at 0: 5000 round trips.
template <class Semaphore>
void hand_off(benchmark::State& state) {
  constexpr int trips = 5000;
  for (auto _ : state) {
    Semaphore there(0);
    Semaphore back(0);
    std::thread other([&] {
      for (int i = 0; i <= trips; ++i) {
        there.acquire();
        back.release();
      }
    });
    there.release();
    back.acquire();  // warm
    const auto start = steady::now();
    for (int i = 0; i < trips; ++i) {
      there.release();
      back.acquire();
    }
    state.SetIterationTime(std::chrono::duration<double>(steady::now() - start).count() / trips);
    other.join();
  }
}

#define SPOOL_BENCH_SEMAPHORE(kind)                                    \
  BENCHMARK(uncontended<kind>)->Iterations(2'000'000)->Repetitions(7); \
  BENCHMARK(contended<kind>)                                           \
      ->ArgNames({"threads", "permits", "inside", "outside"})          \
      ->Args({4, 2, 5, 20})                                            \
      ->Args({4, 2, 200, 400})                                         \
      ->Args({16, 2, 5, 20})                                           \
      ->UseManualTime()                                                \
      ->Iterations(1)                                                  \
      ->Repetitions(7);                                                \
  BENCHMARK(hand_off<kind>)->UseManualTime()->Iterations(1)->Repetitions(7)

SPOOL_BENCH_SEMAPHORE(spool_semaphore);
SPOOL_BENCH_SEMAPHORE(std_semaphore);
SPOOL_BENCH_SEMAPHORE(posix_semaphore);
#if SPOOL_BENCH_CONCURRENTQUEUE
SPOOL_BENCH_SEMAPHORE(moodycamel_semaphore);
#endif

}  // namespace

BENCHMARK_MAIN();
