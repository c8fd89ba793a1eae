// spool/detail/pool/fair_turns.hpp · when a worker takes a task that the usual order would let wait
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/clock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Counts the tasks that a worker takes in its usual order, its own newest first. Now and then it is the turn of the
/// others: of the lanes, of its own oldest task, and of the other workers' tasks.
///
/// Invariant  A turn comes after 64 tasks at the latest, and where tasks take long, after a millisecond or two tasks,
///            whichever is later. So a task that waits is never behind dozens of long ones.
/// Complexity The clock is read once in 2 to 64 tasks, the less often the shorter they are.
class fair_turns {
public:
  /// One more task is about to be taken.      Returns  whether it is the turn of the others.
  bool due() noexcept { return --left_ == 0 && look_at_the_clock(); }

  /// The worker has slept: what comes next may take longer than what was before.
  void expect_anything() noexcept { left_ = step_ = least_step; }

private:
  static constexpr std::uint32_t least_step = 2;
  static constexpr std::uint32_t most_between = 64;
  static constexpr std::int64_t long_between_ns = 1'000'000;
  static constexpr std::int64_t long_step_ns = long_between_ns / 8;

  SPOOL_COLD bool look_at_the_clock() noexcept {
    const std::int64_t now = steady_now_ns();
    passed_ += step_;
    step_ = now - last_look_ns_ > long_step_ns ? least_step : smaller_of(2 * step_, most_between);
    left_ = step_;
    last_look_ns_ = now;
    if (passed_ < most_between && now - last_turn_ns_ < long_between_ns) return false;
    passed_ = 0;
    last_turn_ns_ = now;
    return true;
  }

  std::uint32_t left_ = least_step;  // until the next look at the clock
  std::uint32_t step_ = least_step;  // from look to look
  std::uint32_t passed_ = 0;         // tasks since the last turn, as of the last look
  std::int64_t last_look_ns_ = 0;
  std::int64_t last_turn_ns_ = 0;
};

}  // namespace spool::inline SPOOL_ABI::detail
