// tests/signals_test.cpp · which threads of spool take the signals of the program
// SPDX-License-Identifier: MIT
#include <chrono>
#include <optional>

#include <spool/spool.hpp>

#include "support/catch.hpp"
#include "support/process.hpp"

#if defined(__linux__)
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

/// Whether the calling thread blocks it.
bool blocks(int signal) {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  return sigismember(&blocked, signal) == 1;
}

/// While it lives, the calling thread blocks the signal.
class blocked_here {
public:
  explicit blocked_here(int signal) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, signal);
    pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  }
  ~blocked_here() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  blocked_here(const blocked_here&) = delete;
  blocked_here& operator=(const blocked_here&) = delete;

private:
  sigset_t before_{};
};

}  // namespace

TEST_CASE("child: sigwait() beside timers that were there before", "[.child]") {
  spool::timer later(1h, [] {});
  later.start();
  spool::timer first(0s, [] {});
  first.start();
  first.join();
  const blocked_here mine(SIGTERM);
  kill(getpid(), SIGTERM);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  int got = 0;
  sigwait(&wanted, &got);
  _exit(got == SIGTERM ? 7 : 1);
}
TEST_CASE("a main that blocks a signal and waits for it gets it, whichever timers there are") {
  CHECK(run_child("child: sigwait() beside timers that were there before").code == 7);
}

TEST_CASE("the threads of timers block all signals but those of faults, and starting them changes no other's") {
  bool blocked = true, faults = false;
  spool::timer t(0s, [&] {
    for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM, SIGRTMIN}) blocked = blocked && blocks(s);
    for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) faults = faults || blocks(s);
  });
  t.start();
  t.join();
  CHECK(blocked);
  CHECK_FALSE(faults);
  CHECK_FALSE(blocks(SIGTERM));
}

TEST_CASE("a thread has the signal mask of the thread that starts it") {
  bool first = true, second = false;
  spool::thread a([&] { first = blocks(SIGUSR1); });
  a.start();
  a.join();
  const blocked_here mine(SIGUSR1);
  spool::thread b([&] { second = blocks(SIGUSR1); });
  b.start();
  b.join();
  CHECK_FALSE(first);
  CHECK(second);
}

TEST_CASE("the workers of a pool have the signal mask of the thread that made it, whoever submits") {
  spool::thread_pool plain(1);
  std::optional<spool::thread_pool> blocking;
  {
    const blocked_here mine(SIGUSR1);
    blocking.emplace(1);
    CHECK_FALSE(plain.submit([] { return blocks(SIGUSR1); }).result());
  }
  CHECK(blocking->submit([] { return blocks(SIGUSR1); }).result());
  CHECK_FALSE(blocks(SIGUSR1));
}

#endif
