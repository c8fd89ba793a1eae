// examples/threads/ping_pong_daemons.cpp · two threads that never end, and a program that ends without them
// SPDX-License-Identifier: MIT
#include <spool/semaphore.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

// Of static storage: the daemons may still look at these while the program ends.
spool::semaphore serve{0};
spool::semaphore ping_played{0};
spool::semaphore pong_played{0};

void play(char const* what, spool::semaphore& turn, spool::semaphore& next) {
  for (;;) {
    turn.acquire();
    print_line(what);
    next.release();
  }
}

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};

  // The program would never end if it had to join these. Daemons are left behind at the end of main.
  spool::thread ping(spool::thread_options{.name = "ping", .daemon = true}, [] { play("Ping", serve, ping_played); });
  spool::thread pong(spool::thread_options{.name = "pong", .daemon = true},
                     [] { play("Pong", ping_played, pong_played); });
  ping.start();
  pong.start();

  for (int second = 0; second < 5; ++second) {
    serve.release();
    clock.sleep(1);
    pong_played.acquire();
  }
  print_line("the end of main; still alive: ", ping.is_alive(), " and ", pong.is_alive());
}

// Output:
// Ping
// Pong
// Ping
// Pong
// Ping
// Pong
// Ping
// Pong
// Ping
// Pong
// the end of main; still alive: true and true
