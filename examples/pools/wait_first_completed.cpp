// examples/pools/wait_first_completed.cpp · sleep until one task of many is done
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/event.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  spool::event main_went_on;
  auto const download_video = [&](int number) {
    clock.sleep(2);
    if (number == 5) main_went_on.wait();  // the last one is surely not done when main looks: no luck needed
    print_line("video ", number, " is here");
    return number;
  };

  spool::thread_pool pool{2};
  std::vector<spool::future<int>> tasks;
  for (int number = 1; number <= 5; ++number) tasks.push_back(pool.submit(download_video, number));

  auto const [done, not_done] = spool::wait(tasks, spool::first_completed);
  print_line("main goes on: video ", done.front().result(), " will do");
  print_line("some are not done: ", !not_done.empty());
  main_went_on.set();

  spool::wait(not_done);
  print_line("now all are done");
}

// Unordered output:
// main goes on: video <number> will do
// some are not done: true
// video 1 is here
// video 2 is here
// video 3 is here
// video 4 is here
// video 5 is here
// Output:
// now all are done
// In this order:
// video <1..4> is here
// main goes on: video <1..4> will do
// some are not done: true
// video 5 is here
