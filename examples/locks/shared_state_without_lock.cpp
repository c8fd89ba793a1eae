// examples/locks/shared_state_without_lock.cpp · what a thread has read may change while it works
// SPDX-License-Identifier: MIT
#include <atomic>

#include <spool/barrier.hpp>
#include <spool/event.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  std::atomic<int> shared{0};
  spool::barrier all_have_begun{5};
  spool::event changed;

  auto const update = [&](int name) {
    int const begin = shared;
    all_have_begun.wait();  // this and the next line take out the luck: four of five will see a change
    if (name != 0) changed.wait();
    clock.sleep(1);
    int const end = shared;
    print_line("thread ", name, ": begins with ", begin, ", ends with ", end, "; valid: ", begin == end);
    ++shared;
    changed.set();
  };

  {
    spool::thread_pool pool{5};
    for (int name = 0; name < 5; ++name) pool.post(update, name);
  }
  print_line("finished");
}

// Unordered output:
// thread 0: begins with 0, ends with 0; valid: true
// thread 1: begins with 0, ends with <1..4>; valid: false
// thread 2: begins with 0, ends with <1..4>; valid: false
// thread 3: begins with 0, ends with <1..4>; valid: false
// thread 4: begins with 0, ends with <1..4>; valid: false
// Output:
// finished
