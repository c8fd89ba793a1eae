// examples/queues/results_through_a_queue.cpp · threads that give their results back through a queue
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <spool/queue.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

using numbers = std::vector<int>;

std::string written(numbers const& some) {
  std::ostringstream text;
  for (int const n : some) text << ' ' << n;
  return text.str();
}

int main() {
  std::vector<numbers> const data{{1, 2, 3}, {3, 4, 5}, {4, 4, 4}, {5, 5, 5}};

  // What a thread's function returns, nobody gets. So each thread puts its result here; moved, not copied.
  spool::queue<numbers> results;
  auto const square = [&](numbers some) {
    for (int& n : some) n *= n;
    results.put(std::move(some));
  };

  std::vector<spool::thread> threads;
  for (numbers const& some : data) {
    print_line("input: ", written(some));
    threads.emplace_back(square, some);
    threads.back().start();
  }

  // In the order in which they come, each as soon as it is there: nothing has to be joined before.
  for (std::size_t i = 0; i < data.size(); ++i) print_line("output:", written(results.get()));
}

// Unordered output:
// input:  1 2 3
// input:  3 4 5
// input:  4 4 4
// input:  5 5 5
// output: 1 4 9
// output: 9 16 25
// output: 16 16 16
// output: 25 25 25
