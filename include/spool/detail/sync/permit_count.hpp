// spool/detail/sync/permit_count.hpp · the counter that semaphores are made of
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <stop_token>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/base/narrowed.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/hand_off.hpp>
#include <spool/detail/sync/waiter.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Counts permits, and keeps the list of those who sleep for one. What it promises: semaphore.
class permit_count {
public:
  static constexpr std::ptrdiff_t(max)() noexcept { return (std::numeric_limits<std::ptrdiff_t>::max)() / 2; }

  constexpr explicit permit_count(std::ptrdiff_t value) : state_(checked(value) * one_permit) {}
  permit_count(const permit_count&) = delete;
  permit_count& operator=(const permit_count&) = delete;

  void acquire() noexcept {
    // With no look first, which would cost a third of it all.
    if (!take() && !repay()) acquire_drained(deadline::never());
  }

  bool try_acquire() noexcept { return state_.load(memory_order_relaxed) >= one_permit && (take() || repay()); }

  /// Spins shortly, then sleeps.      Returns  whether a permit was taken.
  bool acquire_drained(deadline until) noexcept;
  bool acquire_drained(std::stop_token const& stop);

  /// Preconditions  the count is at most `most`.
  void release(std::ptrdiff_t n, std::ptrdiff_t most) {
    std::int64_t seen = state_.load(memory_order_relaxed);
    if (n < 1 || n > most - permits_in(seen) || (seen & has_sleepers) != 0 ||
        !state_.compare_exchange_weak(seen, seen + n * one_permit, memory_order_release,  // (A)
                                      memory_order_relaxed)) {
      release_contended(n, most);
    }
  }

  std::ptrdiff_t value() const noexcept { return permits_in(state_.load(memory_order_acquire)); }  // (B)

private:
  //  bit 0       has_sleepers  the list is not empty; changed only under lock_
  //  bits 1..63  permits       signed: below 0 while threads that took one too many have not yet repaid it
  //
  //  permits  has_sleepers   meaning
  //     0          0         drained
  //     p          0         free: acquire and release are one operation each
  //     0          1         threads sleep; a release goes through lock_
  //     p          1         woken threads are on their way; a newcomer may take p first
  //    -d          *         as 0, with d threads in repay(): each either puts its -1 back, or keeps what was released
  //                          meanwhile. So who sees no permit here is right: what is free is another thread's already.
  //
  //  Invariants
  //  - A thread is listed only where there is no permit, and while has_sleepers is set permits are added only under
  //    lock_: each permit added takes a sleeper out of the list and calls it. So no permit lies free that no thread
  //    awake will look for: who was called tries before it gives up or is listed again.
  //  - A sleeper called `handed_over` owns a permit that was never counted here.
  //  - Without has_sleepers the CAS of a release is its last touch of *this. With it, a listed sleeper cannot return
  //    before it is called, which release does after unlocking: it keeps *this alive until then.
  //  (A) pairs with every (B): all writers are read-modify-writes, so the release sequence never breaks.
  static constexpr std::int64_t has_sleepers = 1;
  static constexpr std::int64_t one_permit = 2;

  enum answers : sleeper::answer { try_again = 1, handed_over = 2 };

  /// A release hands its permit over to the oldest sleeper this often; all others leave it to who is first.
  static constexpr std::int64_t patience_ns = 1'000'000;

  static constexpr std::ptrdiff_t checked(std::ptrdiff_t value) {
    if (value < 0 || value > (max)())
      throw std::invalid_argument(
          "spool::semaphore: its value is not in 0..max(): begin with as many permits as may be taken");
    return value;
  }
  static constexpr std::ptrdiff_t permits_in(std::int64_t state) noexcept {
    return state < 0 ? 0 : narrowed<std::ptrdiff_t>(state / one_permit);
  }
  [[noreturn]] SPOOL_COLD static void refuse_release() {
    throw usage_error("spool::semaphore: released above its limit: release() once for each acquire()");
  }

  /// Subtracts a permit.      Returns  false if there was none: then repay() follows.
  bool take() noexcept { return state_.fetch_sub(one_permit, memory_order_acquire) >= one_permit; }  // (B)
  bool repay() noexcept;
  bool stay_awake(hand_off_wait& waiting) noexcept;
  bool acquire_asleep(sleeper& self, deadline until, hand_off_wait& waiting) noexcept;
  bool enlist(sleeper& self, bool at_front) noexcept;
  bool withdraw(sleeper& self) noexcept;
  void release_contended(std::ptrdiff_t n, std::ptrdiff_t most);
  bool release_to_sleepers(std::ptrdiff_t n, std::ptrdiff_t most);

  atomic<std::int64_t> state_;
  word_lock lock_;
  intrusive_list<sleeper> sleepers_;       // guarded by lock_, like the next
  std::int64_t next_handing_over_ns_ = 0;  // on the steady clock
};

/// After a subtraction that found no permit, as others were faster.      Returns  whether one was released meanwhile.
SPOOL_COLD inline bool permit_count::repay() noexcept {
  std::int64_t seen = state_.load(memory_order_acquire);  // (B)
  while (seen < 0) {
    if (state_.compare_exchange_weak(seen, seen + one_permit, memory_order_acquire)) {  // (B)
      return false;
    }
  }
  return true;
}

