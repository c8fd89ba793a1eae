// examples/threads/downloads_in_threads.cpp · three downloads at once, each in a thread: the longest is all it takes
// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const download = [&](std::string const& filename, double seconds) {
    double const start = clock.now();
    print_line("start downloading ", filename);
    clock.sleep(seconds);  // where a real download would wait for the network
    print_line(filename, " is complete after ", clock.now() - start, " s");
  };

  // The thread calls the function with copies of the arguments.
  std::vector<spool::thread> threads;
  threads.emplace_back(download, "python.pdf", 3);
  threads.emplace_back(download, "mysql.avi", 5);
  threads.emplace_back(download, "linux.mp4", 6);

  for (spool::thread& t : threads) t.start();
  for (spool::thread& t : threads) t.join();
  print_line("total time: ", clock.now(), " s");
}

// Unordered output:
// start downloading python.pdf
// start downloading mysql.avi
// start downloading linux.mp4
// python.pdf is complete after <3..> s
// mysql.avi is complete after <5..> s
// linux.mp4 is complete after <6..> s
// Output:
// total time: <6..> s
