// tests/soak/ledger.hpp · what the soak is doing just now, what it has done, and how it fails
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace soak {

using steady = std::chrono::steady_clock;

/// One place a mixture for what runs at the same time in a round.
constexpr std::size_t most_at_once = 4;

/// Written by the threads of the soak, read by whoever reports.
struct ledger {
  std::uint64_t seed = 0;
  std::atomic<std::uint64_t> round{0};
  std::atomic<std::int64_t> round_began_ns{0};
  struct running {
    std::atomic<const char*> what{nullptr};
    std::atomic<std::size_t> threads{0};
  };
  std::array<running, most_at_once> now;

  std::atomic<std::uint64_t> tasks{0}, items{0}, locks{0}, meetings{0}, firings{0}, waits{0};
  std::atomic<std::uint64_t> thrown_away{0};  // exceptions that nobody can catch, as they were thrown
  std::atomic<std::uint64_t> hooked{0};       // and as they came to the excepthook
  std::atomic<std::uint64_t> signals{0}, signals_taken{0};
};
inline ledger book;

inline void print_where() {
  std::fprintf(stderr, "soak: seed %llu, round %llu:", static_cast<unsigned long long>(book.seed),
               static_cast<unsigned long long>(book.round.load()));
  for (const ledger::running& r : book.now) {
    const char* const what = r.what;
    if (what != nullptr) std::fprintf(stderr, " %s with %zu threads;", what, r.threads.load());
  }
  std::fprintf(stderr, " again from there: --seed %llu --round %llu\n", static_cast<unsigned long long>(book.seed),
               static_cast<unsigned long long>(book.round.load()));
}

/// Ends the program: whatever waits for what is wrong need not be untangled.
[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "soak: FAILED: %s\n", what);
  print_where();
  std::fflush(stderr);
  std::abort();
}
inline void check(bool holds, const char* what) {
  if (!holds) fail(what);
}

/// Choices of one thread.
class dice {
public:
  explicit dice(std::uint64_t seed) : random_(seed) {}
  /// One of 0..n-1.
  std::size_t below(std::size_t n) { return n < 2 ? 0 : static_cast<std::size_t>(random_() % n); }
  std::size_t from_to(std::size_t least, std::size_t most) { return least + below(most - least + 1); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::chrono::microseconds pause(std::size_t most) { return std::chrono::microseconds(below(most + 1)); }
  std::uint64_t seed() { return random_(); }

private:
  std::mt19937_64 random_;
};

/// Some work, of up to so many steps.
inline void work(dice& d, std::size_t most) {
  for (std::size_t i = d.below(most + 1); i > 0; --i) std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace soak