SPOOL_COLD inline bool permit_count::acquire_drained(deadline until) noexcept {
  if (until.passed()) return false;
  hand_off_wait waiting(until);
  if (stay_awake(waiting)) return true;
  sleeper self;
  return acquire_asleep(self, until, waiting);
}

SPOOL_COLD inline bool permit_count::acquire_drained(std::stop_token const& stop) {
  if (stop.stop_requested()) return false;
  hand_off_wait waiting(deadline::never());
  if (stay_awake(waiting)) return true;
  sleeper self;
  // Runs in the thread that requests the stop, or right here if that came first; its end waits for a run elsewhere.
  const std::stop_callback on_stop(stop, [&self]() noexcept { self.poke(); });
  return acquire_asleep(self, deadline::never(), waiting);
}

inline bool permit_count::stay_awake(hand_off_wait& waiting) noexcept {
  return waiting.stay_awake_until([this] { return try_acquire(); });
}

/// Sleeps until a permit is taken, the deadline, or a poke.      Returns  whether a permit was taken.
inline bool permit_count::acquire_asleep(sleeper& self, deadline until, hand_off_wait& waiting) noexcept {
  for (bool lost = false;; lost = true) {
    if (!enlist(self, lost)) return true;
    sleeper::answer heard = self.sleep(until);
    const bool gives_up = heard == sleeper::none;
    if (gives_up) {
      if (withdraw(self)) return try_acquire();
      heard = self.sleep_until_called();
    }
    if (heard == handed_over) return true;
    // Called: the permit is there, unless a newcomer was faster. It must be looked for even when giving up, as nobody
    // else was woken for it.
    if (try_acquire()) return true;
    if (gives_up) return false;
    if (stay_awake(waiting)) return true;
    self.listen_again();
  }
}

/// Joins the list, where a loser keeps its place at the front.
/// Returns  false if a permit was found, and taken, instead.
inline bool permit_count::enlist(sleeper& self, bool at_front) noexcept {
  word_guard held(lock_);
  std::int64_t seen = state_.load(memory_order_relaxed);
  for (;;) {
    if (seen >= one_permit) {
      if (state_.compare_exchange_weak(seen, seen - one_permit, memory_order_acquire,  // (B)
                                       memory_order_relaxed)) {
        return false;
      }
    } else if ((seen & has_sleepers) != 0 ||
               state_.compare_exchange_weak(seen, seen | has_sleepers, memory_order_relaxed)) {
      break;
    }
  }
  at_front ? sleepers_.push_front(self) : sleepers_.push_back(self);
  return true;
}

/// Leaves the list.      Returns  false if a release took it out before: then a call is on its way.
inline bool permit_count::withdraw(sleeper& self) noexcept {
  word_guard held(lock_);
  if (!self.linked()) return false;
  sleepers_.erase(self);
  if (sleepers_.empty()) state_.fetch_and(~has_sleepers, memory_order_relaxed);
  return true;
}

/// The release where something is in the way: a wrong count, sleepers, or another thread.
SPOOL_COLD inline void permit_count::release_contended(std::ptrdiff_t n, std::ptrdiff_t most) {
  if (n < 1)
    throw std::invalid_argument("spool::semaphore: release(n) got an n below 1: give back at least one permit");
  std::int64_t seen = state_.load(memory_order_relaxed);
  for (;;) {
    if (n > most - permits_in(seen)) refuse_release();
    if ((seen & has_sleepers) != 0) {
      if (release_to_sleepers(n, most)) return;
      seen = state_.load(memory_order_relaxed);
    } else if (state_.compare_exchange_weak(seen, seen + n * one_permit, memory_order_release,  // (A)
                                            memory_order_relaxed)) {
      return;
    }
  }
}

/// The release where threads sleep.      Returns  false, nothing done, if they are gone meanwhile.
SPOOL_COLD inline bool permit_count::release_to_sleepers(std::ptrdiff_t n, std::ptrdiff_t most) {
  sleeper* favoured = nullptr;
  call_list woken;
  {
    word_guard held(lock_);
    const std::int64_t seen = state_.load(memory_order_relaxed);
    if ((seen & has_sleepers) == 0) return false;
    if (n > most - permits_in(seen)) refuse_release();
    std::ptrdiff_t left = n;
    if (const std::int64_t now = steady_now_ns(); now >= next_handing_over_ns_) {
      next_handing_over_ns_ = now + patience_ns;
      favoured = sleepers_.pop_front();
      --left;
    }
    for (std::ptrdiff_t i = 0; i < left && !sleepers_.empty(); ++i) woken.push_back(*sleepers_.pop_front());
    state_.fetch_add(left * one_permit - (sleepers_.empty() ? has_sleepers : 0), memory_order_release);  // (A)
  }
  // *this may be gone as soon as the first of them is called.
  if (favoured != nullptr) favoured->call(handed_over);
  woken.call_all(try_again);
  return true;
}

}  // namespace spool::inline SPOOL_ABI::detail
