// tests/soak/queues.hpp · queues of every order, drained, joined, and shut down in the middle
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <spool/errors.hpp>
#include <spool/queue.hpp>

#include "soak/ledger.hpp"
#include "soak/team.hpp"

namespace soak {

/// Who put it, and as which of its own.
struct parcel {
  std::size_t from = 0, number = 0;
  std::unique_ptr<int> weight = std::make_unique<int>(1);  // moved about, never copied
  friend bool operator<(const parcel& a, const parcel& b) { return a.number < b.number; }
};

template <class Queue>
bool put_somehow(dice& own, Queue& q, parcel p) {
  std::stop_source nobody;
  switch (own.below(5)) {
    case 0:
      while (!q.put_for(std::move(p), own.pause(300))) check(p.weight != nullptr, "an item that is not put is whole");
      return true;
    case 1:
      if (q.try_put(std::move(p))) return true;
      check(p.weight != nullptr, "an item that is not put is whole");
      q.put(std::move(p));
      return true;
    case 2:
      return q.put(std::move(p), nobody.get_token());
    default:
      q.put(std::move(p));
      return true;
  }
}

template <class Queue>
std::size_t get_somehow(dice& own, Queue& q, std::vector<parcel>& into) {
  std::stop_source nobody;
  std::optional<parcel> one;
  switch (own.below(5)) {
    case 0:
      one = q.get_for(own.pause(300));
      break;
    case 1:
      one = q.try_get();
      break;
    case 2:
      one = q.get(nobody.get_token());
      break;
    case 3:
      return q.get_many(std::back_inserter(into), own.from_to(1, 9));
    default:
      one.emplace(q.get());
  }
  if (!one) return 0;
  into.push_back(std::move(*one));
  return 1;
}

/// What is put comes out exactly once, also if the queue is shut down meanwhile; what was not put, never.
template <class Queue>
void deliver(dice& d, std::size_t threads, bool in_order) {
  Queue q(d.one_in(2) ? 0 : d.from_to(1, 64));
  const std::size_t producers = threads / 2 + 1;
  const std::size_t each = 1 + 3'000 / producers;
  const std::size_t consumers = d.from_to(1, threads);
  const unsigned ending = static_cast<unsigned>(d.below(3));  // all of it; shut down meanwhile; discarded meanwhile
  std::atomic<std::size_t> put{0}, producing{producers}, got{0};
  std::vector<std::vector<unsigned char>> seen(producers, std::vector<unsigned char>(each));
  team(d, producers + consumers + 1, [&](dice& own, std::size_t i) {
    if (i == producers + consumers) {
      if (ending != 0) {
        for (std::size_t k = own.below(2'000); k > 0 && producing != 0; --k) work(own, 2'000);
        q.shutdown(ending == 2);
      }
      return;
    }
    try {
      if (i < producers) {
        for (std::size_t n = 0; n < each; ++n) {
          if (put_somehow(own, q, {i, n})) ++put;
        }
        if (--producing == 0) q.shutdown();
        return;
      }
      std::vector<parcel> some;
      std::vector<std::size_t> next(producers, 0);
      for (;;) {
        some.clear();
        get_somehow(own, q, some);
        for (parcel& p : some) {
          check(p.weight != nullptr && *p.weight == 1, "an item that is got is whole");
          check(!in_order || p.number >= next[p.from], "each producer's items come in order");
          next[p.from] = p.number + 1;
          unsigned char& mark = seen[p.from][p.number];  // nobody else has this item
          check(mark == 0, "an item comes once");
          mark = 1;
          ++got;
          q.task_done();
        }
      }
    } catch (spool::queue_shutdown_error const&) {
      if (i < producers) --producing;
    }
  });
  check(got <= put && (ending == 2 || got == put), "what was put is got");
  std::size_t marks = 0;
  for (auto const& of_one : seen) marks += static_cast<std::size_t>(std::count(of_one.begin(), of_one.end(), 1));
  check(marks == got && q.empty(), "nothing is invented, nothing left");
  q.join();
  book.items += got;
}

inline void queues(dice& d, std::size_t threads) { deliver<spool::queue<parcel>>(d, threads, true); }
inline void lifo_queues(dice& d, std::size_t threads) { deliver<spool::lifo_queue<parcel>>(d, threads, false); }
inline void priority_queues(dice& d, std::size_t threads) { deliver<spool::priority_queue<parcel>>(d, threads, false); }

}  // namespace soak
