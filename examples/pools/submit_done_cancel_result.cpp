// examples/pools/submit_done_cancel_result.cpp · hand tasks to a pool, ask after them, cancel one, take the results
// SPDX-License-Identifier: MIT
#include <cstddef>

#include <spool/errors.hpp>
#include <spool/event.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

void download_two_videos(std::size_t workers, demo_clock const& clock) {
  print_line("A pool of ", workers, ":");

  spool::event asked;  // holds the downloads open until the questions are asked: no answer depends on luck
  auto const download_video = [&](double seconds) {
    asked.wait();
    clock.sleep(seconds);
    print_line("  video of ", seconds, " s is here");
    return seconds;
  };

  // submit() returns at once, with a handle to the result that will be.
  spool::thread_pool pool{workers};
  spool::future<double> task1 = pool.submit(download_video, 0.2);
  spool::future<double> task2 = pool.submit(download_video, 0.1);
  auto const& last_to_start = workers > 1 ? task2 : task1;
  while (!last_to_start.running()) clock.sleep(0.01);

  // A task that runs can't be cancelled any more; one that still waits for a worker can, and never starts.
  print_line("  task 1 is done: ", task1.done());
  print_line("  task 2 could be cancelled: ", task2.cancel());
  asked.set();

  // result() waits for the task, then gives what it returned; or throws, if there is nothing to give.
  print_line("  task 1 gave ", task1.result());
  print_line("  task 1 is done: ", task1.done());
  try {
    print_line("  task 2 gave ", task2.result());
  } catch (spool::cancelled_error const&) {
    print_line("  task 2 gave nothing: it was cancelled");
  }
}

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  download_two_videos(2, clock);  // both tasks run at once
  download_two_videos(1, clock);  // task 2 waits until task 1 is done
}

// Output:
// A pool of 2:
//   task 1 is done: false
//   task 2 could be cancelled: false
// Unordered output:
//   video of 0.1 s is here
//   video of 0.2 s is here
//   task 1 gave 0.2
//   task 1 is done: true
//   task 2 gave 0.1
// Output:
// A pool of 1:
//   task 1 is done: false
//   task 2 could be cancelled: true
//   video of 0.2 s is here
//   task 1 gave 0.2
//   task 1 is done: true
//   task 2 gave nothing: it was cancelled
