// examples/threads/downloads_one_by_one.cpp · three downloads, each after the other: the times add up
// SPDX-License-Identifier: MIT
#include <string>

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

  download("python.pdf", 3);
  download("mysql.avi", 5);
  download("linux.mp4", 6);
  print_line("total time: ", clock.now(), " s");
}

// Output:
// start downloading python.pdf
// python.pdf is complete after <3..> s
// start downloading mysql.avi
// mysql.avi is complete after <5..> s
// start downloading linux.mp4
// linux.mp4 is complete after <6..> s
// total time: <14..> s
