// examples/download/retry.hpp · trying again, after a while, what may go well the next time
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <random>
#include <stop_token>

#include <spool/event.hpp>

#include "failure.hpp"

/// Throws  stopped, as soon as `stop` asks for it.
inline void sleep_unless_stopped(std::stop_token stop, std::chrono::milliseconds time) {
  spool::event over;
  std::stop_callback const end(stop, [&over] { over.set(); });
  if (over.wait_for(time)) throw stopped();
}

/// Doubles with each failure in a row, up to 20 s. Chance keeps threads that failed together from coming back together.
inline std::chrono::milliseconds back_off(unsigned failures) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<> part(0.5, 1.0);
  double const most = std::min(250.0 * static_cast<double>(1u << std::min(failures - 1, 10u)), 20'000.0);
  return std::chrono::milliseconds(static_cast<int>(most * part(random)));
}

/// Calls `attempt` until it throws no transient_failure any more, at most `retries` times without a gain in between.
/// `has_gained` says whether the last attempt moved anything on; `tell` hears of each failure, and of the time until the
/// next attempt.
template <class Attempt, class HasGained, class Tell>
void with_retries(std::stop_token stop, unsigned retries, Attempt attempt, HasGained has_gained, Tell tell) {
  constexpr std::chrono::minutes longest_wait{5};
  for (unsigned failures = 0;;) {
    std::chrono::milliseconds wait{};
    try {
      attempt();
      return;
    } catch (transient_failure const& error) {
      if (has_gained()) failures = 0;
      if (error.counts) ++failures;
      if (failures > retries || error.retry_after > longest_wait) throw;
      wait = std::max<std::chrono::milliseconds>(back_off(std::max(failures, 1u)), error.retry_after);
      tell(error, wait);
    }
    sleep_unless_stopped(stop, wait);
  }
}
