// examples/threads/ping_pong_until_interrupted.cpp · two threads that play until Ctrl-C, and then end in good order
// SPDX-License-Identifier: MIT
#include <atomic>
#include <csignal>

#include <spool/semaphore.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

std::atomic<bool> interrupted{false};  // to set an atomic is about all that a signal handler may do

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  std::signal(SIGINT, [](int) { interrupted = true; });

  spool::semaphore pings_turn{1};
  spool::semaphore pongs_turn{0};
  int strokes = 0;
  auto const play = [&](char const* what, spool::semaphore& turn, spool::semaphore& next) {
    for (;;) {
      turn.acquire();
      if (interrupted) break;
      print_line(what);
      clock.sleep(0.5);
      if (++strokes == 6) std::raise(SIGINT);  // in case that nobody is there to press Ctrl-C
      next.release();
    }
    next.release();  // who waits for a turn is to see the end, too
  };

  spool::thread ping([&] { play("Ping", pings_turn, pongs_turn); });
  spool::thread pong([&] { play("Pong", pongs_turn, pings_turn); });
  ping.start();
  pong.start();
  ping.join();
  pong.join();
  print_line("interrupted");
}

// Output:
// Ping
// Pong
// Ping
// Pong
// Ping
// Pong
// interrupted
