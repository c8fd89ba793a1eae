// bench/semaphore_bench.cpp · semaphore beside the standard's, POSIX's and moodycamel's
// SPDX-License-Identifier: MIT
//
// Unit: a pair of acquire and release; of the hand-off, a round trip. For ratios run all interleaved:
//     semaphore_bench --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>
#include <semaphore.h>

#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/semaphore.hpp>

#include "support/contended.hpp"
#include "support/rounds.hpp"

#if SPOOL_BENCH_CONCURRENTQUEUE
// In this order: the second needs a macro of the first.
#include <concurrentqueue/concurrentqueue.h>

#include <concurrentqueue/lightweightsemaphore.h>
#endif

namespace {

using bench::contestant;
using bench::cost;

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
/// A semaphore as a lock of which several threads may hold a part.
template <class Semaphore, int Permits>
struct as_lock {
  Semaphore s{Permits};
  void lock() { s.acquire(); }
  void unlock() { s.release(); }
};

/// One thread, while another sleeps: a process of one thread would take shortcuts.
template <class Semaphore>
cost uncontended() {
  constexpr int pairs = 2'000'000;
  std::binary_semaphore end{0};
  std::thread other([&] { end.acquire(); });
  Semaphore s(1);
  const bench::stopwatch clock;
  for (int i = 0; i < pairs; ++i) {
    s.acquire();
    benchmark::ClobberMemory();
    s.release();
  }
  const cost took = clock.per_unit(pairs);
  end.release();
  other.join();
  return took;
}

/// Two threads, two semaphores: there and back.
template <class Semaphore>
cost hand_off() {
  constexpr int trips = 5000;
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
  bench::latencies each(trips);
  each.start();
  for (int i = 0; i < trips; ++i) {
    there.release();
    back.acquire();
    each.stop();
  }
  other.join();
  return each.summary();
}

template <class Sample>
std::vector<contestant> peers(Sample sample) {
  std::vector<contestant> all{{"spool", [=] { return sample.template operator()<spool_semaphore>(); }},
                              {"std", [=] { return sample.template operator()<std_semaphore>(); }},
                              {"posix", [=] { return sample.template operator()<posix_semaphore>(); }}};
#if SPOOL_BENCH_CONCURRENTQUEUE
  all.push_back({"moodycamel", [=] { return sample.template operator()<moodycamel_semaphore>(); }});
#endif
  return all;
}

void add_rows() {
  bench::add_row("uncontended", peers([]<class S>() { return uncontended<S>(); }), {}, {{"moodycamel", 1.0}});
  for (const std::size_t threads : {4U, 16U}) {
    for (const auto& [name, section] :
         {std::pair("short", bench::short_section), std::pair("long", bench::long_section)}) {
      std::vector<bench::target> targets;
      if (threads == 4) targets.push_back({"moodycamel", 1.1});
      bench::add_row(std::to_string(threads) + " threads, 2 permits, " + name, peers([=, section = section]<class S>() {
                       return bench::contend<as_lock<S, 2>>(threads, section).per_lock;
                     }),
                     {}, std::move(targets));
    }
  }
  bench::add_row("hand-off", peers([]<class S>() { return hand_off<S>(); }), {}, {{"posix", 0.05}});
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "semaphore", add_rows); }
