// bench/barrier_bench.cpp · barrier beside the standard's and OpenMP's
// SPDX-License-Identifier: MIT
//
// Unit: a round, of 2000 by each thread. For ratios run all interleaved:
//     barrier_bench --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>

#include <barrier>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include <spool/barrier.hpp>

namespace {

using steady = std::chrono::steady_clock;
constexpr int rounds = 2000;

struct spool_barrier {
  spool::barrier b;
  explicit spool_barrier(std::size_t n) : b(n) {}
  void wait() { b.wait(); }
};
struct spool_barrier_with_action {
  int count = 0;
  spool::barrier b;
  explicit spool_barrier_with_action(std::size_t n) : b(n, [this] { ++count; }) {}
  void wait() { b.wait(); }
};
struct std_barrier {
  std::barrier<> b;
  explicit std_barrier(std::size_t n) : b(static_cast<std::ptrdiff_t>(n)) {}
  void wait() { b.arrive_and_wait(); }
};

template <class Barrier>
void meet(benchmark::State& state) {
  const auto threads = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    Barrier b(threads);
    std::vector<std::thread> crew;
    for (std::size_t i = 1; i < threads; ++i) {
      crew.emplace_back([&] {
        for (int round = 0; round <= rounds; ++round) b.wait();
      });
    }
    b.wait();  // all are up
    const auto start = steady::now();
    for (int round = 0; round < rounds; ++round) b.wait();
    state.SetIterationTime(std::chrono::duration<double>(steady::now() - start).count() / rounds);
    for (std::thread& t : crew) t.join();
  }
}

#if defined(_OPENMP)
void meet_openmp(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  for (auto _ : state) {
    double took = 0;
#pragma omp parallel num_threads(threads)
    {
#pragma omp barrier
      const auto start = steady::now();
      for (int round = 0; round < rounds; ++round) {
#pragma omp barrier
      }
      const double mine = std::chrono::duration<double>(steady::now() - start).count();
#pragma omp master
      took = mine;
    }
    state.SetIterationTime(took / rounds);
  }
}
#endif

void counts(benchmark::internal::Benchmark* b) {
  b->ArgName("threads")->Arg(2)->Arg(4)->Arg(8)->Arg(64)->UseManualTime()->Iterations(1)->Repetitions(7);
}
BENCHMARK(meet<spool_barrier>)->Apply(counts);
BENCHMARK(meet<spool_barrier_with_action>)->Apply(counts);
BENCHMARK(meet<std_barrier>)->Apply(counts);
#if defined(_OPENMP)
BENCHMARK(meet_openmp)->Apply(counts);
#endif

}  // namespace

BENCHMARK_MAIN();
