// examples/queues/two_workers_one_queue.cpp · two workers that share the items of one queue
// SPDX-License-Identifier: MIT
#include <functional>
#include <string>

#include <spool/queue.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

struct worker {
  spool::queue<std::string>& work;
  int number;
  demo_clock const& clock;
  int done = 0;  // written by run(), read after the join

  // "While it is not empty, get" would hang here: both see the last item, one takes it, the other waits for ever.
  // The loop asks and takes in one go, and ends when the queue is shut down and drained.
  void run() {
    for (std::string const& item : work) {
      print_line("worker ", number, ": ", item);
      clock.sleep(1);
      ++done;
    }
  }
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};

  spool::queue<std::string> work;
  for (int i = 0; i < 10; ++i) work.put("data " + std::to_string(i));
  work.shutdown();  // nothing more will be put; what is there is still taken

  worker first{work, 1, clock}, second{work, 2, clock};
  spool::thread one(std::ref(first)), two(std::ref(second));
  one.start();
  two.start();
  one.join();
  two.join();
  print_line("done: ", first.done, " and ", second.done, ", together ", first.done + second.done);
}

// Unordered output:
// worker <1..2>: data 0
// worker <1..2>: data 1
// worker <1..2>: data 2
// worker <1..2>: data 3
// worker <1..2>: data 4
// worker <1..2>: data 5
// worker <1..2>: data 6
// worker <1..2>: data 7
// worker <1..2>: data 8
// worker <1..2>: data 9
// Output:
// done: <1..9> and <1..9>, together 10
