// examples/pools/counter_in_a_pool.cpp · five tasks of a pool count under a lock, and main waits for them all
// SPDX-License-Identifier: MIT
#include <mutex>
#include <vector>

#include <spool/future.hpp>
#include <spool/mutex.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/print.hpp"

int main() {
  spool::mutex lock;
  int counter = 0;  // read and written under the lock

  auto const count = [&] {
    for (int i = 0; i < 100'000; ++i) {
      std::scoped_lock const guard(lock);
      ++counter;
    }
  };

  spool::thread_pool pool{5};
  std::vector<spool::future<void>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(pool.submit(count));

  spool::wait(tasks);  // now all that they wrote is here to be read
  print_line("counted: ", counter);
}

// Output:
// counted: 500000
