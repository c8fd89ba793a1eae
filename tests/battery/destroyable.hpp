// tests/battery/destroyable.hpp · released by one thread, destroyed at once by the other
// SPDX-License-Identifier: MIT
//
// For whatever one thread can wait for and another release: mutex, semaphore, event, condition, barrier, future.
//
//     const auto seen = destroyed_right_after_release(
//         100'000, [] { return spool::event(); },
//         [](spool::event& e) { e.set(); },       // on the releasing thread
//         [](spool::event& e) { e.wait(); });     // on this one, which destroys the object when it returns
//     CHECK(seen.early == 0);
//     CHECK(seen.late == 0);
//
// What it catches  A release that reads or writes the object after the write that let the waiter go. The memory is
//                  overwritten by ordinary writes, so ThreadSanitizer reports every access that is not ordered
//                  before them; it is poisoned for AddressSanitizer; without either a late write shows in the pattern.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <thread>

#if defined(__has_include)
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, size) static_cast<void>(at)
#define ASAN_UNPOISON_MEMORY_REGION(at, size) static_cast<void>(at)
#endif

#include "support/crew.hpp"

/// How many of the rounds went wrong.
struct destroyed_rounds {
  std::size_t early = 0;  // the wait returned before the release had begun
  std::size_t late = 0;   // the release wrote to the object after the wait had returned
};

/// Each round: this thread makes an object by make() and prepares it, hands it to the other thread, waits and
/// destroys it; the other one releases it, at varying moments, so that the waiter spins, sleeps, or has not come yet.
template <class Make, class Release, class Wait, class Prepare>
destroyed_rounds destroyed_right_after_release(std::size_t rounds, Make make, Release release, Wait wait,
                                               Prepare prepare) {
  using object = decltype(make());
  constexpr unsigned char gone = 0xa5;
  alignas(object) static unsigned char memory[sizeof(object)];

  std::atomic<object*> offered{nullptr};
  std::atomic<std::size_t> begun{0};     // rounds whose release has begun
  std::atomic<std::size_t> returned{0};  // rounds whose release has returned
  std::atomic<bool> over{false};
  const auto pass_time = [](std::uint32_t& random, unsigned often, unsigned seldom) {
    random = random * 1664525u + 1013904223u;
    const std::uint32_t steps = (random >> 8) % (random >> 28 == 0 ? seldom : often);
    for (std::uint32_t i = 0; i < steps; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
  };

  crew releaser;
  releaser.start([&] {
    std::uint32_t random = 1;
    while (!over.load()) {
      object* const mine = offered.exchange(nullptr);
      if (mine == nullptr) {
        std::this_thread::yield();
        continue;
      }
      pass_time(random, 300, 60'000);  // the waiter comes first, and now and then has gone to sleep
      begun.fetch_add(1);
      release(*mine);
      returned.fetch_add(1);
    }
  });

  struct ender {  // also when wait() throws
    std::atomic<bool>& over;
    ~ender() { over = true; }
  };
  destroyed_rounds seen;
  {
    const ender at_end{over};
    std::uint32_t random = 2;
    for (std::size_t round = 1; round <= rounds; ++round) {
      object* const mine = ::new (static_cast<void*>(memory)) object(make());
      prepare(*mine);
      offered = mine;
      pass_time(random, 300, 3'000);  // the release comes first
      wait(*mine);
      if (begun.load() != round) ++seen.early;
      mine->~object();
      for (volatile unsigned char& byte : memory) byte = gone;  // volatile: no memset, which checkers may not see
      ASAN_POISON_MEMORY_REGION(memory, sizeof(memory));
      while (returned.load() != round) std::this_thread::yield();
      ASAN_UNPOISON_MEMORY_REGION(memory, sizeof(memory));
      for (const unsigned char byte : memory) {
        if (byte != gone) {
          ++seen.late;
          break;
        }
      }
    }
  }
  releaser.join();
  return seen;
}

template <class Make, class Release, class Wait>
destroyed_rounds destroyed_right_after_release(std::size_t rounds, Make make, Release release, Wait wait) {
  return destroyed_right_after_release(rounds, make, release, wait, [](auto&) {});
}
