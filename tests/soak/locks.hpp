// tests/soak/locks.hpp · mutexes that exclude, semaphores that count
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include <spool/mutex.hpp>
#include <spool/recursive_mutex.hpp>
#include <spool/semaphore.hpp>

#include "soak/ledger.hpp"
#include "soak/team.hpp"

namespace soak {

/// Counters without atomics, guarded by a mutex and by a recursive one: every increment is there in the end.
inline void mutexes(dice& d, std::size_t threads) {
  spool::mutex flat;
  spool::recursive_mutex deep;
  long flat_count = 0, deep_count = 0;
  std::atomic<long> flat_done{0}, deep_done{0};
  const std::size_t rounds = 1 + 4'000 / threads;
  team(d, threads, [&](dice& own, std::size_t) {
    for (std::size_t i = 0; i < rounds; ++i) {
      const std::size_t how = own.below(8);
      if (how == 0) {
        if (!flat.try_lock_for(own.pause(200))) continue;
      } else if (how == 1) {
        if (!flat.try_lock()) continue;
      } else if (how > 5) {
        const bool timed = own.one_in(3);
        if (timed ? !deep.try_lock_for(own.pause(200)) : (deep.lock(), false)) continue;
        const std::size_t more = own.below(4);
        for (std::size_t k = 0; k < more; ++k) deep.lock();
        ++deep_count;
        ++deep_done;
        for (std::size_t k = 0; k <= more; ++k) deep.unlock();
        continue;
      } else {
        flat.lock();
      }
      ++flat_count;
      ++flat_done;
      work(own, own.one_in(100) ? 20'000 : 50);
      flat.unlock();
    }
  });
  check(flat_count == flat_done && !flat.locked(), "a mutex excludes");
  check(deep_count == deep_done && !deep.locked(), "a recursive_mutex excludes");
  book.locks += static_cast<std::uint64_t>(flat_count + deep_count);
}

/// Never more inside than there are permits, and all of them are back in the end.
inline void semaphores(dice& d, std::size_t threads) {
  const std::size_t permits = d.from_to(1, threads);
  spool::bounded_semaphore slots(static_cast<std::ptrdiff_t>(permits));
  std::atomic<std::size_t> inside{0}, entered{0};
  const std::size_t rounds = 1 + 2'000 / threads;
  team(d, threads, [&](dice& own, std::size_t) {
    std::stop_source nobody, all;
    all.request_stop();
    for (std::size_t i = 0; i < rounds; ++i) {
      const std::size_t how = own.below(8);
      if (how == 0 && !slots.try_acquire()) continue;
      if (how == 1 && !slots.try_acquire_for(own.pause(300))) continue;
      if (how == 2 && !slots.acquire(all.get_token())) continue;
      if (how == 3) check(slots.acquire(nobody.get_token()), "an acquire that nobody stops acquires");
      if (how > 3) slots.acquire();
      check(++inside <= permits, "a semaphore lets in no more than it has permits");
      ++entered;
      work(own, 100);
      --inside;
      slots.release();
    }
  });
  check(slots.value() == static_cast<std::ptrdiff_t>(permits), "all permits are back");
  book.locks += entered;
}

}  // namespace soak
