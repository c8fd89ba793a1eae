// examples/locks/semaphore.cpp · three workers, of whom two at most are inside at a time
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <deque>
#include <mutex>

#include <spool/mutex.hpp>
#include <spool/semaphore.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  spool::bounded_semaphore connections(2);
  spool::mutex lock;
  int inside = 0;  // these two are guarded by the lock
  int most_inside = 0;

  auto const count_me = [&](int change) {
    std::scoped_lock const held(lock);
    inside += change;
    most_inside = std::max(most_inside, inside);
  };
  auto const work = [&](int number) {
    for (int job = 1; job <= 2; ++job) {
      spool::permit const one_of_two(connections);  // given back at the end of the scope
      count_me(+1);
      print_line("worker ", number, " does job ", job, ", connections left: ", connections.value());
      clock.sleep(1);
      count_me(-1);
    }
  };
  std::deque<spool::thread> workers;
  for (int number = 1; number <= 3; ++number) workers.emplace_back(work, number).start();
  for (spool::thread& w : workers) w.join();
  print_line("never more than 2 were inside: ", most_inside <= 2);
  print_line("connections at the end: ", connections.value());
}

// Unordered output:
// worker 1 does job 1, connections left: <0..1>
// worker 1 does job 2, connections left: <0..1>
// worker 2 does job 1, connections left: <0..1>
// worker 2 does job 2, connections left: <0..1>
// worker 3 does job 1, connections left: <0..1>
// worker 3 does job 2, connections left: <0..1>
// Output:
// never more than 2 were inside: true
// connections at the end: 2
