// spool/detail/sync/hand_off.hpp · staying awake for another thread's answer, where that has paid
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/cpu.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/adaptive_spin.hpp>
#include <spool/detail/sync/spin.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What the calling thread has learned of hand-offs between threads.
///
/// An answer takes well under a microsecond from a thread that spins, but some 30 us from one that has to be woken
/// first. Two threads that play ping-pong are fast only if both spin, and one sleep would make both sleep for ever, as
/// each then finds the other asleep. So a thread that has just woken a sleeper spins as long as a wake-up takes.
///
/// More threads than processors that wait for each other are fast only if they yield: the answer comes from a thread
/// that wants this very processor. But beside threads that compute, a yield gives away a time slice of each of them:
/// milliseconds in which neither an answer nor a deadline is seen, where a sleep would end on time.
///
/// Invariant  A thread yields
///            - only after a row of short waits, of which there is none beside threads that compute;
///            - only if its deadline is far away;
///            - until one yield has taken as long as only a time slice can, and then not for many times as long.
class hand_off_habit {
public:
  bool woke_a_sleeper = false;  // by its last release

  /// Spins until ready(), for a few microseconds at most.      Returns  whether ready() was seen true.
  template <class Ready>
  bool spin_until(Ready&& ready, deadline until) noexcept {
    std::int64_t limit = woke_a_sleeper ? long_spin_ns : short_spin_ns;
    if (!until.is_never()) limit = smaller_of(limit, until.remaining_ns());
    return spin_.spin_until(ready, limit, 1);
  }

  /// Yields until ready(), if that is likely to help.      Returns  whether ready() was seen true.
  template <class Ready>
  bool yield_until(Ready&& ready, deadline until) noexcept {
    if (short_waits_ < enough_short_waits) return false;
    if (!until.is_never() && until.remaining_ns() < far_ns) return false;
    return yield_until(ready);
  }

  /// The same where ready() waits for a few instructions of a thread that may want this processor.
  template <class Ready>
  bool yield_until(Ready&& ready) noexcept {
    const std::int64_t began = steady_now_ns();
    if (began < next_yield_ns_) return false;
    std::int64_t before = began;
    for (unsigned i = 0; i < most_yields && before - began < slice_ns; ++i) {
      cpu_yield();
      const bool is_ready = ready();
      const std::int64_t now = steady_now_ns();
      if (now - before >= slice_ns) {
        next_yield_ns_ = now + lost_at_most_one_in * (now - before);
        short_waits_ = 0;
        return is_ready;
      }
      if (is_ready) return true;
      before = now;
    }
    return false;
  }

  /// A wait is over.
  void has_waited(std::int64_t ns) noexcept {
    if (ns >= slice_ns) {
      short_waits_ = 0;
    } else if (short_waits_ < enough_short_waits) {
      ++short_waits_;
    }
  }

private:
  static constexpr std::int64_t short_spin_ns = 5'000;
  static constexpr std::int64_t long_spin_ns = 50'000;
  static constexpr std::int64_t slice_ns = 500'000;      // below any time slice, above a round of many short waits
  static constexpr std::int64_t far_ns = 1'000'000'000;  // above the slices of very many threads
  static constexpr std::int64_t lost_at_most_one_in = 64;
  static constexpr unsigned most_yields = 32;  // on an idle processor, 0.2 us each
  static constexpr std::uint8_t enough_short_waits = 16;

  spin_habit spin_{};
  std::uint8_t short_waits_ = 0;    // in a row
  std::int64_t next_yield_ns_ = 0;  // on the steady clock
};

inline constinit thread_local hand_off_habit my_hand_offs{};

/// Lets a thread that wants this processor run, for a moment.
inline void let_another_run() noexcept {
  if (!my_hand_offs.yield_until([] { return true; })) cpu_nap();
}

/// One wait of the calling thread for another, from its begin to its end, of which the thread learns.
class hand_off_wait {
public:
  explicit hand_off_wait(deadline until) noexcept : until_(until) {}
  hand_off_wait(const hand_off_wait&) = delete;
  hand_off_wait& operator=(const hand_off_wait&) = delete;
  ~hand_off_wait() {
    if (!may_have_slept_) return;
    my_hand_offs.has_waited(steady_now_ns() - began_ns_);
    my_hand_offs.woke_a_sleeper = false;
  }

  /// Waits for a few microseconds without sleeping: so many looks in any case, for what comes within a microsecond, and
  /// then as has paid.      Returns  whether ready() was seen true.
  template <class Ready>
  bool stay_awake_until(Ready&& ready, unsigned looks = 24) noexcept {
    if (detail::spin_until(ready, looks)) return true;
    if (!may_have_slept_) began_ns_ = steady_now_ns();
    may_have_slept_ = true;
    if (!my_hand_offs.yield_until(ready, until_) && !my_hand_offs.spin_until(ready, until_)) return false;
    my_hand_offs.has_waited(0);
    may_have_slept_ = false;
    return true;
  }

private:
  const deadline until_;
  std::int64_t began_ns_ = 0;
  bool may_have_slept_ = false;
};

}  // namespace spool::inline SPOOL_ABI::detail
