// examples/locks/semaphore_in_a_pool.cpp · five workers share two of what is scarce
// SPDX-License-Identifier: MIT
#include <atomic>

#include <spool/semaphore.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  spool::semaphore resources{2};
  std::atomic<int> working{0};

  auto const work = [&](int name) {
    print_line("thread ", name, " would like a resource");
    spool::permit const mine(resources);  // sleeps until one is free; gives it back at the end of the block
    int const together = ++working;
    print_line("  thread ", name, " works for 5 s, one of ", together);
    clock.sleep(5);
    print_line("  thread ", name, " is complete");
    --working;
  };

  {
    spool::thread_pool pool{5};
    for (int name = 0; name < 5; ++name) pool.post(work, name);
  }
  print_line("finished after ", clock.now(), " s");
}

// Unordered output:
// thread 0 would like a resource
// thread 1 would like a resource
// thread 2 would like a resource
// thread 3 would like a resource
// thread 4 would like a resource
//   thread 0 works for 5 s, one of <1..2>
//   thread 1 works for 5 s, one of <1..2>
//   thread 2 works for 5 s, one of <1..2>
//   thread 3 works for 5 s, one of <1..2>
//   thread 4 works for 5 s, one of <1..2>
//   thread 0 is complete
//   thread 1 is complete
//   thread 2 is complete
//   thread 3 is complete
//   thread 4 is complete
// Output:
// finished after <15..> s
