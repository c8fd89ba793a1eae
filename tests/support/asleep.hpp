// tests/support/asleep.hpp · looks whether a thread sleeps in the kernel
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

/// Tells others when a thread has gone to sleep in the call that follows.
///
///     sleepers asleep;
///     crew waiters(4, [&] { asleep.next_call_blocks(); e.wait(); });
///     asleep.await(4);   // all four have called, and sleep
///
/// On a system where it cannot look, await() only yields a while: the tests then race, but stay right.
class sleepers {
public:
  static constexpr std::size_t most = 128;

  void next_call_blocks() {
#if defined(__linux__)
    const long id = ::syscall(SYS_gettid);
#else
    const long id = 1;
#endif
    const std::size_t mine = claimed_.fetch_add(1);
    ids_[mine].store(id);
  }

  /// Waits until that many have announced a call, and all of them sleep.
  /// Preconditions  none of them returns before.
  void await(std::size_t n) const {
    for (std::size_t i = 0; i < n; ++i) {
      while (ids_[i].load() == 0) std::this_thread::yield();
      await_sleep(ids_[i].load());
    }
  }

  /// Whether the first that announced a call sleeps now, or has ended. True where it cannot look.
  bool first_sleeps() const {
#if defined(__linux__)
    if (ids_[0].load() == 0) return false;
    const std::string seen = look(ids_[0].load());
    return seen.empty() || seen.find("S (sleeping)") != std::string::npos;
#else
    return true;
#endif
  }

private:
#if defined(__linux__)
  /// Its state, and how often it has gone to sleep.
  static std::string look(long id) {
    std::ifstream status("/proc/self/task/" + std::to_string(id) + "/status");
    std::string line;
    std::string seen;
    while (std::getline(status, line)) {
      if (line.rfind("State:", 0) == 0 || line.rfind("voluntary_ctxt", 0) == 0) seen += line + '\n';
    }
    return seen;
  }
  static void await_sleep(long id) {
    // Asleep at several looks, and not awake between them: no short wait inside a checker's runtime.
    for (std::string before;;) {
      const std::string seen = look(id);
      if (seen.find("S (sleeping)") != std::string::npos && seen == before) return;
      before = seen;
      for (int i = 0; i < 50; ++i) std::this_thread::yield();
    }
  }
#else
  static void await_sleep(long) {
    for (int i = 0; i < 10'000; ++i) std::this_thread::yield();
  }
#endif

  std::atomic<std::size_t> claimed_{0};
  std::atomic<long> ids_[most]{};
};
