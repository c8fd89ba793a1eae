// spool/detail/sync/adaptive_spin.hpp · spinning where it pays, learned by each thread
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/platform/clock.hpp>
#include <spool/detail/sync/spin.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a thread has learned of spinning before a sleep: whether what it spun for came in time.
///
/// Where it did not, twice in a row, spinning is given up, and tried again now and then: with more threads than
/// processors it only keeps the one from running that is waited for.
class spin_habit {
public:
  /// Spins until ready(), for ns at most, looking at growing intervals of up to `longest` pauses.
  /// Returns  whether ready() was seen true.
  template <class Ready>
  bool spin_until(Ready ready, std::int64_t ns, unsigned longest) noexcept {
    if (ready()) return true;
    if (!pays() || !has_several_cpus()) {
      ++misses_;
      return false;
    }
    const std::int64_t began = steady_now_ns();
    std::int64_t before = began;
    unsigned pauses = 1;
    for (unsigned looks = 0; looks < most_looks; ++looks) {
      for (unsigned i = 0; i < pauses; ++i) cpu_pause();
      if (pauses < longest) pauses *= 2;
      const bool is_ready = ready();
      const std::int64_t now = steady_now_ns();
      // A gap in the clock: another thread has had this processor, perhaps the very one that was waited for.
      const bool was_away = now - before > gap_ns;
      if (is_ready) {
        misses_ = was_away ? static_cast<std::uint8_t>(misses_ + 1) : std::uint8_t{0};
        return true;
      }
      if (was_away || now - began > ns) break;
      before = now;
    }
    ++misses_;
    return false;
  }

private:
  static constexpr unsigned most_looks = 4'096;  // where the clock stands still
  static constexpr std::int64_t gap_ns = 4'000;  // below two switches of threads, above any interval
  static constexpr std::uint8_t misses_allowed = 2;
  static constexpr std::uint8_t retry_every = 64;

  bool pays() const noexcept { return misses_ < misses_allowed || misses_ % retry_every == 0; }

  std::uint8_t misses_ = 0;  // since spinning paid last; goes round
};

/// What the calling thread has learned of contention for a mutex; of any mutex, which is near enough for a guess.
struct contention_habit {
  spin_habit spin{};
  std::int64_t last_ns = 0;  // when it last had to wait for one
};

inline constinit thread_local contention_habit my_contention{};

}  // namespace spool::inline SPOOL_ABI::detail
