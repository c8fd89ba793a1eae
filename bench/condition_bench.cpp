// bench/condition_bench.cpp · condition beside the standard's, each with its own library's mutex
// SPDX-License-Identifier: MIT
//
// Units: a round trip of two threads that take turns; a notify_all to so many waiters, until the last has answered; a
// notify that finds nobody; a wait that gives up at once.
#include <benchmark/benchmark.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>

#include "support/rounds.hpp"

namespace {

using bench::contestant;
using bench::cost;

struct of_spool {
  using mutex = spool::mutex;
  using condition = spool::condition;
};
struct of_std {
  using mutex = std::mutex;
  using condition = std::condition_variable;
};
struct of_std_any {
  using mutex = std::mutex;
  using condition = std::condition_variable_any;
};

/// Where two threads take turns.
template <class Library>
struct table {
  typename Library::mutex m;
  typename Library::condition changed;
  bool turn = false;

  void move(bool me) {
    std::unique_lock held(m);
    changed.wait(held, [&] { return turn == me; });
    turn = !me;
    changed.notify_one();
  }
};

template <class Library>
cost ping_pong() {
  constexpr int trips = 5'000;
  table<Library> t;
  std::thread other([&] {
    for (int i = 0; i <= trips; ++i) t.move(true);
  });
  t.move(false);  // both are up
  bench::latencies each(trips);
  each.start();
  for (int i = 0; i < trips; ++i) {
    t.move(false);
    each.stop();
  }
  other.join();
  return each.summary();
}

template <class Library>
cost ping_pong_of_many(std::size_t pairs) {
  constexpr int trips = 300;
  std::vector<table<Library>> tables(pairs);
  std::vector<std::thread> crew;
  const bench::stopwatch clock;
  for (table<Library>& t : tables) {
    for (const bool me : {true, false}) {
      crew.emplace_back([&t, me] {
        for (int i = 0; i < trips; ++i) t.move(me);
      });
    }
  }
  for (std::thread& t : crew) t.join();
  return clock.per_unit(static_cast<double>(trips) * static_cast<double>(pairs));
}

/// The waiters answer under the same mutex; `held`: whether the notifier has it when it notifies.
template <class Library>
cost broadcast(int waiters, int rounds, bool held) {
  typename Library::mutex m;
  typename Library::condition started;
  typename Library::condition answered;
  int round = 0;
  int answers = 0;
  std::vector<std::thread> crew;
  for (int i = 0; i < waiters; ++i) {
    crew.emplace_back([&] {
      std::unique_lock mine(m);
      for (int r = 1; r <= rounds; ++r) {
        started.wait(mine, [&] { return round >= r; });
        if (++answers == waiters) answered.notify_one();
      }
    });
  }
  bench::latencies each(static_cast<std::size_t>(rounds));
  each.start();
  for (int r = 1; r <= rounds; ++r) {
    std::unique_lock mine(m);
    answers = 0;
    round = r;
    if (held) {
      started.notify_all();
    } else {
      mine.unlock();
      started.notify_all();
      mine.lock();
    }
    answered.wait(mine, [&] { return answers == waiters; });
    mine.unlock();
    each.stop();
  }
  for (std::thread& t : crew) t.join();
  return each.summary();
}

template <class Library>
cost notify_nobody() {
  constexpr int rounds = 2'000'000;
  typename Library::condition changed;
  const bench::stopwatch clock;
  for (int i = 0; i < rounds; ++i) {
    changed.notify_one();
    benchmark::ClobberMemory();
  }
  return clock.per_unit(rounds);
}

template <class Library>
cost wait_zero() {
  constexpr int rounds = 50'000;
  typename Library::mutex m;
  typename Library::condition changed;
  std::unique_lock held(m);
  const bench::stopwatch clock;
  for (int i = 0; i < rounds; ++i) changed.wait_for(held, std::chrono::seconds(0));
  return clock.per_unit(rounds);
}

template <class Sample>
std::vector<contestant> peers(Sample sample) {
  return {{"spool", [=] { return sample.template operator()<of_spool>(); }},
          {"std", [=] { return sample.template operator()<of_std>(); }},
          {"std any", [=] { return sample.template operator()<of_std_any>(); }}};
}

void add_rows() {
  bench::add_row("ping_pong", peers([]<class L>() { return ping_pong<L>(); }), bench::microseconds_each,
                 {{"std", 0.25}});
  bench::add_row("ping_pong/32_pairs", peers([]<class L>() { return ping_pong_of_many<L>(32); }),
                 bench::microseconds_each);
  for (const int waiters : {8, 64}) {
    const std::string row = "broadcast/" + std::to_string(waiters);
    std::vector<bench::target> targets;
    if (waiters == 8) targets.push_back({"std", 0.8});
    bench::add_row(row, peers([=]<class L>() { return broadcast<L>(waiters, 300, false); }), bench::microseconds_each,
                   targets);
    bench::add_row(row + "/held", peers([=]<class L>() { return broadcast<L>(waiters, 300, true); }),
                   bench::microseconds_each, targets);
  }
  bench::add_row("notify_nobody", peers([]<class L>() { return notify_nobody<L>(); }));
  bench::add_row("wait_for_0", peers([]<class L>() { return wait_zero<L>(); }));
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "condition", add_rows); }
