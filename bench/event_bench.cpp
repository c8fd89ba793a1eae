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

#include "support/rounds.hpp"

namespace {

using bench::contestant;
using bench::cost;

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
cost set_and_clear() {
  constexpr int pairs = 2'000'000;
  Event e;
  const bench::stopwatch clock;
  for (int i = 0; i < pairs; ++i) {
    e.set();
    e.clear();
    benchmark::ClobberMemory();
  }
  return clock.per_unit(pairs);
}

template <class Event>
cost wait_when_set() {
  constexpr int waits = 2'000'000;
  Event e;
  e.set();
  const bench::stopwatch clock;
  for (int i = 0; i < waits; ++i) {
    e.wait();
    benchmark::ClobberMemory();
  }
  return clock.per_unit(waits);
}

/// Two threads, two events: there and back.
template <class Event>
cost ping_pong() {
  constexpr int trips = 5000;
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
  bench::latencies each(trips);
  each.start();
  for (int i = 0; i < trips; ++i) {
    trip();
    each.stop();
  }
  other.join();
  return each.summary();
}

/// From the set until the last of 8 sleepers has answered.
template <class Event>
cost broadcast() {
  constexpr int rounds = 300;
  constexpr std::size_t threads = 8;
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
  bench::latencies each(rounds);
  for (Event& e : go) {
    answered = 0;
    together.arrive_and_wait();
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // they sleep
    each.start();
    e.set();
    for (std::size_t n = answered; n != threads; n = answered) answered.wait(n);
    each.stop();
  }
  for (std::thread& t : crew) t.join();
  return each.summary();
}

template <class Sample>
std::vector<contestant> peers(Sample sample) {
  return {{"spool", [=] { return sample.template operator()<spool::event>(); }},
          {"mutex+cv", [=] { return sample.template operator()<condvar_event>(); }},
          {"std::atomic", [=] { return sample.template operator()<atomic_event>(); }}};
}

void add_rows() {
  bench::add_row("set and clear", peers([]<class E>() { return set_and_clear<E>(); }));
  bench::add_row("wait, set already", peers([]<class E>() { return wait_when_set<E>(); }));
  bench::add_row("ping-pong", peers([]<class E>() { return ping_pong<E>(); }), bench::microseconds_each);
  bench::add_row("broadcast to 8", peers([]<class E>() { return broadcast<E>(); }), bench::microseconds_each);
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "event", add_rows); }
