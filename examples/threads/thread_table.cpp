// examples/threads/thread_table.cpp · what threads say of themselves before they run, while they run and afterwards
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/event.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

void show(char const* when, std::vector<spool::thread> const& threads) {
  print_line(when, ": ", spool::active_count(), " active");
  for (spool::thread const& t : threads) {
    print_line("  thread: ", t.name(), "  id: ", t.native_id(), "  alive: ", t.is_alive());
  }
}

int main() {
  print_line("this is ", spool::current_thread().name);

  spool::event end;
  std::vector<spool::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { end.wait(); });
  show("made", threads);

  for (spool::thread& t : threads) t.start();
  show("started", threads);

  end.set();
  for (spool::thread& t : threads) t.join();
  show("joined", threads);
}

// Output:
// this is MainThread
// made: 1 active
//   thread: Thread-1  id: 0  alive: false
//   thread: Thread-2  id: 0  alive: false
//   thread: Thread-3  id: 0  alive: false
// started: 4 active
//   thread: Thread-1  id: <1..>  alive: true
//   thread: Thread-2  id: <1..>  alive: true
//   thread: Thread-3  id: <1..>  alive: true
// joined: 1 active
//   thread: Thread-1  id: <1..>  alive: false
//   thread: Thread-2  id: <1..>  alive: false
//   thread: Thread-3  id: <1..>  alive: false
