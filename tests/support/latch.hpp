// tests/support/latch.hpp · std::latch and std::barrier on a mutex and a condition
// SPDX-License-Identifier: MIT
//
// The standard library's sleep by std::atomic::wait, and where libstdc++ has no futex for that, as on Windows, wakes get
// lost (seen with g++ 12).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

class latch {
public:
  explicit latch(std::ptrdiff_t expected) : left_(expected) {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  void count_down() {
    const std::lock_guard held(mutex_);
    if (--left_ == 0) reached_.notify_all();  // under the lock: who waits may destroy this at once
  }
  void wait() const {
    std::unique_lock held(mutex_);
    reached_.wait(held, [this] { return left_ == 0; });
  }
  bool try_wait() const {
    const std::lock_guard held(mutex_);
    return left_ == 0;
  }

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable reached_;
  std::ptrdiff_t left_;  // guarded by mutex_
};

class barrier {
public:
  explicit barrier(std::ptrdiff_t parties) : parties_(parties), missing_(parties) {}
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  void arrive_and_wait() {
    std::unique_lock held(mutex_);
    if (--missing_ == 0) {
      missing_ = parties_;
      ++round_;
      complete_.notify_all();
    } else {
      complete_.wait(held, [this, mine = round_] { return round_ != mine; });
    }
  }

private:
  std::mutex mutex_;
  std::condition_variable complete_;
  const std::ptrdiff_t parties_;
  std::ptrdiff_t missing_;   // guarded by mutex_
  std::ptrdiff_t round_{0};  // guarded by mutex_
};
