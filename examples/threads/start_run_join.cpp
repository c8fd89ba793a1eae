// examples/threads/start_run_join.cpp · an object's run() in a thread, step by step
// SPDX-License-Identifier: MIT
#include <functional>

#include <spool/event.hpp>
#include <spool/thread.hpp>

#include "support/print.hpp"

class job {
public:
  explicit job(int id) : id_(id) {}

  void run() {
    print_line("  running thread ", id_);
    running.set();
    may_end.wait();
  }

  spool::event running;
  spool::event may_end;

private:
  int id_;
};

int main() {
  job job1(1);
  spool::thread thread1(std::ref(job1));  // does nothing until it is started

  print_line("starting thread");
  thread1.start();
  job1.running.wait();  // so that the lines come in this order, and not only most of the time
  print_line("joining thread; alive: ", thread1.is_alive());
  job1.may_end.set();
  thread1.join();  // main sleeps until run() has returned and the thread is gone
  print_line("main completed; alive: ", thread1.is_alive());
}

// Output:
// starting thread
//   running thread 1
// joining thread; alive: true
// main completed; alive: false
