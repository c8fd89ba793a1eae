// examples/pools/as_completed.cpp · take each result as soon as it is there, whichever it is
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const download_video = [&](int number) {
    clock.sleep(0.1);
    print_line("video ", number, " is here at ", clock.now(), " s");
    return number;
  };

  // Five tasks, two workers: two run at a time, so a pair is done every 0.1 s.
  spool::thread_pool pool{2};
  std::vector<spool::future<int>> tasks;
  for (int number = 1; number <= 5; ++number) tasks.push_back(pool.submit(download_video, number));

  // The loop sleeps until the next task is done, and ends after the last.
  for (spool::future<int> const& task : spool::as_completed(tasks)) print_line("task ", task.result(), " succeeded");
  print_line("all done");
}

// Unordered output:
// video <number> is here at <0.1..> s
// video <number> is here at <0.1..> s
// video <number> is here at <0.2..> s
// video <number> is here at <0.2..> s
// video <number> is here at <0.3..> s
// task 1 succeeded
// task 2 succeeded
// task 3 succeeded
// task 4 succeeded
// task 5 succeeded
// Output:
// all done
// In this order:
// video 1 is here at <0.1..> s
// task 1 succeeded
// In this order:
// video 5 is here at <0.1..> s
// task 5 succeeded
