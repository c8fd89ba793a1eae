// examples/pools/wait_all.cpp · sleep until every task is done
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
    clock.sleep(2);
    print_line("video ", number, " is here");
  };

  spool::thread_pool pool{2};
  std::vector<spool::future<void>> tasks;
  for (int number = 1; number <= 5; ++number) tasks.push_back(pool.submit(download_video, number));

  auto const [done, not_done] = spool::wait(tasks);  // as if: spool::wait(tasks, spool::all_completed)
  print_line("main goes on: ", done.size(), " done, ", not_done.size(), " not done");
}

// Unordered output:
// video 1 is here
// video 2 is here
// video 3 is here
// video 4 is here
// video 5 is here
// Output:
// main goes on: 5 done, 0 not done
