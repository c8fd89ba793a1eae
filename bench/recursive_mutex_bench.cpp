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
#include <utility>
#include <vector>

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
  for (const auto& [depth, limit] : {std::pair(1, 1.0), std::pair(4, 0.6)}) {
    bench::add_row("depth/" + std::to_string(depth),
                   {{"spool", [depth = depth] { return deep<spool::recursive_mutex>(depth); }},
                    {"std", [depth = depth] { return deep<std::recursive_mutex>(depth); }}},
                   {}, {{"std", limit}});
  }
  for (const std::size_t threads : {2U, 4U}) {
    std::vector<bench::target> targets;
    if (threads == 2) targets.push_back({"std", 0.7});
    bench::add_row(
        "short/" + std::to_string(threads),
        {{"spool", [=] { return bench::contend<spool::recursive_mutex>(threads, bench::short_section).per_lock; }},
         {"std", [=] { return bench::contend<std::recursive_mutex>(threads, bench::short_section).per_lock; }}},
        {}, std::move(targets));
  }
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "recursive_mutex", add_rows); }
