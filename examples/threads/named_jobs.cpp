// examples/threads/named_jobs.cpp · two jobs at once, timed by a wrapper, while the main thread works on
// SPDX-License-Identifier: MIT
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};

  // What Python does with a decorator: a callable around a callable.
  auto const timed = [&](char const* name, auto job) {
    return [&clock, name, job] {
      print_line(clock.now(), " s: start ", name, " in thread ", spool::current_thread().name);
      job();
      print_line(clock.now(), " s: done ", name);
    };
  };
  auto const long_job = timed("the long job", [&] { clock.sleep(5); });
  auto const short_job = timed("the short job", [&] { clock.sleep(2); });

  spool::thread task1(spool::thread_options{.name = "task1"}, long_job);
  spool::thread task2(spool::thread_options{.name = "task2"}, short_job);
  task1.start();
  task2.start();

  for (int i = 0; i < 3; ++i) {
    print_line(clock.now(), " s: the main thread works, ", i);
    clock.sleep(1);
  }

  task1.join();
  task2.join();
  print_line("all done");
}

// Unordered output:
// <0..> s: start the long job in thread task1
// <0..> s: start the short job in thread task2
// <0..> s: the main thread works, 0
// <1..> s: the main thread works, 1
// <2..> s: the main thread works, 2
// <2..> s: done the short job
// <5..> s: done the long job
// Output:
// all done
// In this order:
// <0..> s: start the long job in thread task1
// <5..> s: done the long job
// In this order:
// <0..> s: start the short job in thread task2
// <2..> s: done the short job
