// examples/threads/cpu_bound_sum.cpp · a long calculation in one thread and in four; and in CPython
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include <spool/queue.hpp>
#include <spool/thread.hpp>
#include <spool/thread_pool.hpp>

#include "support/cpython_sum.hpp"
#include "support/print.hpp"

std::uint64_t sum(std::uint64_t first, std::uint64_t last) {
  std::uint64_t total = 0;
  for (std::uint64_t x = first; x < last; ++x) total += x * x % 97;
  return total;
}

std::uint64_t sum_in_four_threads(std::uint64_t n) {
  spool::queue<std::uint64_t> sums;
  std::vector<spool::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&sums, i, n] { sums.put(sum(n / 4 * i, n / 4 * (i + 1))); });
    threads.back().start();
  }
  std::uint64_t total = 0;
  for (int i = 0; i < 4; ++i) total += sums.get();
  return total;
}

template <class Call>
double milliseconds(Call call) {
  auto const start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

int main() {
  constexpr std::uint64_t n = 100'000'000;
  std::uint64_t total1 = 0;
  std::uint64_t total4 = 0;
  double const one = milliseconds([&] { total1 = sum(0, n); });
  double const four = milliseconds([&] { total4 = sum_in_four_threads(n); });

  print_line("the same total from both: ", total1 == total4);
  print_line("processors: ", spool::usable_cpus());
  print_line("C++: ", std::round(one), " ms in one thread, ", std::round(four),
             " ms in four: ", std::round(10 * one / four) / 10, " times as fast");
  print_line(cpython_sum());  // under its global lock one thread at a time runs: four are no faster
}

// Output:
// the same total from both: true
// processors: <1..>
// C++: <number> ms in one thread, <number> ms in four: <number> times as fast
// Optional output:
// Python <3..>: <number> ms in one thread, <number> ms in four: <number> times as fast
// (no python3 here to compare with)
