// tests/soak/futures.hpp · promises kept and broken by other threads, chains, callbacks, and what nobody catches
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "soak/ledger.hpp"
#include "soak/team.hpp"

namespace soak {

/// Some threads keep, break or cancel; the others wait in all ways. Every callback runs once.
inline void promises(dice& d, std::size_t threads) {
  constexpr std::size_t count = 300;
  std::vector<spool::promise<std::string>> made(count);
  std::vector<spool::future<std::string>> all;
  std::atomic<std::size_t> called_back{0}, went_on{0}, values{0};
  for (auto& p : made) {
    all.push_back(p.get_future());
    all.back().add_done_callback([&](spool::future<std::string> const&) { ++called_back; });
  }
  std::vector<spool::future<std::size_t>> lengths(count);
  for (std::size_t i = 0; i < count; ++i) {
    lengths[i] = all[i].then([&](std::string const& s) {
      ++went_on;
      return s.size();
    });
  }
  std::atomic<std::size_t> next{0};
  team(d, threads + 1, [&](dice& own, std::size_t who) {
    std::stop_source nobody;
    if (who % 2 == 0) {
      for (std::size_t i = next++; i < count; i = next++) {
        if (own.one_in(10)) all[own.below(count)].cancel();
        spool::promise<std::string> p = std::move(made[i]);
        work(own, 2'000);
        if (own.one_in(10)) continue;
        try {
          if (!p.set_running_or_notify_cancel()) continue;
          own.one_in(10) ? p.set_exception(std::make_exception_ptr(std::runtime_error("no")))
                         : p.set_value(std::string(40, 'x'));
        } catch (spool::usage_error const&) {
          fail("what runs is not cancelled");
        }
      }
      return;
    }
    const spool::future<std::string> mine = all[own.below(count)];
    switch (own.below(4)) {
      case 0:
        check(mine.wait(nobody.get_token()), "a wait that nobody stops ends with the result");
        break;
      case 1:
        while (!mine.wait_for(own.pause(500))) {
        }
        break;
      case 2:
        check(spool::wait(all).done.size() == count, "all are done in the end");
        break;
      default:
        check(!spool::wait(all, spool::first_completed).done.empty(), "the first is done");
        mine.wait();
    }
    check(mine.done(), "what was waited for is done");
  });
  for (auto const& f : all) {
    check(f.done(), "every future is done");
    try {
      values += f.result().size() == 40 ? 1 : 0;
    } catch (std::exception const&) {
    }
  }
  check(called_back == count, "every callback runs once");
  check(went_on == values, "a continuation is called with each value");
  for (auto const& f : lengths) {
    check(f.done(), "every continuation is done");
    if (!f.cancelled()) std::ignore = f.exception();
  }
  book.waits += threads;
  book.tasks += count;
}

/// Long chains through pools and in place.
inline void chains(dice& d, std::size_t threads) {
  spool::thread_pool pool(d.from_to(1, threads)), other(d.from_to(1, threads));
  for (int round = 0; round < 5; ++round) {
    auto f = pool.submit([] { return 0; });
    constexpr int links = 100;
    for (int i = 0; i < links; ++i) {
      const auto next = [](int x) { return x + 1; };
      const std::size_t where = d.below(3);
      f = where == 0 ? f.then(next) : where == 1 ? std::move(f).then(pool, next) : std::move(f).then(other, next);
    }
    check(f.result() == links, "a chain comes to its end");
    book.tasks += links;
  }
}

/// Exceptions that nobody can catch come to the excepthook, each once.
inline void lost_exceptions(dice& d, std::size_t threads) {
  spool::thread_pool pool(d.from_to(1, threads));
  for (std::size_t i = d.below(100); i > 0; --i) {
    ++book.thrown_away;
    switch (d.below(3)) {
      case 0:
        pool.post([] { throw std::runtime_error("posted"); });
        break;
      case 1:
        pool.submit([] { throw std::runtime_error("unread"); });
        break;
      default:
        pool.submit([] {}).add_done_callback([](spool::future<void> const&) { throw std::runtime_error("callback"); });
    }
  }
}

}  // namespace soak
