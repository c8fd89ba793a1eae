// spool/mutex.hpp · floor 1 · mutual exclusion
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/adaptive_spin.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/lock_traits.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI {

/// Lets one thread in at a time; Python's Lock.
///
///     constinit spool::mutex m;
///     { std::scoped_lock held(m);  ++shared; }
///
/// Shape            TimedLockable; 8 bytes; constinit; neither copied nor moved. Not recursive. Any thread may unlock
///                  it, not only the one that locked it.
/// Blocks           A newcomer may overtake sleepers, but a sleeper that has waited for a millisecond, for each that
///                  sleeps, reserves the lock and is the next to get it: nobody starves behind a thread that unlocks
///                  and locks in a loop. Spins a few microseconds, then sleeps.
/// Synchronization  An unlock() happens before every later lock() returns.
/// Complexity       Uncontended: lock() and unlock() are one atomic read-modify-write each, no system call.
/// Lifetime         May be destroyed by whoever locked it last and unlocked it, even while the unlock() before is
///                  still returning on another thread.
/// Source           Drepper's "Futexes are tricky"; one wake-up under way, and giving way after a millisecond, as in
///                  Go's sync.Mutex and WebKit's Lock.
class mutex {
public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// Takes the lock, sleeping until it is free.
  void lock() noexcept {
    std::uint32_t seen = 0;
    if (!state_.compare_exchange_strong(seen, locked_bit, detail::memory_order_acquire, detail::memory_order_relaxed)) {
      lock_contended(detail::deadline::never());
    }
  }

  /// Takes the lock if it is free and nobody has reserved it.      Returns  whether it did.
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t seen = 0;
    return state_.compare_exchange_strong(seen, locked_bit, detail::memory_order_acquire,
                                          detail::memory_order_relaxed) ||
           take(seen, 0, 0);
  }

  /// Takes the lock, giving up after d; d <= 0 tries once.      Returns  whether it has the lock.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return try_lock() || lock_contended(detail::deadline::after(d));
  }

  /// Takes the lock, giving up at t of any clock.      Returns  whether it has the lock.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
    return try_lock() || lock_contended(detail::deadline::at(t));
  }

  /// Lets the next one in.
  /// Throws  usage_error if it is not locked.
  void unlock() {
    std::uint32_t seen = locked_bit;
    if (!state_.compare_exchange_strong(seen, 0, detail::memory_order_release, detail::memory_order_relaxed)) {
      unlock_contended(seen);
    }
  }

  /// Whether somebody holds it: true of the past only, unless it is the caller who holds it.
  [[nodiscard]] bool locked() const noexcept {
    return (state_.load(detail::memory_order_relaxed) & (locked_bit | reserved_bit)) != 0;
  }

