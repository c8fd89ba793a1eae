// examples/download/interrupt.hpp · Ctrl-C as a stop token
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <csignal>
#include <initializer_list>
#include <memory>
#include <stop_token>

#include <unistd.h>

#include <spool/thread.hpp>

#include "failure.hpp"

/// A thread of its own waits for SIGINT, SIGTERM and SIGHUP, so nothing has to be done inside a signal handler. The first
/// requests a stop; a second one ends the program on the spot, which loses no more than a kill does.
///
/// Made in main() before any other thread: threads inherit that these signals don't interrupt them.
class interrupt {
public:
  interrupt() {
    sigemptyset(&heard_->signals);
    for (int const signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct ::sigaction now{};
      sigaction(signal, nullptr, &now);
      if (now.sa_handler != SIG_IGN) sigaddset(&heard_->signals, signal);  // nohup means it
    }
    pthread_sigmask(SIG_BLOCK, &heard_->signals, nullptr);
    listener_.start();
  }

  std::stop_token token() const { return heard_->stop.get_token(); }

  /// That which requested the stop; 0 if none did.
  int signal() const { return heard_->signal; }

private:
  struct state {
    sigset_t signals{};
    std::atomic<int> signal = 0;
    std::stop_source stop;
  };

  static void listen(std::shared_ptr<state> heard) {
    for (;;) {
      int signal = 0;
      if (sigwait(&heard->signals, &signal) != 0) continue;
      if (heard->signal != 0) ::_exit(static_cast<int>(exit_code::signal) + signal);
      heard->signal = signal;
      heard->stop.request_stop();
    }
  }

  std::shared_ptr<state> const heard_ = std::make_shared<state>();
  spool::thread listener_{spool::thread_options{.name = "signals", .daemon = true}, listen, heard_};
};
