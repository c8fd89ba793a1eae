// examples/locks/barrier.cpp · the main thread and three workers wait for each other
// SPDX-License-Identifier: MIT
#include <deque>

#include <spool/barrier.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  constexpr int workers = 3;
  spool::barrier all_here(workers + 1);  // the main thread takes part

  std::deque<spool::thread> threads;
  for (int id = 0; id < workers; ++id) {
    threads.emplace_back([&, id] {
      print_line("running thread ", id);
      clock.sleep(1 + id);
      print_line("work completed ", id);
      all_here.wait();
    });
  }
  for (spool::thread& t : threads) t.start();
  all_here.wait();
  print_line("barrier reached");
  for (spool::thread& t : threads) t.join();
}

// Unordered output:
// running thread 0
// running thread 1
// running thread 2
// work completed 0
// work completed 1
// work completed 2
// Output:
// barrier reached
// In this order:
// running thread 2
// work completed 2
