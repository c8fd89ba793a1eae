// examples/pools/ordered_map.cpp · call a function on many inputs at once, take the results in the order of the inputs
// SPDX-License-Identifier: MIT
#include <vector>

#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const download_video = [&](double seconds) {
    clock.sleep(seconds);
    print_line("video of ", seconds, " s is here at ", clock.now(), " s");
    return seconds;
  };

  // A short video is here before a longer one that was asked for first. map keeps it until its turn: unlike
  // as_completed, it gives the results in the order of the inputs.
  spool::thread_pool pool{2};
  std::vector<double> const videos{0.3, 0.2, 0.1, 0.4, 0.5};
  for (double const seconds : pool.map(download_video, videos)) print_line("result: ", seconds);
}

// Unordered output:
// video of 0.1 s is here at <0.1..> s
// video of 0.2 s is here at <0.2..> s
// video of 0.3 s is here at <0.3..> s
// video of 0.4 s is here at <0.4..> s
// video of 0.5 s is here at <0.5..> s
// result: 0.3
// result: 0.2
// result: 0.1
// result: 0.4
// result: 0.5
// In this order:
// result: 0.3
// result: 0.2
// result: 0.1
// result: 0.4
// result: 0.5
