// examples/threads/timer.cpp · run a function later, unless it is cancelled before; and again and again
// SPDX-License-Identifier: MIT
#include <spool/timer.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};

  spool::timer alarm(clock.seconds(5), [&] { print_line("our timer fired after ", clock.now(), " s"); });
  alarm.start();

  spool::timer cancelled(clock.seconds(2), [] { print_line("nobody sees this"); });
  cancelled.start();
  print_line("cancelled in time: ", cancelled.cancel());

  // On a grid of its own, however long its callbacks take.
  int ticks = 0;
  spool::periodic_timer ticker(clock.seconds(1), [&] {
    print_line("tick ", ++ticks);
    if (ticks == 3) ticker.cancel();
  });
  ticker.start();

  print_line("main completed");
  ticker.join();
  alarm.join();  // Python waits for its timers at the end of the program; here the end of main would cancel this one
}

// Output:
// cancelled in time: true
// main completed
// Unordered output:
// tick 1
// tick 2
// tick 3
// our timer fired after <5..> s
// In this order:
// tick 1
// tick 2
// tick 3
