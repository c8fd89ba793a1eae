// tests/soak/watch.hpp · what the process holds: memory, threads, file descriptors; and whether it still moves
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "soak/interrupter.hpp"
#include "soak/ledger.hpp"

#if defined(__linux__)
#include <malloc.h>
#include <unistd.h>
#endif

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SOAK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SOAK_SANITIZED 1
#endif
#endif
#ifndef SOAK_SANITIZED
#define SOAK_SANITIZED 0
#endif

namespace soak {

struct holdings {
  std::size_t resident_kib = 0;
  std::size_t allocated_kib = 0;
  std::size_t threads = 0;
  std::size_t descriptors = 0;
};

#if defined(__linux__)
inline holdings look() {
  holdings h;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  h.resident_kib = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
#if !SOAK_SANITIZED
  const auto heap = ::mallinfo2();
  h.allocated_kib = (heap.uordblks + heap.hblkhd) / 1024;
#endif
  h.threads = thread_ids().size();
  DIR* const all = ::opendir("/proc/self/fd");
  check(all != nullptr, "/proc/self/fd can be read");
  while (::readdir(all) != nullptr) ++h.descriptors;
  ::closedir(all);
  return h;
}
#else
inline holdings look() { return {}; }
#endif

/// Compares what is held between rounds with what was held when everything had been done for a while.
class bounds {
public:
  /// To be called when nothing runs.
  void start() { first_ = look(); }
  void check_now() {
    // Threads of timers leave by themselves, a while after their last work; the interrupter opens a folder at times.
    holdings now = look();
    const auto too_many = [&] {
      return now.threads > first_.threads + spare_threads || now.descriptors > first_.descriptors;
    };
    for (int i = 0; i < 3'000 && too_many(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      now = look();
    }
    if (now.threads > most_threads_) most_threads_ = now.threads;
    if (now.resident_kib > most_resident_kib_) most_resident_kib_ = now.resident_kib;
    if (now.threads > first_.threads + spare_threads) fail_with("threads", first_.threads, now.threads);
    if (now.descriptors > first_.descriptors) fail_with("descriptors", first_.descriptors, now.descriptors);
    if (now.allocated_kib > first_.allocated_kib + spare_allocated_kib) {
      fail_with("KiB allocated", first_.allocated_kib, now.allocated_kib);
    }
    if (now.resident_kib > first_.resident_kib * 3 / 2 + spare_resident_kib) {
      fail_with("KiB resident", first_.resident_kib, now.resident_kib);
    }
    last_ = now;
  }
  void print() const {
    if (last_.descriptors == 0) return;
    std::printf("  %zu..%zu MiB resident (most %zu), %zu..%zu KiB allocated, %zu..%zu threads, %zu..%zu descriptors\n",
                first_.resident_kib / 1024, last_.resident_kib / 1024, most_resident_kib_ / 1024, first_.allocated_kib,
                last_.allocated_kib, first_.threads, most_threads_, first_.descriptors, last_.descriptors);
  }

private:
  static constexpr std::size_t spare_threads = 4;
  static constexpr std::size_t spare_allocated_kib = 8 * 1024;
  static constexpr std::size_t spare_resident_kib = (SOAK_SANITIZED ? 1024 : 64) * 1024;

  [[noreturn]] static void fail_with(const char* what, std::size_t before, std::size_t now) {
    std::fprintf(stderr, "soak: %zu %s between rounds, where there were %zu at first\n", now, what, before);
    fail("what the process holds grows");
  }

  holdings first_, last_;
  std::size_t most_threads_ = 0, most_resident_kib_ = 0;
};

/// Ends the program, telling what ran, if a round takes too long.
class watchdog {
public:
  explicit watchdog(std::chrono::seconds patience)
      : thread_([this, patience](std::stop_token stop) {
          std::unique_lock held(mutex_);
          while (!wake_.wait_for(held, stop, std::chrono::seconds(1), [] { return false; }) && !stop.stop_requested()) {
            const std::chrono::nanoseconds began(book.round_began_ns.load());
            if (began.count() == 0 || steady::now().time_since_epoch() - began < patience) continue;
            std::fprintf(stderr, "soak: no end of this round for %lld s\n", static_cast<long long>(patience.count()));
            fail("it hangs");
          }
        }) {}

private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace soak
