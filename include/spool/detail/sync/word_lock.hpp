// spool/detail/sync/word_lock.hpp · the lock inside the library: four bytes, with a note on it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/spin.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Guards a few instructions, never a callback, an allocation of the user's, or a wait.
///
/// Carries a note: 30 bits that a holder leaves behind in the same atomic write that unlocks, for those
/// who look without locking ("is there anything in this list?").
///
/// Blocks      No order among waiters; spins shortly, then sleeps.
/// Lifetime    The object may die as soon as a later holder has unlocked: unlock() touches only the address after
///             its one write.
/// Source      The three-state futex lock of Drepper's "Futexes are tricky", its states made bits.
class word_lock {
public:
  constexpr word_lock() noexcept = default;
  word_lock(const word_lock&) = delete;
  word_lock& operator=(const word_lock&) = delete;

  void lock() noexcept {
    std::uint32_t seen = word_.load(memory_order_relaxed);
    if ((seen & (locked | contended)) != 0 ||
        !word_.compare_exchange_weak(seen, seen | locked, memory_order_seq_cst, memory_order_relaxed)) {  // (B)
      lock_contended();
    }
  }

  bool try_lock() noexcept {
    std::uint32_t seen = word_.load(memory_order_relaxed);
    return (seen & locked) == 0 &&
           word_.compare_exchange_strong(seen, seen | locked, memory_order_acquire, memory_order_relaxed);  // (B)
  }

  /// Unlocks, the note as it was.
  void unlock() noexcept { unlock(word_.load(memory_order_relaxed) >> note_shift); }

  /// Unlocks and leaves a new note.
  ///
  /// Synchronization  Sequentially consistent, for protocols of the form "I leave a note, then look at your word":
  ///                  either they see the note or we see their word.
  void unlock(std::uint32_t note) noexcept {
    const std::uint32_t before = word_.exchange(note << note_shift, memory_order_seq_cst);  // (A)
    if ((before & contended) != 0) futex_wake_one(&word_);
  }

  /// Whether nobody is inside and the last holder left no note.
  /// Synchronization  Sequentially consistent, as lock() and unlock(): who has entered before is seen.
  bool untouched() const noexcept { return word_.load(memory_order_seq_cst) == 0; }

  /// The note that the last holder left, read without the lock.
  std::uint32_t note() const noexcept { return word_.load(memory_order_seq_cst) >> note_shift; }

private:
  //  bit 0       locked      someone is inside
  //  bit 1       contended   someone may sleep for it; only ever set together with locked
  //  bits 2..31  note        the last holder's word to those who look without locking
  //
  //  locked  contended   meaning
  //    0         0       free
  //    1         0       held, nobody sleeps
  //    1         1       held, and the holder's unlock must wake one
  //
  //  Invariant  who has slept takes the lock with `contended` set, as others may still sleep: so a wake-up is never
  //             lost, at the price of one needless wake by the last of them.
  //  (A) pairs with every (B): what was written inside is seen inside by the next.
  static constexpr std::uint32_t locked = 1;
  static constexpr std::uint32_t contended = 2;
  static constexpr unsigned note_shift = 2;

  SPOOL_COLD void lock_contended() noexcept {
    for (unsigned i = 0; i < spin_rounds; ++i) {
      std::uint32_t seen = word_.load(memory_order_relaxed);
      if ((seen & locked) == 0) {
        if (word_.compare_exchange_weak(seen, seen | locked, memory_order_seq_cst, memory_order_relaxed))
          return;  // (B)
      } else if ((seen & contended) != 0 || !has_several_cpus()) {
        break;  // others sleep already: spinning would only overtake them
      }
      cpu_pause();
    }
    for (;;) {
      const std::uint32_t before = word_.fetch_or(locked | contended, memory_order_seq_cst);  // (B)
      if ((before & locked) == 0) return;
      futex_wait(word_, before | locked | contended, deadline::never());
    }
  }

  atomic<std::uint32_t> word_{0};
};

/// Holds a word_lock until the end of the scope.
class word_guard {
public:
  explicit word_guard(word_lock& l) noexcept : lock_(l) { lock_.lock(); }
  ~word_guard() { lock_.unlock(); }
  word_guard(const word_guard&) = delete;
  word_guard& operator=(const word_guard&) = delete;

private:
  word_lock& lock_;
};

}  // namespace spool::inline SPOOL_ABI::detail
