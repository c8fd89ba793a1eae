// tests/soak/team.hpp · threads of the library that do the same, each with dice of its own
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <spool/thread.hpp>

#include "soak/ledger.hpp"

namespace soak {

/// Runs f(dice, i) in n threads; returns when all have ended.
template <class F>
void team(dice& d, std::size_t n, F&& f) {
  std::vector<spool::thread> all;
  all.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    all.emplace_back([&f, i, seed = d.seed()] {
      dice own(seed);
      f(own, i);
    });
  }
  for (spool::thread& t : all) t.start();
  for (spool::thread& t : all) t.join();
}

}  // namespace soak