private:
  //  state_
  //  bit 0       locked     someone is inside
  //  bit 1       reserved   a sleeper that waited too long, now awake or asleep on state_ itself, is the next to lock
  //  bits 2..3   woken      how many sleepers were woken since one of them last looked; at most 3
  //  bits 4..31  sleepers   threads that sleep on turn_, are about to, or were just woken
  //
  //  locked  reserved  woken  sleepers   meaning
  //    0        0        0       0       free
  //    1        0        0       0       held, nobody sleeps: unlock is one write
  //    1        0        k       n > k   held; unlock wakes one more, unless k is at its limit
  //    0        0        k       n       free; k sleepers are on their way, a newcomer may be faster
  //    1        1        k       n       held; unlock wakes the one that has reserved, nobody else
  //    0        1        k       n       free for the one that has reserved, held for everybody else
  //
  //  Invariants
  //    1  Not locked with sleepers > 0: then woken > 0 or reserved is set, so someone is awake and looks.
  //    2  woken > 0: a sleeper was woken and has not looked yet. Whoever leaves its sleep, for whatever reason, clears
  //       woken with its next write to state_: it takes the lock, or goes back to sleep behind a holder who will wake
  //       again, or gives up behind such a holder. So no wake-up is lost in one that timed out.
  //    3  Only the holder raises woken, and while it holds; only a sleeper sets reserved, and takes it back itself.
  //
  //  turn_ counts the wake-ups; a sleeper sleeps while it stands still. Raised by the holder between raising woken and
  //  letting go: after a releasing write to state_ an unlock() uses nothing but addresses.
  //
  //  (A) unlock, its last write to state_ (release), pairs with (B) every write that takes the lock (acquire).
  //  (C) a sleeper reads turn_, then enters itself in state_ (release); pairs with (D) the holder raises woken
  //      (acquire), then raises turn_: a sleeper that the holder saw has read turn_ before and cannot oversleep.
  //  (E) the raise of turn_ (release) pairs with (F) a sleeper's reading of it (acquire): one that read the new turn_
  //      sees woken raised too, and clears it before it sleeps on.
  //  (G) Of two unlock()s of one lock, a mistake, the one that was first to raise woken may be the last to let go: the
  //      other one counted on its wake-up. So it wakes whom it has counted, and only then throws.
  static constexpr std::uint32_t locked_bit = 1;
  static constexpr std::uint32_t reserved_bit = 2;
  static constexpr std::uint32_t one_woken = 4;
  static constexpr std::uint32_t woken_bits = 3 * one_woken;
  static constexpr std::uint32_t one_sleeper = 16;
  static constexpr std::int64_t patience_ns = 1'000'000;  // a sleeper that has waited longer, for each that sleeps,
                                                          // reserves the lock: one reservation a millisecond at most
  static constexpr std::int64_t hot_ns = 4'000;           // contention again within that time is heavy ...
  static constexpr unsigned back_off_pauses = 192;        // ... and leaves the lock alone for so long: 2 us here
  static constexpr std::int64_t spin_ns = 4'000;
  static constexpr unsigned longest_pause = 32;

  friend struct detail::lock_hooks<mutex>;

  static bool is_free(std::uint32_t seen, std::uint32_t mine) noexcept {
    return (seen & (locked_bit | (reserved_bit & ~mine))) == 0;
  }

  /// Takes the lock while `seen` says that it is free, or reserved by the caller.
  /// `entry`: one_sleeper if the caller is counted among the sleepers; `mine`: reserved_bit if it has reserved.
  bool take(std::uint32_t& seen, std::uint32_t entry, std::uint32_t mine) noexcept {
    while (is_free(seen, mine)) {
      const std::uint32_t next = ((seen | locked_bit) - entry) & ~(mine | (entry != 0 ? woken_bits : 0));
      if (state_.compare_exchange_weak(seen, next, detail::memory_order_acquire,
                                       detail::memory_order_relaxed)) {  // (B)
        return true;
      }
    }
    return false;
  }

  bool lock_contended(detail::deadline until) noexcept;
  bool lock_spinning(std::uint32_t entry, std::uint32_t mine) noexcept;
  bool lock_sleeping(detail::deadline until) noexcept;
  void unlock_contended(std::uint32_t seen);

  detail::atomic<std::uint32_t> state_{0};
  detail::atomic<std::uint32_t> turn_{0};
};

/// The word that Python users know.
using lock = mutex;

namespace detail {

/// A mutex can tell that nobody holds it, but not who does.
template <>
struct lock_hooks<mutex> {
  static bool held(const mutex& m) noexcept { return (m.state_.load(memory_order_relaxed) & mutex::locked_bit) != 0; }
  static unsigned shed(mutex&) noexcept { return 0; }
  static void regain(mutex&, unsigned) noexcept {}
};

}  // namespace detail

SPOOL_COLD inline bool mutex::lock_contended(detail::deadline until) noexcept {
  std::uint32_t seen = state_.load(detail::memory_order_relaxed);
  if (seen >= one_sleeper && take(seen, 0, 0)) return true;  // was free all along, but for the sleepers' count
  if (until.passed()) return false;

  // Whoever has to wait again and again, and finds the lock free before it has read the clock, is beaten by very short
  // sections whose cache line travels to and fro: each journey costs as much as several rounds of the one that has it.
  // So leave it there for a while: both get more done.
  if (detail::steady_now_ns() - detail::my_contention.last_ns < hot_ns &&
      is_free(state_.load(detail::memory_order_relaxed), 0) && detail::has_several_cpus()) {
    for (unsigned i = 0; i < back_off_pauses; ++i) detail::cpu_pause();
  }
  const bool have = lock_spinning(0, 0) || lock_sleeping(until);
  detail::my_contention.last_ns = detail::steady_now_ns();
  return have;
}

