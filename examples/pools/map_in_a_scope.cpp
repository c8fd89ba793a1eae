// examples/pools/map_in_a_scope.cpp · a pool for a few lines: five calls at once, and none left behind
// SPDX-License-Identifier: MIT
#include <ranges>

#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const work = [&](int name) {
    double const seconds = 5;
    print_line("  thread ", name, " works for ", seconds, " s");
    clock.sleep(seconds);
    print_line("  thread ", name, " is complete");
    return seconds;
  };

  print_line("starting the pool");
  double worked = 0;
  {
    spool::thread_pool pool{5};
    for (double const seconds : pool.map(work, std::views::iota(0, 5))) worked += seconds;
  }  // here the pool ends, and its threads with it
  print_line("finished the pool: ", worked, " s of work done in ", clock.now(), " s");
}

// Output:
// starting the pool
// Unordered output:
//   thread 0 works for 5 s
//   thread 1 works for 5 s
//   thread 2 works for 5 s
//   thread 3 works for 5 s
//   thread 4 works for 5 s
//   thread 0 is complete
//   thread 1 is complete
//   thread 2 is complete
//   thread 3 is complete
//   thread 4 is complete
// Output:
// finished the pool: 25 s of work done in <5..> s
