// examples/threads/thread_class.cpp · a class whose objects are what a thread runs
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

// Python derives from Thread and overrides run(). Here a thread takes any object that has a run(), and so the object
// is complete before the thread starts.
class job {
public:
  job(int number, demo_clock const& clock) : number_(number), clock_(&clock) {}

  void run() {
    print_line("thread ", number_);
    clock_->sleep(1);
  }

private:
  int number_;
  demo_clock const* clock_;
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};

  // Each thread has a job of its own. (downloads_as_objects.cpp keeps its objects, and asks them afterwards.)
  std::vector<spool::thread> threads;
  for (int number = 0; number < 5; ++number) threads.emplace_back(job(number, clock));
  for (spool::thread& t : threads) t.start();
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
