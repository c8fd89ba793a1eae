// examples/threads/ten_workers.cpp · one thread that works for ten seconds; then ten of them, which take no longer
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const work = [&](int name, double seconds) {
    print_line("  thread ", name, " works for ", seconds, " s");
    clock.sleep(seconds);
    print_line("  thread ", name, " is complete");
  };

  spool::thread one(work, 1, 10);
  one.start();
  one.join();
  double const between = clock.now();
  print_line("one worker took ", between, " s");

  std::vector<spool::thread> threads;
  for (int name = 0; name < 10; ++name) threads.emplace_back(work, name, 10);
  for (spool::thread& t : threads) t.start();
  for (spool::thread& t : threads) t.join();
  print_line("ten workers took ", clock.now() - between, " s");
}

// Output:
//   thread 1 works for 10 s
//   thread 1 is complete
// one worker took <10..> s
// Unordered output:
//   thread 0 works for 10 s
//   thread 1 works for 10 s
//   thread 2 works for 10 s
//   thread 3 works for 10 s
//   thread 4 works for 10 s
//   thread 5 works for 10 s
//   thread 6 works for 10 s
//   thread 7 works for 10 s
//   thread 8 works for 10 s
//   thread 9 works for 10 s
//   thread 0 is complete
//   thread 1 is complete
//   thread 2 is complete
//   thread 3 is complete
//   thread 4 is complete
//   thread 5 is complete
//   thread 6 is complete
//   thread 7 is complete
//   thread 8 is complete
//   thread 9 is complete
// Output:
// ten workers took <10..> s
