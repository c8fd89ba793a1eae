// bench/thread_pool/pools.hpp · the same sample of spool's pool and of those of the peers that are here
// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>
#include <vector>

#include "support/rounds.hpp"
#include "thread_pool/mutex_pool.hpp"
#include "thread_pool/spool_pool.hpp"
#if SPOOL_BENCH_TBB
#include "thread_pool/tbb_pool.hpp"
#endif
#if SPOOL_BENCH_BOOST
#include "thread_pool/asio_pool.hpp"
#endif
#if SPOOL_BENCH_EIGEN
#include "thread_pool/eigen_pool.hpp"
#endif

namespace bench {

/// One contestant a pool, whose sample is sample(std::type_identity<Pool>).
template <class Sample>
std::vector<contestant> pools(Sample sample) {
  std::vector<contestant> all;
  const auto add = [&]<class Pool>(std::type_identity<Pool> pool) {
    all.push_back({Pool::name, [=] { return sample(pool); }});
  };
  add(std::type_identity<spool_pool>());
  add(std::type_identity<mutex_pool>());
#if SPOOL_BENCH_BOOST
  add(std::type_identity<asio_pool>());
#endif
#if SPOOL_BENCH_EIGEN
  add(std::type_identity<eigen_pool>());
#endif
#if SPOOL_BENCH_TBB
  add(std::type_identity<tbb_arena>());
#endif
  return all;
}

}  // namespace bench
