// spool/detail/sync/spin.hpp · bounded spinning before a sleep
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/platform/cpu.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Pauses spent on a word that another running thread is about to change. One pause is 15-60 ns on today's
/// x86: some 5 us in all, below the 30 us that a sleep and a wake-up across cores cost.
inline constexpr unsigned spin_rounds = 128;

/// Spins until ready(), at most `rounds` looks.      Returns  whether ready() was seen true.
/// Blocks  a few microseconds at most; a single look where threads cannot run at the same time.
template <class Ready>
bool spin_until(Ready&& ready, unsigned rounds = spin_rounds) {
  if (ready()) return true;
  if (!has_several_cpus()) return false;
  for (unsigned i = 1; i < rounds; ++i) {
    cpu_pause();
    if (ready()) return true;
  }
  return false;
}

}  // namespace spool::inline SPOOL_ABI::detail
