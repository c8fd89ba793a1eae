// examples/lost_updates.cpp · five threads count to 500,000 together: without a lock, then with one
// SPDX-License-Identifier: MIT
#include <atomic>
#include <deque>
#include <mutex>

#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

constexpr int rounds = 100'000;

/// Runs the job in five threads at once.
template <class Job>
void in_five_threads(Job job) {
  std::deque<spool::thread> threads;
  for (int i = 0; i < 5; ++i) threads.emplace_back(job).start();
  for (spool::thread& t : threads) t.join();
}

int main() {
  // A plain int would be undefined behaviour. This one is read and written whole, but what another thread has written
  // between the two is lost.
  std::atomic<int> unguarded{0};
  in_five_threads([&] {
    for (int i = 0; i < rounds; ++i) unguarded.store(unguarded.load() + 1);
  });
  print_line("without a lock: ", unguarded.load());

  int guarded = 0;
  spool::mutex lock;
  in_five_threads([&] {
    for (int i = 0; i < rounds; ++i) {
      std::scoped_lock const held(lock);
      ++guarded;
    }
  });
  print_line("with a lock: ", guarded);
}

// Output:
// without a lock: <1..500000>
// with a lock: 500000
