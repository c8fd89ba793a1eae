// tests/soak/pools.hpp · pools made and destroyed: results, nested waits, cancels, maps, loops, shutdowns
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <ranges>
#include <stop_token>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/errors.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "soak/ledger.hpp"
#include "soak/team.hpp"

namespace soak {

inline spool::pool_options some_options(dice& d, std::size_t threads) {
  return {.max_workers = d.from_to(1, threads), .max_pending = d.one_in(4) ? d.from_to(1, 50) : 0};
}

/// A task that waits for its own two, and so on: on any number of workers.
inline std::uint64_t fibonacci(spool::thread_pool& pool, unsigned n) {
  if (n < 2) return n;
  const auto one = pool.submit(fibonacci, std::ref(pool), n - 1);
  return fibonacci(pool, n - 2) + one.result();
}
inline void nested_waits(dice& d, std::size_t threads) {
  spool::thread_pool pool(some_options(d, threads));
  check(pool.submit(fibonacci, std::ref(pool), 12).result() == 144, "tasks that wait for tasks come to an end");
  book.tasks += 233;
}

/// Submitted from several threads at once, some cancelled: each runs once or was cancelled, and never both.
inline void results(dice& d, std::size_t threads) {
  spool::thread_pool pool(some_options(d, threads));
  const std::size_t producers = d.from_to(1, 4);
  const std::size_t each = 1'000;
  std::atomic<std::size_t> ran{0}, cancelled{0}, wrong{0};
  team(d, producers, [&](dice& own, std::size_t) {
    std::vector<spool::future<std::size_t>> all;
    for (std::size_t i = 0; i < each; ++i) {
      all.push_back(pool.submit([&ran, i] {
        ++ran;
        return i;
      }));
      if (own.one_in(8) && all[own.below(all.size())].cancel()) continue;
      if (own.one_in(50)) std::ignore = spool::wait_for(all, own.pause(300), spool::first_exception);
    }
    if (own.one_in(2)) {
      for (auto const& f : spool::as_completed(all)) check(f.done(), "what is yielded is done");
    }
    for (std::size_t i = 0; i < each; ++i) {
      try {
        if (all[i].result() != i) ++wrong;
      } catch (spool::cancelled_error const&) {
        ++cancelled;
      }
    }
  });
  check(wrong == 0, "each result is its task's");
  check(ran + cancelled == producers * each, "a task runs once, or was cancelled");
  pool.wait_idle();
  check(pool.pending() == 0, "an idle pool has nothing pending");
  book.tasks += producers * each;
}

/// A pool that goes while it has work: every task runs or is dropped, every future is done.
inline void endings(dice& d, std::size_t threads) {
  for (int round = 0; round < 5; ++round) {
    std::atomic<std::size_t> ran{0}, posted_ran{0};
    std::vector<spool::future<void>> all;
    std::size_t posted = 0;
    const unsigned how = static_cast<unsigned>(d.below(4));
    {
      spool::thread_pool pool(d.from_to(1, threads));
      for (std::size_t i = d.below(300); i > 0; --i) {
        if (d.one_in(4)) {
          pool.post([&] { ++posted_ran; });
          ++posted;
        } else {
          all.push_back(pool.submit([&](std::stop_token stop) {
            ++ran;
            for (int k = 0; k < 50 && !stop.stop_requested(); ++k) std::atomic_signal_fence(std::memory_order_seq_cst);
          }));
        }
      }
      if (how == 1) pool.shutdown({.cancel_pending = true, .request_stop = true});
      if (how == 2) pool.shutdown({.wait = false});
      if (how == 3) {
        while (!pool.shutdown_for(d.pause(500))) {
        }
      }
    }
    std::size_t cancelled = 0;
    for (auto const& f : all) {
      check(f.done(), "the end of a pool leaves no future pending");
      cancelled += f.cancelled() ? 1 : 0;
    }
    check(ran + cancelled == all.size() && (how == 1 || cancelled == 0), "a pool runs what it was given");
    check(posted_ran <= posted && (how == 1 || posted_ran == posted), "a pool runs what was posted");
    book.tasks += all.size() + posted;
  }
}

/// Maps gone through, or left early; loops; from outside and in tasks.
inline void maps(dice& d, std::size_t threads) {
  spool::thread_pool pool(some_options(d, threads));
  const auto go = [&pool](dice& own) {
    const std::size_t n = own.below(200);
    const std::size_t leaves_at = own.one_in(3) ? own.below(n + 1) : n;
    std::size_t sum = 0, seen = 0;
    const spool::map_options options{.chunk_size = own.from_to(1, 9), .buffer_size = own.below(20)};
    const auto twice = [](std::size_t i) { return 2 * i; };
    for (const std::size_t x : pool.map(options, twice, std::views::iota(std::size_t{0}, n))) {
      if (seen++ == leaves_at) break;
      sum += x;
    }
    check(sum == (leaves_at == 0 ? 0 : leaves_at * (leaves_at - 1)), "a map gives its results in order");
    std::size_t any = 0;
    for (const std::size_t x : pool.map_unordered(options, twice, std::views::iota(std::size_t{0}, n))) any += x;
    check(any == (n == 0 ? 0 : n * (n - 1)), "a map gives all its results");
    std::vector<int> data(own.below(3'000), 1);
    pool.for_each(data, [](int& x) { x = 2; });
    check(std::accumulate(data.begin(), data.end(), std::size_t{0}) == 2 * data.size(), "for_each visits each once");
    book.tasks += 2 * n;
  };
  team(d, d.from_to(1, 4), [&](dice& own, std::size_t) {
    go(own);
    const auto inside = pool.submit([&go, seed = own.seed()] {
      dice its(seed);
      go(its);
    });
    inside.result();
  });
}

inline spool::future<std::size_t> climb(spool::thread_pool& pool, spool::thread_pool& other, std::size_t steps) {
  std::size_t height = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    if (i % 3 == 0) co_await pool.schedule();
    height += co_await other.submit([] { return std::size_t{1}; });
  }
  co_return height;
}
/// Coroutines that wander between two pools.
inline void coroutines(dice& d, std::size_t threads) {
  spool::thread_pool one(d.from_to(1, threads)), other(d.from_to(1, threads));
  std::vector<spool::future<std::size_t>> all;
  for (std::size_t i = 0; i < 50; ++i) all.push_back(climb(one, other, i));
  std::size_t sum = 0;
  for (auto const& f : all) sum += f.result();
  check(sum == 50 * 49 / 2, "coroutines come to their end");
  book.tasks += sum;
}

}  // namespace soak
