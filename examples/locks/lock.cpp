// examples/locks/lock.cpp · a lock keeps one thread out until the other has done all of its work
// SPDX-License-Identifier: MIT
#include <mutex>

#include <spool/event.hpp>
#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

int main() {
  spool::lock lock;  // the same as spool::mutex
  spool::event job1_is_in;
  int a = 0;  // guarded by the lock

  spool::thread job1([&] {
    std::scoped_lock const held(lock);
    job1_is_in.set();
    for (int i = 0; i < 10; ++i) print_line("job1: ", a += 1);
  });
  spool::thread job2([&] {
    job1_is_in.wait();
    std::scoped_lock const held(lock);
    for (int i = 0; i < 10; ++i) print_line("job2: ", a += 10);
  });
  job1.start();
  job2.start();
  job1.join();
  job2.join();
}

// Output:
// job1: 1
// job1: 2
// job1: 3
// job1: 4
// job1: 5
// job1: 6
// job1: 7
// job1: 8
// job1: 9
// job1: 10
// job2: 20
// job2: 30
// job2: 40
// job2: 50
// job2: 60
// job2: 70
// job2: 80
// job2: 90
// job2: 100
// job2: 110
