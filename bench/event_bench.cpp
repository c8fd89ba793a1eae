// bench/event_bench.cpp · event beside a mutex with a condition variable, and the standard's atomic wait
// SPDX-License-Identifier: MIT
//
// Units: a set and a clear with nobody waiting; a wait for a set event; a round trip of two threads over two events;
// a set that releases so many sleepers, until the last of them has answered.
#include <benchmark/benchmark.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include <spool/event.hpp>

namespace {

using steady = std::chrono::steady_clock;

struct condvar_event {
  void set() {
    {
      const std::lock_guard held(mutex);
      up = true;
    }
    changed.notify_all();
  }
  void clear() {
    const std::lock_guard held(mutex);
    up = false;
  }
  void wait() {
    std::unique_lock held(mutex);
    changed.wait(held, [this] { return up; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool up = false;
};

struct atomic_event {
  void set() {
    up.store(true);
    up.notify_all();
  }
  void clear() { up.store(false); }
  void wait() { up.wait(false); }
  std::atomic<bool> up{false};
};

template <class Event>
void set_and_clear(benchmark::State& state) {
  Event e;
  for (auto _ : state) {
    e.set();
    e.clear();
  }
}

template <class Event>
void wait_when_set(benchmark::State& state) {
  Event e;
  e.set();
  for (auto _ : state) e.wait();
}

template <class Event>
void ping_pong(benchmark::State& state) {
  constexpr int trips = 5000;
  for (auto _ : state) {
    Event there;
    Event back;
    std::thread other([&] {
      for (int i = 0; i <= trips; ++i) {
        there.wait();
        there.clear();
        back.set();
      }
    });
    const auto trip = [&] {
      there.set();
      back.wait();
      back.clear();
    };
    trip();  // warm
    const auto start = steady::now();
    for (int i = 0; i < trips; ++i) trip();
    state.SetIterationTime(std::chrono::duration<double>(steady::now() - start).count() / trips);
    other.join();
  }
}

template <class Event>
void broadcast(benchmark::State& state) {
  constexpr int rounds = 300;
  const auto threads = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    std::vector<Event> go(rounds);
    std::barrier together(static_cast<std::ptrdiff_t>(threads + 1));
    std::atomic<std::size_t> answered{0};
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < threads; ++i) {
      crew.emplace_back([&] {
        for (Event& e : go) {
          together.arrive_and_wait();
          e.wait();
          answered.fetch_add(1);
          answered.notify_one();
        }
      });
    }
    double took = 0;
    for (Event& e : go) {
      answered = 0;
      together.arrive_and_wait();
      std::this_thread::sleep_for(std::chrono::microseconds(200));  // they sleep
      const auto start = steady::now();
      e.set();
      for (std::size_t n = answered; n != threads; n = answered) answered.wait(n);
      took += std::chrono::duration<double>(steady::now() - start).count();
    }
    state.SetIterationTime(took / rounds);
    for (std::thread& t : crew) t.join();
  }
}

#define SPOOL_BENCH_EVENT(kind)                                               \
  BENCHMARK(set_and_clear<kind>)->Iterations(2'000'000)->Repetitions(7);      \
  BENCHMARK(wait_when_set<kind>)->Iterations(2'000'000)->Repetitions(7);      \
  BENCHMARK(ping_pong<kind>)->UseManualTime()->Iterations(1)->Repetitions(7); \
  BENCHMARK(broadcast<kind>)->Arg(8)->UseManualTime()->Iterations(1)->Repetitions(7)

SPOOL_BENCH_EVENT(spool::event);
SPOOL_BENCH_EVENT(condvar_event);
SPOOL_BENCH_EVENT(atomic_event);

}  // namespace

BENCHMARK_MAIN();
