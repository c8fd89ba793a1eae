// examples/threads/start_and_join.cpp · create a thread, start it, wait for its end, and see who is running
// SPDX-License-Identifier: MIT
#include <spool/thread.hpp>

#include "support/print.hpp"

void thread_job() {
  print_line("thread_job starts");
  print_line("this is the thread ", spool::current_thread().name);
  print_line("thread_job finishes");
}

int main() {
  // Made, not started: nothing runs yet.
  spool::thread thread(spool::thread_options{.name = "thread_job"}, thread_job);
  print_line("before the start it is alive: ", thread.is_alive());

  thread.start();
  thread.join();  // main sleeps until the thread is gone
  print_line("after the join it is alive: ", thread.is_alive());

  print_line("threads that run now: ", spool::active_count());
  for (spool::thread_info const& running : spool::enumerate()) print_line("  ", running.name);
  print_line("this one is ", spool::current_thread().name);
}

// Output:
// before the start it is alive: false
// thread_job starts
// this is the thread thread_job
// thread_job finishes
// after the join it is alive: false
// threads that run now: 1
//   MainThread
// this one is MainThread
