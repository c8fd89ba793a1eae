// examples/pools/squares.cpp · three ways to have a pool call a function: on all of a range, once, and often
// SPDX-License-Identifier: MIT
#include <ranges>
#include <vector>

#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "support/list_text.hpp"
#include "support/print.hpp"

int square(int x) { return x * x; }

int main() {
  spool::thread_pool pool{3};

  // map: the results in the order of the inputs.
  print_line(list_text(pool.map(square, std::views::iota(0, 10))));

  // submit (Python's apply_async): returns at once; result() waits.
  spool::future<int> const four = pool.submit(square, 2);
  print_line(four.result());

  // All are submitted before the first is asked for.
  std::vector<spool::future<int>> tasks;
  for (int x = 0; x < 10; ++x) tasks.push_back(pool.submit(square, x));
  std::vector<int> results;
  for (spool::future<int> const& task : tasks) results.push_back(task.result());
  print_line(list_text(results));
}

// Output:
// [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
// 4
// [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
