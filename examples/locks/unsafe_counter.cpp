// examples/locks/unsafe_counter.cpp · five threads that count without a lock lose count
// SPDX-License-Identifier: MIT
#include <atomic>
#include <vector>

#include <spool/barrier.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

int main() {
  // With a plain int this would be a data race: anything might happen. An atomic int whose reads and writes are apart
  // is what Python's `counter += 1` is: each of the two is safe, both together are not.
  std::atomic<int> counter{0};
  spool::barrier all_five{5};

  auto const count = [&] {
    all_five.wait();  // begin together
    for (int i = 0; i < 100'000; ++i) {
      int const seen = counter.load(std::memory_order_relaxed);
      if (i == 50'000) all_five.wait();                    // once none stores before all have loaded: no luck needed
      counter.store(seen + 1, std::memory_order_relaxed);  // what others counted since the load is lost
    }
  };

  std::vector<spool::thread> threads;
  for (int i = 0; i < 5; ++i) threads.emplace_back(count);
  for (spool::thread& t : threads) t.start();
  for (spool::thread& t : threads) t.join();

  int const result = counter.load();
  print_line("expected: 500000");
  print_line("counted:  ", result);
  print_line("some were lost: ", result < 500'000);
}

// Output:
// expected: 500000
// counted:  <1..499999>
// some were lost: true
