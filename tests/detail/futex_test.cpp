// tests/detail/futex_test.cpp · the contract of detail/platform/futex.hpp, whichever file keeps it
// SPDX-License-Identifier: MIT
#include <spool/detail/platform/futex.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::detail::deadline;
using spool::detail::futex_wait;
using spool::detail::futex_wake_all;
using spool::detail::futex_wake_one;
using word = spool::detail::atomic<std::uint32_t>;

namespace {

void wait_while(const word& w, std::uint32_t value) {
  while (w.load() == value) futex_wait(w, value, deadline::never());
}

}  // namespace

#define NAME_OF_(x) #x
#define NAME_OF(x) NAME_OF_(x)

TEST_CASE("the futex is the one that was asked for, or else the system's own") {
  const std::string name = spool::detail::futex_name;
  std::printf("the futex of this program: %s\n", name.c_str());
#if defined(SPOOL_FUTEX)
  CHECK(name == NAME_OF(SPOOL_FUTEX));
#elif defined(__linux__)
  CHECK(name == "linux");
#elif defined(_WIN32)
  CHECK(name == "windows");
#else
  CHECK((name == "darwin" || name == "portable"));
#endif
}

TEST_CASE("a wait on a word that holds something else returns at once") {
  word w{1};
  CHECK(futex_wait(w, 0, deadline::never()));
  CHECK(futex_wait(w, 2, deadline::after(1h)));
}

TEST_CASE("a wait whose deadline has passed returns false at once") {
  word w{0};
  CHECK_FALSE(futex_wait(w, 0, deadline::passed_already()));
  CHECK_FALSE(futex_wait(w, 0, deadline::after(0s)));
  CHECK_FALSE(futex_wait(w, 0, deadline::at(std::chrono::steady_clock::now())));
  CHECK_FALSE(futex_wait(w, 0, deadline::at(std::chrono::steady_clock::time_point::min())));
}

TEST_CASE("a wait that nobody ends returns false, and not before its deadline") {
  word w{0};
  const auto limit = GENERATE(1us, 300us, 500us, 999us, 2ms, 30ms);
  const auto start = std::chrono::steady_clock::now();
  const deadline until = deadline::after(limit);
  while (futex_wait(w, 0, until)) {
  }
  CHECK(std::chrono::steady_clock::now() - start >= limit);
}

TEST_CASE("a deadline that is centuries away is slept for, however many bits the system has for it") {
  using std::chrono::steady_clock;
  word w{0};
  std::atomic<int> returns{0};
  const std::chrono::hours century(24 * 36525);
  const auto limit = GENERATE_COPY(century / 2, century, 2 * century);
  crew sleeper(1, [&] {
    const deadline until = deadline::at(steady_clock::now() + limit);
    while (w.load() == 0) {
      if (!futex_wait(w, 0, until)) throw std::logic_error("woke too early");
      ++returns;
    }
  });
  let_others_sleep();
  w.store(1);
  futex_wake_one(&w);
  sleeper.join();
  CHECK(returns < 10);  // it did not go round and round
}

TEST_CASE("a thread that changes the word and then wakes is never missed") {
  constexpr std::uint32_t rounds = 20000;
  word turn{0};
  crew::run(2, [&](std::size_t me) {
    for (std::uint32_t t = static_cast<std::uint32_t>(me); t < rounds; t += 2) {
      for (std::uint32_t seen = turn.load(); seen != t; seen = turn.load()) futex_wait(turn, seen, deadline::never());
      turn.store(t + 1);
      me == 0 ? futex_wake_one(&turn) : futex_wake_all(&turn);
    }
  });
  CHECK(turn.load() == rounds);
}

TEST_CASE("wake_all wakes all who sleep on the word") {
  for (int round = 0; round < 100; ++round) {
    word w{0};
    crew sleepers(4, [&] { wait_while(w, 0); });
    let_others_sleep();
    w.store(1);
    futex_wake_all(&w);
    sleepers.join();
  }
  SUCCEED("nobody slept on");
}

TEST_CASE("as many wake_one as sleepers wake them all") {
  for (int round = 0; round < 100; ++round) {
    word w{0};
    crew sleepers(3, [&] { wait_while(w, 0); });
    let_others_sleep();
    w.store(1);
    for (int i = 0; i < 3; ++i) futex_wake_one(&w);
    sleepers.join();
  }
  SUCCEED("nobody slept on");
}

TEST_CASE("a wake is for those on its own word, not for a neighbour who slept first") {
  for (int round = 0; round < 100; ++round) {
    struct alignas(8) {
      word first{0}, second{0};  // in the same eight bytes: the same bucket, where there are buckets
    } words;
    crew neighbours(2, [&] { wait_while(words.first, 0); });
    let_others_sleep();
    crew sleeper(1, [&] { wait_while(words.second, 0); });
    let_others_sleep();
    words.second.store(1);
    futex_wake_one(&words.second);
    sleeper.join();
    words.first.store(1);
    futex_wake_all(&words.first);
    neighbours.join();
  }
  SUCCEED("nobody slept on");
}

TEST_CASE("a wake uses the address only: there need be no word any more") {
  const auto* nowhere = reinterpret_cast<const word*>(std::uintptr_t{4096});  // the null page's neighbour: never mapped
  futex_wake_one(nowhere);
  futex_wake_all(nowhere);
  SUCCEED("it was not read");
}

TEST_CASE("sleepers that give up leave the others in place") {
  word w{0};
  word done{0};
  crew sleepers(4, [&](std::size_t i) {
    if (i == 0) return wait_while(done, 0);
    for (int n = 0; n < 300; ++n) {
      const deadline until = deadline::after(std::chrono::microseconds(10 * i));
      while (futex_wait(w, 0, until)) {
      }
    }
  });
  for (int n = 0; n < 2000; ++n) futex_wake_one(&w);
  done.store(1);
  futex_wake_all(&done);
  sleepers.join();
  SUCCEED("nobody slept on");
}
