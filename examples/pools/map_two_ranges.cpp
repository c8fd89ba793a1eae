// examples/pools/map_two_ranges.cpp · call a function with several values each time, one from each range
// SPDX-License-Identifier: MIT
#include <ranges>
#include <string>
#include <vector>

#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const work = [&](int name, double seconds) {
    print_line("  thread ", name, " works for ", seconds, " s");
    clock.sleep(seconds);
    return "thread " + std::to_string(name) + " is complete";
  };

  // Python needs tuples and a lambda that unpacks them. Here a second range is enough; the shorter ends both.
  spool::thread_pool pool{5};
  std::vector<double> const seconds{10, 8, 6, 4, 2};
  for (std::string const& report : pool.map(work, std::views::iota(0), seconds)) print_line(report);
  print_line("all took ", clock.now(), " s");
}

// Unordered output:
//   thread 0 works for 10 s
//   thread 1 works for 8 s
//   thread 2 works for 6 s
//   thread 3 works for 4 s
//   thread 4 works for 2 s
// thread 0 is complete
// thread 1 is complete
// thread 2 is complete
// thread 3 is complete
// thread 4 is complete
// Output:
// all took <10..> s
// In this order:
// thread 0 is complete
// thread 1 is complete
// thread 2 is complete
// thread 3 is complete
// thread 4 is complete
