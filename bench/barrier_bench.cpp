// bench/barrier_bench.cpp · barrier beside the standard's and, where compiled with OpenMP, its barrier
// SPDX-License-Identifier: MIT
//
// Unit: a round.
#include <barrier>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/barrier.hpp>

#include "support/rounds.hpp"

namespace {

using bench::contestant;
using bench::cost;

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
cost meet(std::size_t threads) {
  Barrier b(threads);
  std::vector<std::thread> crew;
  for (std::size_t i = 1; i < threads; ++i) {
    crew.emplace_back([&] {
      for (int round = 0; round <= rounds; ++round) b.wait();
    });
  }
  b.wait();  // all are up
  const bench::stopwatch clock;
  for (int round = 0; round < rounds; ++round) b.wait();
  const cost took = clock.per_unit(rounds);
  for (std::thread& t : crew) t.join();
  return took;
}

#if defined(_OPENMP)
cost meet_openmp(std::size_t threads) {
  cost took;
#pragma omp parallel num_threads(static_cast<int>(threads))
  {
#pragma omp barrier
    const bench::stopwatch clock;
    for (int round = 0; round < rounds; ++round) {
#pragma omp barrier
    }
    const cost mine = clock.per_unit(rounds);
#pragma omp master
    took = mine;
  }
  return took;
}
#endif

void add_rows() {
  for (const std::size_t threads : {2U, 4U, 8U, 64U}) {
    std::vector<contestant> all{{"spool", [=] { return meet<spool_barrier>(threads); }},
                                {"std", [=] { return meet<std_barrier>(threads); }}};
#if defined(_OPENMP)
    // Its threads spin: where they outnumber the processors a round takes as long as the system lets them.
    if (threads == 2) all.push_back({"openmp", [=] { return meet_openmp(threads); }});
#endif
    std::vector<bench::target> targets;
    if (threads == 2) targets.push_back({"std", 0.35});
    if (threads == 8) targets.push_back({"std", 1.0});
    bench::add_row(std::to_string(threads) + " threads", std::move(all), {}, std::move(targets));
  }
  bench::add_row("2 threads, an action each round", {{"spool", [] { return meet<spool_barrier_with_action>(2); }},
                                                     {"without", [] { return meet<spool_barrier>(2); }}});
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "barrier", add_rows); }
