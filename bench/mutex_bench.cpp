// bench/mutex_bench.cpp · mutex beside the standard's, TBB's, Abseil's and nsync's
// SPDX-License-Identifier: MIT
//
// Unit: one lock and unlock, work included; "fairness": slowest / fastest thread in percent, where more is better.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/mutex.hpp>

#if SPOOL_BENCH_TBB
#include <oneapi/tbb/mutex.h>
#endif
#if SPOOL_BENCH_ABSL
#include <absl/synchronization/mutex.h>
#endif

#if SPOOL_BENCH_NSYNC
#include <nsync_cpp.h>

#include <nsync_mu.h>
#endif

#include "support/contended.hpp"
#include "support/rounds.hpp"

namespace {

using bench::contestant;
using bench::cost;

#if SPOOL_BENCH_ABSL
struct absl_mutex {
  void lock() { m.Lock(); }
  void unlock() { m.Unlock(); }
  absl::Mutex m;
};
#endif

#if SPOOL_BENCH_NSYNC
struct nsync_mutex {
  void lock() { nsync::nsync_mu_lock(&m); }
  void unlock() { nsync::nsync_mu_unlock(&m); }
  nsync::nsync_mu m = NSYNC_MU_INIT;
};
#endif

/// One thread, while another sleeps: a process of one thread would take shortcuts.
template <class Mutex>
cost uncontended() {
  constexpr int pairs = 2'000'000;
  std::binary_semaphore end{0};
  std::thread other([&] { end.acquire(); });
  Mutex m;
  const bench::stopwatch clock;
  for (int i = 0; i < pairs; ++i) {
    m.lock();
    benchmark::ClobberMemory();
    m.unlock();
  }
  const cost took = clock.per_unit(pairs);
  end.release();
  other.join();
  return took;
}

template <class Mutex>
cost timed() {
  constexpr int pairs = 500'000;
  Mutex m;
  const bench::stopwatch clock;
  for (int i = 0; i < pairs; ++i) {
    benchmark::DoNotOptimize(m.try_lock_for(std::chrono::seconds(1)));
    m.unlock();
  }
  return clock.per_unit(pairs);
}

template <class Sample>
std::vector<contestant> peers(Sample sample) {
  std::vector<contestant> all{{"spool", [=] { return sample.template operator()<spool::mutex>(); }},
                              {"std", [=] { return sample.template operator()<std::mutex>(); }}};
#if SPOOL_BENCH_TBB
  all.push_back({"tbb", [=] { return sample.template operator()<tbb::mutex>(); }});
#endif
#if SPOOL_BENCH_ABSL
  all.push_back({"absl", [=] { return sample.template operator()<absl_mutex>(); }});
#endif
#if SPOOL_BENCH_NSYNC
  all.push_back({"nsync", [=] { return sample.template operator()<nsync_mutex>(); }});
#endif
  return all;
}

void contended(const std::string& row, std::size_t threads, bench::section section, std::vector<bench::target> speed,
               std::vector<bench::target> fairness) {
  bench::add_row(row, peers([=]<class Mutex>() { return bench::contend<Mutex>(threads, section).per_lock; }), {},
                 std::move(speed));
  bench::add_row(row + "/fairness", peers([=]<class Mutex>() {
                   return cost{100 * bench::contend<Mutex>(threads, section).fairness + 1e-9};
                 }),
                 bench::counted("%"), std::move(fairness));
}

void add_rows() {
  bench::add_row("uncontended", peers([]<class Mutex>() { return uncontended<Mutex>(); }), {}, {{"std", 0.95}});
  bench::add_row("try_lock_for", {{"spool", timed<spool::mutex>}, {"std", timed<std::timed_mutex>}});
  for (const std::size_t threads : {2U, 4U, 16U}) {
    contended("short/" + std::to_string(threads), threads, bench::short_section, {{"std", 0.6}}, {{"", 30, true}});
    contended("long/" + std::to_string(threads), threads, bench::long_section, {{"tbb", 1.05}}, {});
  }
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "mutex", add_rows); }
