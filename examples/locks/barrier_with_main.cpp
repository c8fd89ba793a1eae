// examples/locks/barrier_with_main.cpp · main and three workers of a pool meet at a barrier
// SPDX-License-Identifier: MIT
#include <spool/barrier.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  int const workers = 3;
  spool::barrier all_there{workers + 1};  // main is one more

  auto const work = [&](int id) {
    print_line("  thread ", id, " runs");
    clock.sleep(5);
    print_line("  thread ", id, ": work completed");
    all_there.wait();
  };

  spool::thread_pool pool{workers};  // as many as wait at the barrier: a task that has no worker yet can't come to it
  for (int id = 0; id < workers; ++id) pool.post(work, id);

  print_line("main waits at the barrier");
  all_there.wait();
  print_line("main: barrier reached after ", clock.now(), " s");
}

// Unordered output:
// main waits at the barrier
//   thread 0 runs
//   thread 1 runs
//   thread 2 runs
//   thread 0: work completed
//   thread 1: work completed
//   thread 2: work completed
// Output:
// main: barrier reached after <5..> s
