// bench/resources_bench.cpp · what a task costs in memory, what idle workers and waiting timers cost
// SPDX-License-Identifier: MIT
//
// Counted, not timed: this program replaces the global operator new.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <iterator>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>
#include <spool/timer.hpp>

#include "support/rounds.hpp"
#include "thread_pool/pools.hpp"

namespace {
std::atomic<std::uint64_t> news{0};
}

// Not inlined, or the compiler finds that malloc's memory goes to delete.
[[gnu::noinline]] void* operator new(std::size_t size) {
  news.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  news.fetch_add(1, std::memory_order_relaxed);
  const auto to = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(to, (size + to - 1) / to * to)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using bench::contestant;
using bench::cost;

double resident_bytes() {
  std::FILE* const statm = std::fopen("/proc/self/statm", "r");
  if (statm == nullptr) return 0;
  double pages = 0;
  const int read = std::fscanf(statm, "%*s %lf", &pages);
  std::fclose(statm);
  return read == 1 ? pages * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

/// A callable of so many bytes.
template <std::size_t Bytes>
struct callable {
  std::int32_t parts[Bytes / sizeof(std::int32_t)];
  std::int32_t operator()() const { return parts[0]; }
};

/// Allocations per task that is submitted, read and dropped, 100 of them under way at a time, after as many to warm up.
template <class Pool, std::size_t Bytes>
cost submits() {
  constexpr int batch = 100;
  constexpr int batches = 200;
  Pool pool(2);
  std::vector<decltype(pool.submit(callable<Bytes>{}))> results;
  results.reserve(batch);
  const auto some = [&] {
    for (int i = 0; i < batch; ++i) results.push_back(pool.submit(callable<Bytes>{{i}}));
    for (auto& r : results) benchmark::DoNotOptimize(std::move(r).get());
    results.clear();
  };
  for (int i = 0; i < 100; ++i) some();
  const std::uint64_t before = news;
  for (int i = 0; i < batches; ++i) some();
  return {static_cast<double>(news - before) / batches / batch};
}

template <class Pool, std::size_t Bytes>
cost posts() {
  constexpr int batch = 100;
  constexpr int batches = 200;
  Pool pool(2);
  const auto some = [&] {
    for (int i = 0; i < batch; ++i) pool.post([work = callable<Bytes>{{i}}] { benchmark::DoNotOptimize(work()); });
    std::atomic<int> reached{0};
    pool.post([&] {
      reached = 1;
      reached.notify_one();
    });
    reached.wait(0);
  };
  for (int i = 0; i < 100; ++i) some();
  const std::uint64_t before = news;
  for (int i = 0; i < batches; ++i) some();
  return {static_cast<double>(news - before) / batches / (batch + 1)};
}

/// Growth of the resident set by each of a million tasks of a pool whose workers are held. (Eigen's holds a thousand
/// for each worker: it runs the others in the thread that gives them.)
template <class Pool, bool Submitted>
cost pending() {
  constexpr std::size_t tasks = 1'000'000;
  Pool pool(2);
  std::atomic<bool> go{false};
  std::atomic<int> held{0};
  for (int i = 0; i < 2; ++i) {
    pool.post([&] {
      ++held;
      go.wait(false);
    });
  }
  while (held != 2) std::this_thread::yield();
  std::vector<decltype(pool.submit(callable<4>{}))> results;
  if constexpr (Submitted) results.resize(tasks);  // touched now: the handles are not counted
  malloc_trim(0);                                  // or the tasks would come to lie where earlier ones lay
  const double before = resident_bytes();
  for (std::size_t i = 0; i < tasks; ++i) {
    const callable<4> work{{static_cast<std::int32_t>(i)}};
    if constexpr (Submitted) {
      results[i] = pool.submit(work);
    } else {
      pool.post([work] { benchmark::DoNotOptimize(work()); });
    }
  }
  const double grown = (resident_bytes() - before) / tasks;
  go = true;
  go.notify_all();
  return {grown};
}

/// Processor time in ms of 16 workers that all have worked, over an idle second.
template <class Pool>
cost idle() {
  Pool pool(16);
  std::atomic<int> busy{0};
  for (int i = 0; i < 16; ++i) {
    pool.post([&busy] {
      ++busy;
      for (int seen = busy; seen < 16; seen = busy) busy.wait(seen);
      busy.notify_all();
    });
  }
  for (int seen = busy; seen < 16; seen = busy) busy.wait(seen);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double before = bench::cpu_seconds();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  return {(bench::cpu_seconds() - before) * 1e3};
}

/// How many threads this process has more, when so many timers wait.
cost timer_threads() {
  const auto threads = [] {
    return static_cast<double>(
        std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator()));
  };
  const double before = threads();
  std::deque<spool::timer> timers;
  for (int i = 0; i < 100'000; ++i) timers.emplace_back(std::chrono::hours(1), [] {}).start();
  return {threads() - before};
}

void add_rows() {
  using std::type_identity;
  const std::string news_each = "allocations";
  bench::add_count("submit, 4 bytes", bench::pools([]<class P>(type_identity<P>) { return submits<P, 4>(); }),
                   news_each, {{"", 1}});
  bench::add_count("submit, 48 bytes", bench::pools([]<class P>(type_identity<P>) { return submits<P, 48>(); }),
                   news_each, {{"", 1}});
  bench::add_count("post, 4 bytes", bench::pools([]<class P>(type_identity<P>) { return posts<P, 4>(); }), news_each,
                   {{"", 0.01}});
  bench::add_count("post, 48 bytes", bench::pools([]<class P>(type_identity<P>) { return posts<P, 48>(); }), news_each);
  bench::add_count("a pending submit", bench::pools([]<class P>(type_identity<P>) { return pending<P, true>(); }),
                   "bytes", {{"", 200}});
  bench::add_count("a pending post", bench::pools([]<class P>(type_identity<P>) { return pending<P, false>(); }),
                   "bytes", {{"", 200}});
  bench::add_count("16 idle workers for a second", bench::pools([]<class P>(type_identity<P>) { return idle<P>(); }),
                   "ms of processor time", {{"", 5}});
  bench::add_count("100,000 waiting timers", {{"spool", timer_threads}}, "threads", {{"", 1}});
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "resources", add_rows); }
