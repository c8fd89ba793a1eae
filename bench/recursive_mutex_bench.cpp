// bench/recursive_mutex_bench.cpp · recursive_mutex beside the standard's
// SPDX-License-Identifier: MIT
//
// Unit: so many locks and as many unlocks; contended: one lock and unlock, work included.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>

#include <spool/recursive_mutex.hpp>

#include "support/contended.hpp"
#include "support/rounds.hpp"

namespace {

using bench::cost;

/// One thread, while another sleeps: a process of one thread would take shortcuts.
template <class Mutex>
cost deep(int depth) {
  constexpr int rounds = 1'000'000;
  std::binary_semaphore end{0};
  std::thread other([&] { end.acquire(); });
  Mutex m;
  const bench::stopwatch clock;
  for (int i = 0; i < rounds; ++i) {
    for (int k = 0; k < depth; ++k) m.lock();
    benchmark::ClobberMemory();
    for (int k = 0; k < depth; ++k) m.unlock();
  }
  const cost took = clock.per_unit(rounds);
  end.release();
  other.join();
  return took;
}

void add_rows() {
  for (const int depth : {1, 4}) {
    bench::add_row("depth/" + std::to_string(depth), {{"spool", [=] { return deep<spool::recursive_mutex>(depth); }},
                                                      {"std", [=] { return deep<std::recursive_mutex>(depth); }}});
  }
  for (const std::size_t threads : {2U, 4U}) {
    bench::add_row(
        "short/" + std::to_string(threads),
        {{"spool", [=] { return bench::contend<spool::recursive_mutex>(threads, bench::short_section).per_lock; }},
         {"std", [=] { return bench::contend<std::recursive_mutex>(threads, bench::short_section).per_lock; }}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_rows();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
