// tests/support/hand.hpp · a thread that does one thing after the other, as it is told
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

/// A second pair of hands for a test that says who does what, and when.
///
///     hand other;
///     other.tell([&] { b.wait(); });
///     ...
///     other.await_idle();
///
/// Synchronization  tell() happens before what it tells, the end of which happens before idle() is true.
class hand {
public:
  hand() = default;
  hand(const hand&) = delete;
  hand& operator=(const hand&) = delete;
  ~hand() {
    tell({});
    thread_.join();
  }

  /// Preconditions  it is idle. What is told throws nothing.
  void tell(std::function<void()> f) {
    f_ = std::move(f);
    set(told);
  }
  bool idle() const noexcept { return state_.load(std::memory_order_acquire) == done; }
  void await_idle() const noexcept { state_.wait(told, std::memory_order_acquire); }

private:
  enum : int { done, told };

  void set(int to) noexcept {
    state_.store(to, std::memory_order_release);
    state_.notify_all();
  }
  void work() {
    for (;;) {
      state_.wait(done, std::memory_order_acquire);
      const auto f = std::move(f_);
      if (!f) return;
      f();
      set(done);
    }
  }

  std::function<void()> f_;
  std::atomic<int> state_{done};
  std::thread thread_{[this] { work(); }};  // last: it uses the others
};
