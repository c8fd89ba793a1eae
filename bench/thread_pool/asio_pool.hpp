// bench/thread_pool/asio_pool.hpp · Boost.Asio's thread_pool as a contestant
// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <type_traits>
#include <utility>

namespace bench {

struct asio_pool {
  static constexpr const char* name = "asio";

  explicit asio_pool(unsigned workers) : pool(workers) {}
  ~asio_pool() { pool.join(); }
  template <class F>
  void post(F f) {
    boost::asio::post(pool, std::move(f));
  }
  template <class F>
  auto submit(F f) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
    auto result = task.get_future();
    boost::asio::post(pool, std::move(task));
    return result;
  }

  boost::asio::thread_pool pool;
};

}  // namespace bench
