// bench/thread_pool/mutex_pool.hpp · the pool that everyone writes: one deque, one mutex, one condition variable
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace bench {

class mutex_pool {
public:
  static constexpr const char* name = "mutex+cv";

  explicit mutex_pool(unsigned workers) {
    for (unsigned i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  ~mutex_pool() {
    {
      std::lock_guard held(mutex_);
      closed_ = true;
    }
    some_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  template <class F>
  void post(F f) {
    {
      std::lock_guard held(mutex_);
      tasks_.emplace_back(std::move(f));
    }
    some_.notify_one();
  }

  template <class F>
  auto submit(F f) {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(f));
    auto result = task->get_future();
    post([task = std::move(task)] { (*task)(); });
    return result;
  }

private:
  void work() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock held(mutex_);
        some_.wait(held, [this] { return closed_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::function<void()>> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bench