/// Looks for the lock for a few microseconds, if that has paid lately.
inline bool mutex::lock_spinning(std::uint32_t entry, std::uint32_t mine) noexcept {
  bool have = false;
  detail::my_contention.spin.spin_until(
      [&] {
        std::uint32_t seen = state_.load(detail::memory_order_relaxed);
        have = take(seen, entry, mine);
        return have || (seen & reserved_bit & ~mine) != 0;  // reserved by another: not for this thread
      },
      spin_ns, longest_pause);
  return have;
}

inline bool mutex::lock_sleeping(detail::deadline until) noexcept {
  const std::int64_t began = detail::steady_now_ns();
  std::uint32_t entry = 0;
  std::uint32_t mine = 0;
  bool in_time = true;
  for (;;) {
    const std::uint32_t turn = turn_.load(detail::memory_order_acquire);  // (F), and before (C)
    std::uint32_t seen = state_.load(detail::memory_order_relaxed);
    if (take(seen, entry, mine)) return true;

    std::uint32_t next = seen & ~(entry != 0 ? woken_bits : 0);
    if (!in_time) {
      next = (next - entry) & ~mine;
    } else if (entry == 0) {
      next += one_sleeper;
    } else if ((seen & reserved_bit) == 0 && detail::steady_now_ns() - began > patience_ns * (seen / one_sleeper)) {
      next |= reserved_bit;
    }
    if (next != seen && !state_.compare_exchange_strong(seen, next, detail::memory_order_acq_rel,  // (C)
                                                        detail::memory_order_relaxed)) {
      continue;
    }
    if (!in_time) return false;
    entry = one_sleeper;
    mine |= next & ~seen & reserved_bit;

    // Reserved, it sleeps on state_ as a whole: no turn is meant for it.
    in_time = mine != 0 ? detail::sleep_on(state_, next, until) : detail::sleep_on(turn_, turn, until);
    if (in_time && lock_spinning(entry, mine)) return true;
  }
}

SPOOL_COLD inline void mutex::unlock_contended(std::uint32_t seen) {
  bool counted = false;  // whether this call has raised woken
  for (;;) {
    if ((seen & locked_bit) == 0) {
      if (counted) detail::futex_wake_one(&turn_);  // (G)
      throw usage_error("spool::mutex: unlocked, but it is not locked: unlock() once for each lock()");
    }
    const std::uint32_t woken = (seen & woken_bits) / one_woken;
    const bool reserved = (seen & reserved_bit) != 0;
    const bool wakes = !reserved && woken < woken_bits / one_woken && woken < seen / one_sleeper;
    if (!wakes) {
      if (state_.compare_exchange_weak(seen, seen - locked_bit, detail::memory_order_release,  // (A)
                                       detail::memory_order_relaxed)) {
        if (reserved) detail::futex_wake_one(&state_);
        return;
      }
      continue;
    }
    if (!state_.compare_exchange_weak(seen, seen + one_woken, detail::memory_order_acquire,  // (D)
                                      detail::memory_order_relaxed)) {
      continue;
    }
    turn_.fetch_add(1, detail::memory_order_release);  // (E)
    counted = true;
    seen += one_woken;
    // If a sleeper came, cleared woken and went back to sleep meanwhile, all is to do again.
    while ((seen & locked_bit) != 0 && (seen & woken_bits) != 0 && (seen & reserved_bit) == 0) {
      if (state_.compare_exchange_weak(seen, seen - locked_bit, detail::memory_order_release,  // (A)
                                       detail::memory_order_relaxed)) {
        detail::futex_wake_one(&turn_);
        return;
      }
    }
  }
}

}  // namespace spool::inline SPOOL_ABI
