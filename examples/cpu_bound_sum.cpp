// examples/cpu_bound_sum.cpp · a long calculation, in one thread and in four; and what CPython makes of the same
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include <spool/queue.hpp>
#include <spool/thread.hpp>
#include <spool/thread_pool.hpp>

#include "support/print.hpp"
#include "support/python.hpp"

std::uint64_t sum(std::uint64_t first, std::uint64_t last) {
  std::uint64_t total = 0;
  for (std::uint64_t x = first; x < last; ++x) total += x * x % 97;
  return total;
}

std::uint64_t sum_in_four_threads(std::uint64_t last) {
  spool::queue<std::uint64_t> sums;
  std::vector<spool::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&sums, i, last] { sums.put(sum(last / 4 * i, last / 4 * (i + 1))); });
    threads.back().start();
  }
  std::uint64_t total = 0;
  for (int i = 0; i < 4; ++i) total += sums.get();
  return total;
}

char const* const in_python = R"(
import threading, queue, time, platform
def job(q, a, b): q.put(sum(x * x % 97 for x in range(a, b)))
def milliseconds(parts):
    q, n, start = queue.Queue(), 2_000_000 // parts, time.perf_counter()
    threads = [threading.Thread(target=job, args=(q, n * i, n * (i + 1))) for i in range(parts)]
    for t in threads: t.start()
    for t in threads: t.join()
    return 1000 * (time.perf_counter() - start)
one, four = milliseconds(1), milliseconds(4)
print(f'CPython {platform.python_version()}: in one thread {one:.0f} ms, in four {four:.0f} ms: {one / four:.1f} times as fast'))";

int main() {
  constexpr std::uint64_t last = 100'000'000;
  auto const start = std::chrono::steady_clock::now();
  std::uint64_t const total = sum(0, last);
  auto const between = std::chrono::steady_clock::now();
  bool const same = sum_in_four_threads(last) == total;
  auto const end = std::chrono::steady_clock::now();

  std::chrono::duration<double, std::milli> const one = between - start;
  std::chrono::duration<double, std::milli> const four = end - between;
  print_line(spool::usable_cpus(), " processors; the same total from both: ", same);
  print_line("C++: in one thread ", std::round(one.count()), " ms, in four ", std::round(four.count()),
             " ms: ", std::round(10 * (one / four)) / 10, " times as fast");

  // One thread at a time may run Python code: CPython's global lock sees to that. (It had fewer numbers to add, too.)
  std::string const python = python_output(in_python);
  print_line(python.empty() ? "(there is no python3 here to compare with)" : python);
}

// Output:
// <1..> processors; the same total from both: true
// C++: in one thread <number> ms, in four <number> ms: <number> times as fast
// Optional output:
// CPython 3.<number>: in one thread <number> ms, in four <number> ms: <number> times as fast
// (there is no python3 here to compare with)
