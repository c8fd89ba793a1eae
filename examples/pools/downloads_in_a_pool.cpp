// examples/pools/downloads_in_a_pool.cpp · three downloads at once in a pool, whose end waits for them
// SPDX-License-Identifier: MIT
#include <string>

#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

// A struct gives its arguments names at the call, as Python's `submit(download, filename=...)`.
struct request {
  std::string filename;
  double seconds;
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const download = [&](request const& wanted) {
    double const start = clock.now();
    print_line("start downloading ", wanted.filename);
    clock.sleep(wanted.seconds);
    print_line(wanted.filename, " is complete after ", clock.now() - start, " s");
  };

  {
    spool::thread_pool pool{4};
    pool.submit(download, request{.filename = "python.pdf", .seconds = 3});
    pool.submit(download, request{.filename = "mysql.avi", .seconds = 5});
    pool.submit(download, request{.filename = "linux.mp4", .seconds = 6});
  }  // what is Python's `with` is a block in C++: here the pool ends, when its last task has
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
