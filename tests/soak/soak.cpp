// tests/soak/soak.cpp · everything at once, with far too many threads, for as long as wished
// SPDX-License-Identifier: MIT
//
//     soak [--minutes N | --seconds N] [--seed N] [--round N] [--patience SECONDS]
//
// Round after round a few mixtures, chosen by the seed, run at the same time, with up to 32 threads a processor
// between them, while signals interrupt whatever sleeps. Every mixture checks its own sums; between the rounds
// nothing may be left of them: no memory, no thread, no file descriptor. A line a minute says how it goes. What fails, or hangs,
// is told with the seed and the round, and the program aborts.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <spool/excepthook.hpp>
#include <spool/pool_options.hpp>

#include "soak/clocks.hpp"
#include "soak/futures.hpp"
#include "soak/interrupter.hpp"
#include "soak/ledger.hpp"
#include "soak/locks.hpp"
#include "soak/meetings.hpp"
#include "soak/pools.hpp"
#include "soak/queues.hpp"
#include "soak/watch.hpp"

namespace {

using namespace soak;

struct mixture {
  const char* name;
  void (*run)(dice&, std::size_t threads);
};
constexpr std::array mixtures{mixture{"mutexes", mutexes},
                              mixture{"semaphores", semaphores},
                              mixture{"conditions", conditions},
                              mixture{"events", events},
                              mixture{"barriers", barriers},
                              mixture{"broken barriers", broken_barriers},
                              mixture{"queues", queues},
                              mixture{"lifo queues", lifo_queues},
                              mixture{"priority queues", priority_queues},
                              mixture{"nested waits", nested_waits},
                              mixture{"results", results},
                              mixture{"endings of pools", endings},
                              mixture{"maps", maps},
                              mixture{"coroutines", coroutines},
                              mixture{"promises", promises},
                              mixture{"chains", chains},
                              mixture{"lost exceptions", lost_exceptions},
                              mixture{"timers", timers},
                              mixture{"periodic timers", periodic_timers},
                              mixture{"threads that stop", threads_that_stop}};

struct options {
  std::chrono::duration<double> length = std::chrono::minutes(60);
  std::uint64_t seed = std::random_device()();
  std::uint64_t round = 1;
  std::chrono::seconds patience{300};
};

options read_options(int argc, char** argv) {
  options o;
  if (const char* minutes = std::getenv("SPOOL_SOAK_MINUTES")) {
    o.length = std::chrono::duration<double, std::ratio<60>>(std::strtod(minutes, nullptr));
  }
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const char* const value = i + 1 < argc ? argv[++i] : "";
    const auto number = [value] { return std::strtoull(value, nullptr, 10); };
    if (name == "--minutes") {
      o.length = std::chrono::duration<double, std::ratio<60>>(std::strtod(value, nullptr));
    } else if (name == "--seconds") {
      o.length = std::chrono::duration<double>(std::strtod(value, nullptr));
    } else if (name == "--seed") {
      o.seed = number();
    } else if (name == "--round") {
      o.round = number();
    } else if (name == "--patience") {
      o.patience = std::chrono::seconds(number());
    } else {
      std::fprintf(stderr, "usage: soak [--minutes N | --seconds N] [--seed N] [--round N] [--patience SECONDS]\n");
      std::exit(2);
    }
  }
  return o;
}

/// A few mixtures at once, as the seed and the number of the round say.
void run_round(std::uint64_t seed, std::uint64_t number, std::size_t most_threads) {
  std::seed_seq both{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                     static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32)};
  std::array<std::uint32_t, 2> start{};
  both.generate(start.begin(), start.end());
  dice d(std::uint64_t{start[0]} << 32 | start[1]);
  const std::size_t at_once = d.from_to(1, most_at_once);
  std::array<const mixture*, most_at_once> chosen{};
  std::array<std::size_t, most_at_once> threads{};
  for (std::size_t i = 0; i < at_once; ++i) {
    chosen[i] = &mixtures[d.below(mixtures.size())];
    // Few as often as many.
    threads[i] = std::max<std::size_t>(1, (most_threads / at_once) >> d.below(6));
    book.now[i].what = chosen[i]->name;
    book.now[i].threads = threads[i];
  }
  book.round = number;
  book.round_began_ns = steady::now().time_since_epoch().count();
  std::vector<std::jthread> running;
  for (std::size_t i = 0; i < at_once; ++i) {
    running.emplace_back([&run = chosen[i]->run, n = threads[i], of = d.seed(), &what = book.now[i].what] {
      dice own(of);
      try {
        run(own, n);
      } catch (std::exception const& e) {
        fail(e.what());
      }
      what = nullptr;
    });
  }
  running.clear();
  book.round_began_ns = 0;
  check(book.hooked == book.thrown_away, "every exception that nobody can catch comes to the excepthook, once");
}

void print_progress(steady::duration since, const bounds& held) {
  const auto n = [](auto const& x) { return static_cast<unsigned long long>(x.load()); };
  std::printf(
      "soak: %lld s, round %llu: %llu tasks, %llu items, %llu locks, %llu meetings, %llu waits, %llu firings, "
      "%llu exceptions; %llu signals, %llu taken\n",
      static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(since).count()), n(book.round),
      n(book.tasks), n(book.items), n(book.locks), n(book.meetings), n(book.waits), n(book.firings), n(book.hooked),
      n(book.signals), n(book.signals_taken));
  held.print();
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const options o = read_options(argc, argv);
  book.seed = o.seed;
  const std::size_t most_threads = 32 * spool::usable_cpus();
  std::printf("soak: seed %llu, %.0f s, up to %zu threads at once\n", static_cast<unsigned long long>(o.seed),
              o.length.count(), most_threads);
  spool::set_excepthook([](spool::thread_info const&, std::exception_ptr) { ++book.hooked; });

  const steady::time_point began = steady::now();
  const steady::time_point end = began + std::chrono::duration_cast<steady::duration>(o.length);
  // What is held for good was held by then: arenas of malloc, blocks kept for the next, a service's thread.
  const steady::time_point warm = began + std::min<steady::duration>((end - began) / 4, std::chrono::minutes(3));
  bool is_warm = false;
  bounds held;
  {
    const watchdog dog(o.patience);
    const interrupter signals(o.seed);
    steady::time_point next_line = began + std::chrono::minutes(1);
    for (std::uint64_t round = o.round; steady::now() < end; ++round) {
      run_round(o.seed, round, most_threads);
      if (!is_warm) {
        is_warm = steady::now() >= warm;
        if (is_warm) held.start();
      } else {
        held.check_now();
      }
      if (steady::now() >= next_line) {
        print_progress(steady::now() - began, held);
        next_line += std::chrono::minutes(1);
      }
    }
  }
  print_progress(steady::now() - began, held);
  std::printf("soak: all held\n");
}
