// examples/threads/who_is_running.cpp · list the active threads: names, ids, and which are daemons
// SPDX-License-Identifier: MIT
#include <spool/event.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

void show_threads() {
  print_line(spool::active_count(), " threads:");
  for (spool::thread_info const& t : spool::enumerate()) {
    print_line("  ", t.name, ", id ", t.native_id, ", daemon: ", t.daemon);
  }
}

int main() {
  print_line("current thread: ", spool::current_thread().name);
  show_threads();

  // Each of these waits until it is told to end. The second is named by the library, the third renamed.
  spool::event end;
  spool::thread named(spool::thread_options{.name = "named"}, [&] { end.wait(); });
  spool::thread unnamed([&] { end.wait(); });
  spool::thread renamed(spool::thread_options{.name = "old name", .daemon = true}, [&] { end.wait(); });
  for (spool::thread* t : {&named, &unnamed, &renamed}) t->start();
  renamed.set_name("new name");
  show_threads();

  end.set();
  for (spool::thread* t : {&named, &unnamed, &renamed}) t->join();
  show_threads();
}

// Output:
// current thread: MainThread
// 1 threads:
//   MainThread, id <number>, daemon: false
// 4 threads:
//   MainThread, id <number>, daemon: false
//   named, id <number>, daemon: false
//   Thread-1, id <number>, daemon: false
//   new name, id <number>, daemon: true
// 1 threads:
//   MainThread, id <number>, daemon: false
