// bench/support/contended.hpp · threads that lock, work a little, unlock, work a little
// SPDX-License-Identifier: MIT
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "support/rounds.hpp"

namespace bench {

/// Some nanoseconds of arithmetic.
inline void work(std::uint64_t steps) {
  for (std::uint64_t i = 0; i < steps; ++i) benchmark::DoNotOptimize(i);
}
inline std::uint64_t steps_of(double ns) {
  static const double step_ns = [] {
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
      const stopwatch clock;
      work(100'000);
      best = std::min(best, clock.per_unit(100'000).wall_ns);
    }
    return best;
  }();
  return static_cast<std::uint64_t>(ns / step_ns + 0.5);
}

/// What a lock is measured on: how much work is done with it held, and between.
struct section {
  double inside_ns;
  double outside_ns;
};
inline constexpr section short_section{5, 20};
inline constexpr section long_section{200, 400};

struct contention {
  cost per_lock;
  double fairness;  // slowest / fastest thread
};

/// `threads` at one lock for 100 ms.
template <class Mutex>
contention contend(std::size_t threads, section s) {
  const std::uint64_t inside = steps_of(s.inside_ns);
  const std::uint64_t outside = steps_of(s.outside_ns);
  alignas(128) Mutex m;  // alone on its cache lines
  alignas(128) std::atomic<bool> over{false};
  std::vector<std::uint64_t> counts(threads);
  std::barrier together(static_cast<std::ptrdiff_t>(threads + 1));
  std::vector<std::thread> crew;
  for (std::size_t i = 0; i < threads; ++i) {
    crew.emplace_back([&, i] {
      together.arrive_and_wait();
      std::uint64_t mine = 0;
      for (; !over.load(std::memory_order_relaxed); ++mine) {
        m.lock();
        work(inside);
        m.unlock();
        work(outside);
      }
      counts[i] = mine;
    });
  }
  together.arrive_and_wait();
  const stopwatch clock;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  over.store(true, std::memory_order_relaxed);
  const cost took = clock.per_unit(1);
  for (std::thread& t : crew) t.join();
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return {{took.wall_ns / all, took.cpu_ns / all}, static_cast<double>(*least) / static_cast<double>(*most)};
}

}  // namespace bench
