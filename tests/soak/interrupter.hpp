// tests/soak/interrupter.hpp · a thread that sends signals to the others, so that what they sleep in is interrupted
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#endif

#include "soak/ledger.hpp"

namespace soak {

#if defined(__linux__)

/// The ids of all threads of this process.
inline std::vector<long> thread_ids() {
  std::vector<long> ids;
  DIR* const all = ::opendir("/proc/self/task");
  check(all != nullptr, "/proc/self/task can be read");
  while (const dirent* entry = ::readdir(all)) {
    const long id = std::strtol(entry->d_name, nullptr, 10);
    if (id > 0) ids.push_back(id);
  }
  ::closedir(all);
  return ids;
}

/// While it lives, random threads are interrupted some thousand times a second. The handler is installed without
/// SA_RESTART: a system call in which the thread sleeps comes back with EINTR.
class interrupter {
public:
  explicit interrupter(std::uint64_t seed) {
    struct sigaction taken{};
    taken.sa_handler = [](int) { book.signals_taken.fetch_add(1, std::memory_order_relaxed); };
    ::sigemptyset(&taken.sa_mask);
    check(::sigaction(SIGUSR1, &taken, nullptr) == 0, "a signal can be handled");
    thread_ = std::jthread([seed](std::stop_token stop) {
      dice d(seed);
      while (!stop.stop_requested()) {
        const std::vector<long> ids = thread_ids();
        for (std::size_t i = 0; i < 1 + ids.size() / 2; ++i) {
          // By process and thread: one that has ended meanwhile is missed, and nobody else is hit.
          if (::syscall(SYS_tgkill, ::getpid(), ids[d.below(ids.size())], SIGUSR1) == 0) ++book.signals;
        }
        std::this_thread::sleep_for(d.pause(2'000));
      }
    });
  }

private:
  std::jthread thread_;
};

#else

/// Other systems interrupt nothing.
class interrupter {
public:
  explicit interrupter(std::uint64_t) {}
};

#endif

}  // namespace soak
