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

/// `pairs` of threads, each with one mutex, one condition and a turn flag.
template <class Library>
cost ping_pong(std::size_t pairs, int trips) {
  struct table {
    typename Library::mutex m;
    typename Library::condition changed;
    bool turn = false;
  };
  std::vector<table> tables(pairs);
  const auto play = [trips](table& t, bool me) {
    for (int i = 0; i < trips; ++i) {
      std::unique_lock held(t.m);
      t.changed.wait(held, [&] { return t.turn == me; });
      t.turn = !me;
      t.changed.notify_one();
    }
  };
  std::vector<std::thread> crew;
  const bench::stopwatch clock;
  for (table& t : tables) {
    crew.emplace_back([&] { play(t, true); });
    if (pairs > 1) crew.emplace_back([&] { play(t, false); });
  }
  if (pairs == 1) play(tables[0], false);
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
  const bench::stopwatch clock;
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
  }
  const cost took = clock.per_unit(rounds);
  for (std::thread& t : crew) t.join();
  return took;
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
  bench::add_row("ping_pong", peers([]<class L>() { return ping_pong<L>(1, 5'000); }), bench::microseconds_each,
                 {{"std", 0.25}});
  bench::add_row("ping_pong/32_pairs", peers([]<class L>() { return ping_pong<L>(32, 300); }),
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
