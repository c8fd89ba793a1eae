// examples/threads/downloads_as_objects.cpp · three downloads at once, each an object that main asks afterwards
// SPDX-License-Identifier: MIT
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

class download {
public:
  download(std::string filename, int seconds, demo_clock const& clock)
      : filename_(std::move(filename)), seconds_(seconds), clock_(&clock) {}

  void run() {
    print_line("start downloading ", filename_);
    clock_->sleep(seconds_);
    bytes_ = 1000 * seconds_;
    print_line(filename_, " is complete");
  }

  std::string const& filename() const { return filename_; }
  int bytes() const { return bytes_; }

private:
  std::string filename_;
  int seconds_;
  demo_clock const* clock_;
  int bytes_ = 0;  // written by run(), read after the join
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  std::vector<download> downloads{{"python.pdf", 3, clock}, {"mysql.avi", 5, clock}, {"linux.mp4", 6, clock}};

  std::vector<spool::thread> threads;
  for (download& d : downloads) threads.emplace_back(std::ref(d));  // run() works on the object itself, not on a copy
  for (spool::thread& t : threads) t.start();
  for (spool::thread& t : threads) t.join();

  for (download const& d : downloads) print_line(d.filename(), ": ", d.bytes(), " bytes");
  print_line("total time: ", clock.now(), " s");
}

// Unordered output:
// start downloading python.pdf
// start downloading mysql.avi
// start downloading linux.mp4
// python.pdf is complete
// mysql.avi is complete
// linux.mp4 is complete
// Output:
// python.pdf: 3000 bytes
// mysql.avi: 5000 bytes
// linux.mp4: 6000 bytes
// total time: <6..> s
