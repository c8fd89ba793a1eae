// examples/locks/counter_with_lock.cpp · five threads that count under a lock count right
// SPDX-License-Identifier: MIT
#include <mutex>
#include <vector>

#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

int main() {
  spool::mutex lock;
  int counter = 0;  // read and written under the lock

  auto const count = [&] {
    for (int i = 0; i < 100'000; ++i) {
      std::scoped_lock const guard(lock);  // locked from here to the end of the block, as Python's `with lock:`
      ++counter;
    }
  };

  std::vector<spool::thread> threads;
  for (int i = 0; i < 5; ++i) threads.emplace_back(count);
  for (spool::thread& t : threads) t.start();
  for (spool::thread& t : threads) t.join();

  print_line("counted: ", counter);
}

// Output:
// counted: 500000
