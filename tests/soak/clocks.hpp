// tests/soak/clocks.hpp · timers that fire or are cancelled, threads that are stopped and joined
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <spool/event.hpp>
#include <spool/thread.hpp>
#include <spool/timer.hpp>

#include "soak/ledger.hpp"
#include "soak/team.hpp"

namespace soak {

/// Each fires once, or was cancelled; never early.
inline void timers(dice& d, std::size_t threads) {
  std::atomic<std::size_t> fired{0}, cancelled{0}, made{0};
  team(d, threads, [&](dice& own, std::size_t) {
    std::deque<spool::timer> all;
    for (std::size_t i = 0; i < 1 + 400 / threads; ++i) {
      const auto delay = own.pause(20'000);
      const auto least = steady::now() + delay;
      all.emplace_back(delay, [&fired, least] {
        check(steady::now() >= least, "no timer fires early");
        ++fired;
      });
      all.back().start();
      ++made;
      if (own.one_in(3) && all[own.below(all.size())].cancel()) ++cancelled;
    }
    for (spool::timer& t : all) {
      if (own.one_in(3)) {
        while (!t.join_for(own.pause(1'000))) {
        }
      }
      t.join();
    }
  });
  check(fired + cancelled == made, "a timer fires once, or was cancelled");
  book.firings += fired;
}

inline void periodic_timers(dice& d, std::size_t threads) {
  std::vector<std::unique_ptr<spool::periodic_timer>> all;
  std::vector<std::atomic<std::size_t>> fired(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    all.push_back(std::make_unique<spool::periodic_timer>(d.pause(2'000) + std::chrono::microseconds(1),
                                                          [&n = fired[i]] { ++n; }));
    all.back()->start();
  }
  for (std::size_t i = 0; i < threads; ++i) {
    while (fired[i] < 2) spool::event().wait_for(std::chrono::microseconds(200));
    check(all[i]->cancel(), "the first cancel ends a periodic timer");
    all[i]->join();
    const std::size_t then = fired[i];
    check(!all[i]->cancel(), "a second does not");
    check(fired[i] == then, "nothing fires after the end");
    book.firings += then;
  }
}

/// Threads that wait until they are stopped; joined by several.
inline void threads_that_stop(dice& d, std::size_t threads) {
  std::atomic<std::size_t> stopped{0};
  std::vector<spool::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back(spool::thread_options{.name = "soak-" + std::to_string(i)}, [&](std::stop_token stop) {
      check(!spool::event().wait(stop), "nobody sets this event");
      ++stopped;
    });
    all.back().start();
    check(all.back().is_alive(), "a thread that was started is alive");
  }
  team(d, 2, [&](dice& own, std::size_t) {
    for (spool::thread& t : all) {
      if (own.one_in(2)) t.request_stop();
      if (own.one_in(2)) std::ignore = t.join_for(own.pause(200));
    }
    for (spool::thread& t : all) t.request_stop();
    for (spool::thread& t : all) {
      t.join();
      check(!t.is_alive(), "a thread that was joined is gone");
    }
  });
  check(stopped == threads, "all have stopped");
  book.waits += threads;
}

}  // namespace soak
