// bench/thread_pool/eigen_pool.hpp · Eigen's thread pool as a contestant
// SPDX-License-Identifier: MIT
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#define EIGEN_USE_THREADS
#include <unsupported/Eigen/CXX11/ThreadPool>
#pragma GCC diagnostic pop

#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace bench {

struct eigen_pool {
  static constexpr const char* name = "eigen";

  explicit eigen_pool(unsigned workers) : pool(static_cast<int>(workers)) {}
  template <class F>
  void post(F f) {
    pool.Schedule(std::move(f));
  }
  template <class F>
  auto submit(F f) {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(f));
    auto result = task->get_future();
    pool.Schedule([task = std::move(task)] { (*task)(); });
    return result;
  }

  Eigen::ThreadPool pool;
};

}  // namespace bench
