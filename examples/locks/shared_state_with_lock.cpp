// examples/locks/shared_state_with_lock.cpp · nothing changes while a thread that holds the lock works
// SPDX-License-Identifier: MIT
#include <mutex>

#include <spool/mutex.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  spool::mutex lock;
  int shared = 0;  // read and written under the lock

  auto const update = [&](int name) {
    print_line("thread ", name, " tries to obtain the lock");
    std::scoped_lock const guard(lock);
    int const begin = shared;
    clock.sleep(1);
    int const end = shared;
    print_line("  thread ", name, ": begins with ", begin, ", ends with ", end, "; valid: ", begin == end);
    ++shared;
  };

  {
    spool::thread_pool pool{5};
    for (int name = 0; name < 5; ++name) pool.post(update, name);
  }
  print_line("finished: ", shared, " updates, one at a time, in ", clock.now(), " s");
}

// Unordered output:
// thread 0 tries to obtain the lock
// thread 1 tries to obtain the lock
// thread 2 tries to obtain the lock
// thread 3 tries to obtain the lock
// thread 4 tries to obtain the lock
//   thread <0..4>: begins with 0, ends with 0; valid: true
//   thread <0..4>: begins with 1, ends with 1; valid: true
//   thread <0..4>: begins with 2, ends with 2; valid: true
//   thread <0..4>: begins with 3, ends with 3; valid: true
//   thread <0..4>: begins with 4, ends with 4; valid: true
// Output:
// finished: 5 updates, one at a time, in <5..> s
// In this order:
//   thread <0..4>: begins with 0, ends with 0; valid: true
//   thread <0..4>: begins with 1, ends with 1; valid: true
//   thread <0..4>: begins with 2, ends with 2; valid: true
//   thread <0..4>: begins with 3, ends with 3; valid: true
//   thread <0..4>: begins with 4, ends with 4; valid: true
