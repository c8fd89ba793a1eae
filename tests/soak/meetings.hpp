// tests/soak/meetings.hpp · conditions, events and barriers: threads that wait for each other
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <vector>

#include <spool/barrier.hpp>
#include <spool/condition.hpp>
#include <spool/errors.hpp>
#include <spool/event.hpp>
#include <spool/mutex.hpp>

#include "soak/ledger.hpp"
#include "soak/team.hpp"

namespace soak {

/// A bounded buffer made of a mutex and two conditions: all that goes in comes out, once.
inline void conditions(dice& d, std::size_t threads) {
  spool::mutex m;
  spool::condition not_full, not_empty;
  std::deque<std::uint64_t> buffer;  // this and the counts are guarded by m
  const std::size_t room = d.from_to(1, 16);
  const std::size_t pairs = threads / 2 + 1;
  const std::size_t each = 1 + 1'000 / pairs;
  std::uint64_t put = 0, got = 0;
  std::size_t left = pairs * each;
  std::stop_source nobody;
  team(d, 2 * pairs, [&](dice& own, std::size_t i) {
    const bool puts = i % 2 == 0;
    spool::condition& ready = puts ? not_full : not_empty;
    const auto fits = [&] { return puts ? buffer.size() < room : !buffer.empty() || left == 0; };
    for (std::size_t n = 0; n < each; ++n) {
      std::unique_lock held(m);
      switch (own.below(4)) {
        case 0:
          while (!ready.wait_for(held, own.pause(500), fits)) {
          }
          break;
        case 1:
          check(ready.wait(held, nobody.get_token(), fits), "a wait that nobody stops goes on");
          break;
        case 2:
          while (!fits()) ready.wait_for(held, own.pause(500));
          break;
        default:
          ready.wait(held, fits);
      }
      if (puts) {
        put += buffer.emplace_back(own.below(1'000));
        own.one_in(20) ? not_empty.notify_all() : not_empty.notify_one();
      } else {
        check(!buffer.empty(), "as many are taken as put");
        got += buffer.front();
        buffer.pop_front();
        --left;
        own.one_in(20) ? not_full.notify_all() : not_full.notify(1);
      }
    }
  });
  check(put == got && buffer.empty() && left == 0, "what goes through conditions is all there");
  book.waits += 2 * pairs * each;
}

/// One sets, all pass: phase after phase.
inline void events(dice& d, std::size_t threads) {
  constexpr std::size_t phases = 20;
  std::vector<spool::event> up(phases);
  std::vector<std::atomic<std::size_t>> passed(phases);
  team(d, threads + 1, [&](dice& own, std::size_t i) {
    for (std::size_t p = 0; p < phases; ++p) {
      if (i == 0) {
        work(own, 5'000);
        up[p].set();
        continue;
      }
      std::stop_source nobody;
      if (own.one_in(3)) {
        check(up[p].wait(nobody.get_token()), "an event that nobody stops is waited for");
      } else if (own.one_in(2)) {
        while (!up[p].wait_for(own.pause(500))) {
        }
      } else {
        up[p].wait();
      }
      check(up[p].is_set(), "who has passed an event sees it set");
      ++passed[p];
    }
  });
  for (auto const& n : passed) check(n == threads, "all pass an event");
  book.waits += threads * phases;
}

/// Rounds that do not mix, each index once, an action between.
inline void barriers(dice& d, std::size_t threads) {
  const std::size_t rounds = 1 + 1'000 / threads;
  std::size_t acted = 0;
  std::atomic<std::size_t> indices{0};
  spool::barrier meet(threads, [&] { ++acted; });
  team(d, threads, [&](dice& own, std::size_t) {
    for (std::size_t r = 1; r <= rounds; ++r) {
      work(own, 200);
      indices += own.one_in(4) ? meet.wait_for(std::chrono::hours(1)) : meet.wait();
      check(acted == r, "the action runs once, before any of its round is released");
    }
  });
  check(acted == rounds && indices == rounds * (threads * (threads - 1) / 2), "each index once a round");
  book.meetings += rounds;
}

/// Barriers that break: by a timeout, by abort(), by their action; and are made whole.
inline void broken_barriers(dice& d, std::size_t threads) {
  constexpr std::size_t rounds = 12;
  std::atomic<bool> throws{false};
  std::atomic<std::size_t> thrown{0}, caught{0};
  spool::barrier breaks(threads, [&] {
    if (throws.exchange(false)) {
      ++thrown;
      throw 1;
    }
  });
  spool::barrier regroup(threads, [&] { breaks.reset(); });
  team(d, threads, [&](dice& own, std::size_t i) {
    for (std::size_t r = 0; r < rounds; ++r) {
      try {
        if (i == 0 && own.one_in(4)) throws = true;
        if (own.one_in(threads)) {
          own.one_in(2) ? breaks.abort() : static_cast<void>(breaks.wait_for(own.pause(100)));
        } else {
          breaks.wait();
        }
      } catch (spool::broken_barrier_error const&) {
      } catch (int) {
        ++caught;
      }
      // Whoever still waits here when all others have gone on waits for nobody any more.
      breaks.abort();
      regroup.wait();
    }
  });
  check(thrown == caught, "what an action throws reaches one thread");
  check(breaks.waiting() == 0 && !breaks.broken(), "a reset makes a barrier whole");
  book.meetings += rounds;
}

}  // namespace soak
