// spool/detail/sync/backoff_lock.hpp · the cheapest lock: taken by one atomic operation, let go by a plain write
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/cpu.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/hand_off.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Guards a few instructions that run very often: half the price of a word_lock, whose unlock must look for sleepers.
///
/// Here nobody is woken. A thread that does not get the lock looks for it at growing intervals, then yields while that
/// is quick, then takes naps. That is rare, as a holder is away for long only if the system has put it aside.
///
/// Blocks      No order among waiters. They use next to no CPU: naps grow to a millisecond.
/// Lifetime    The object may die as soon as a later holder has unlocked: unlock() is a single write.
class nap_lock {
public:
  constexpr nap_lock() noexcept = default;
  nap_lock(const nap_lock&) = delete;
  nap_lock& operator=(const nap_lock&) = delete;

  void lock() noexcept {
    if (word_.exchange(held, memory_order_acquire) != free) lock_contended();  // (B)
  }
  void unlock() noexcept { word_.store(free, memory_order_release); }  // (A)

private:
  //  (A) pairs with every (B): what was written inside is seen inside by the next.
  enum state : std::uint32_t { free, held };

  static constexpr unsigned spin_pauses = 384;  // some 10 us
  static constexpr unsigned longest_pause = 64;
  static constexpr std::chrono::nanoseconds first_nap{50'000};
  static constexpr std::chrono::nanoseconds longest_nap{1'000'000};

  bool take() noexcept {
    return word_.load(memory_order_relaxed) == free && word_.exchange(held, memory_order_acquire) == free;  // (B)
  }

  SPOOL_COLD void lock_contended() noexcept {
    if (has_several_cpus()) {
      unsigned spent = 0;
      for (unsigned pauses = 1; spent < spin_pauses; pauses = pauses < longest_pause ? 2 * pauses : pauses) {
        for (unsigned i = 0; i < pauses; ++i) cpu_pause();
        if (take()) return;
        spent += pauses;
      }
    }
    if (my_hand_offs.yield_until([this] { return take(); })) return;
    for (std::chrono::nanoseconds nap = first_nap;; nap = nap < longest_nap ? 2 * nap : longest_nap) {
      futex_wait(word_, held, deadline::after(nap));
      if (take()) return;
    }
  }

  atomic<std::uint32_t> word_{free};
};

}  // namespace spool::inline SPOOL_ABI::detail
