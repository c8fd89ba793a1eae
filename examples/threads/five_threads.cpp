// examples/threads/five_threads.cpp · several threads of one function, each with an argument of its own
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const job = [&](int number) {
    print_line("thread ", number);
    clock.sleep(1);
  };

  std::vector<spool::thread> threads;
  for (int number = 0; number < 5; ++number) {
    threads.emplace_back(job, number);
    threads.back().start();
  }

  // All five sleep at the same time: together they take as long as one.
  for (spool::thread& t : threads) t.join();
  print_line("done after ", clock.now(), " s");
}

// Unordered output:
// thread 0
// thread 1
// thread 2
// thread 3
// thread 4
// Output:
// done after <1..> s
