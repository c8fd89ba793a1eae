// examples/support/demo_clock.hpp · the tutorials' seconds, ten times as fast
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

/// A clock by which the tutorials' seconds pass ten times as fast, or at their own pace if the program is started
/// with `--slow`. What it shows are the tutorials' seconds in both cases.
class demo_clock {
public:
  /// Reads the program's arguments; says what is wrong with them and ends the program, with 2, if they are not
  /// understood.
  demo_clock(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      if (std::string_view(argv[i]) != "--slow") {
        std::fprintf(stderr, "%s: I don't know the argument '%s'\nusage: %s [--slow]\n", argv[0], argv[i], argv[0]);
        std::exit(2);  // NOLINT(concurrency-mt-unsafe): there is no other thread yet
      }
      second_ = std::chrono::seconds(1);
    }
    if (argc == 1) std::fprintf(stderr, "(ten times as fast as the tutorial; --slow: at its own pace)\n");
  }

  /// So many of the tutorial's seconds, for what waits by itself.
  std::chrono::nanoseconds seconds(double n) const { return std::chrono::ceil<std::chrono::nanoseconds>(n * second_); }

  /// Sleeps for so many of the tutorial's seconds.
  void sleep(double n) const { std::this_thread::sleep_for(seconds(n)); }

  /// The tutorial's seconds since the start, in full tenths: 0.1 from then until just before 0.2.
  double now() const { return std::floor((std::chrono::steady_clock::now() - start_) / second_ * 10) / 10; }

private:
  std::chrono::duration<double> second_ = std::chrono::milliseconds(100);
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};
