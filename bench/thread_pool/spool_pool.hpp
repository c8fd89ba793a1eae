// bench/thread_pool/spool_pool.hpp · spool's pool as a contestant
// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <spool/thread_pool.hpp>

namespace bench {

struct spool_pool {
  static constexpr const char* name = "spool";

  explicit spool_pool(unsigned workers) : pool(workers) {}
  template <class F>
  void post(F f) {
    pool.post(std::move(f));
  }
  template <class F>
  auto submit(F f) {
    return pool.submit(std::move(f));
  }

  spool::thread_pool pool;
};

}  // namespace bench
