// examples/locks/logger.cpp · a log that threads share, whose lines never mix
// SPDX-License-Identifier: MIT
#include <iostream>
#include <mutex>
#include <vector>

#include <spool/mutex.hpp>
#include <spool/thread.hpp>

class logger {
public:
  explicit logger(std::ostream& out) : out_(out) {}

  /// Writes one line: which thread says it, and what.
  template <class... Values>
  void debug(Values const&... values) {
    std::scoped_lock const guard(lock_);  // without it, the pieces of several threads' lines would come in between
    out_ << "DEBUG:" << spool::current_thread().name << ": ";
    (out_ << ... << values) << '\n' << std::flush;
  }

private:
  spool::mutex lock_;
  std::ostream& out_;  // used under lock_
};

int main() {
  logger log(std::cout);
  log.debug("hello");

  std::vector<spool::thread> threads;
  for (int number = 1; number <= 3; ++number) {
    threads.emplace_back([&log, number] {
      for (int step = 1; step <= 3; ++step) log.debug("thread ", number, " is at step ", step, " of ", 3);
    });
  }
  for (spool::thread& t : threads) t.start();
  for (spool::thread& t : threads) t.join();
  log.debug("goodbye");
}

// Output:
// DEBUG:MainThread: hello
// Unordered output:
// DEBUG:Thread-1: thread 1 is at step 1 of 3
// DEBUG:Thread-1: thread 1 is at step 2 of 3
// DEBUG:Thread-1: thread 1 is at step 3 of 3
// DEBUG:Thread-2: thread 2 is at step 1 of 3
// DEBUG:Thread-2: thread 2 is at step 2 of 3
// DEBUG:Thread-2: thread 2 is at step 3 of 3
// DEBUG:Thread-3: thread 3 is at step 1 of 3
// DEBUG:Thread-3: thread 3 is at step 2 of 3
// DEBUG:Thread-3: thread 3 is at step 3 of 3
// Output:
// DEBUG:MainThread: goodbye
