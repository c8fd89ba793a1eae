// examples/thread_class.cpp · a class whose objects are what a thread runs
// SPDX-License-Identifier: MIT
#include <functional>
#include <vector>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

// Python derives from Thread and overrides run(). Here a thread takes any object that has a run(), and so the object
// is complete before the thread starts and lives on when it has ended.
class download {
public:
  download(int number, demo_clock const& clock) : number_(number), clock_(&clock) {}

  void run() {
    print_line("download ", number_, " starts in ", spool::current_thread().name);
    clock_->sleep(1);
    bytes_ = 1000 * number_;
    print_line("download ", number_, " ends");
  }
  int bytes() const { return bytes_; }

private:
  int number_;
  demo_clock const* clock_;
  int bytes_ = 0;  // written by run(), read after the join
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  std::vector<download> downloads{{1, clock}, {2, clock}, {3, clock}};

  std::vector<spool::thread> threads;
  for (download& d : downloads) {
    threads.emplace_back(std::ref(d));  // std::ref: run() works on the object itself, not on a copy
    threads.back().start();
  }
  for (spool::thread& t : threads) t.join();

  for (download const& d : downloads) print_line(d.bytes(), " bytes");
}

// Unordered output:
// download 1 starts in Thread-1
// download 2 starts in Thread-2
// download 3 starts in Thread-3
// download 1 ends
// download 2 ends
// download 3 ends
// Output:
// 1000 bytes
// 2000 bytes
// 3000 bytes
