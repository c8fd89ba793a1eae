// tests/battery/wakeable.hpp · a waiter is woken, whenever the release comes, and never starved
// SPDX-License-Identifier: MIT
//
// For whatever one thread can wait for and another release: semaphore, event, condition, barrier.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>

#include "support/asleep.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/low_priority.hpp"

/// Each round one thread calls wait(), and this one release(), at some moment from just before to well after the other
/// has fallen asleep: many rounds come in the few nanoseconds between a waiter's last look and its sleep. One wake-up
/// that is lost is a hang.
template <class Wait, class Release>
void each_release_wakes(int rounds, Wait wait, Release release) {
  constexpr std::uint32_t longest_ns = 25'000;
  std::atomic<int> called{0};
  std::atomic<int> returned{0};
  crew waiter;
  waiter.start([&] {
    for (int r = 1; r <= rounds; ++r) {
      called = r;
      wait();
      returned = r;
    }
  });
  std::minstd_rand random(5);
  for (int r = 1; r <= rounds; ++r) {
    eventually([&] { return called == r; });
    const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(random() % longest_ns);
    while (std::chrono::steady_clock::now() < until) {
    }
    release();
    eventually([&] { return returned == r; });
  }
  waiter.join();
}

/// One thread gives back what it has and takes it again, at once, again and again. Another, which wants it, has the
/// processor only while the first has it: so nothing but fairness helps it. A thread that loses its processor just
/// between giving and taking does the other a favour, but seldom.
///
/// Returns  how often the waiter looked in vain, at most, before it was served; `most` + 1 if it was given up.
template <class Give, class Take>
int looks_of_a_starved_waiter(int most, Give give, Take take) {
  constexpr int times = 20;
  std::atomic<int> served{0};
  std::atomic<bool> is_held{false};
  std::atomic<bool> over{false};
  sleepers asleep;
  int most_seen = 0;
  crew threads;
  threads.start([&] {
    one_processor::use();
    take();
    int looks = 0;
    while (served < times && looks <= most) {
      const int before = served;
      is_held = true;
      do {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      } while (!asleep.first_sleeps() && served < times);
      is_held = false;
      give();
      take();
      looks = served == before ? looks + 1 : 0;
      most_seen = std::max(most_seen, looks);
    }
    over = true;
    give();
  });
  threads.start([&] {
    one_processor::use();
    one_processor::low_priority();
    asleep.next_call_blocks();
    for (int i = 0; i < times; ++i) {
      eventually([&] { return is_held || over; });
      take();
      ++served;
      give();
    }
  });
  threads.join();
  return most_seen;
}
