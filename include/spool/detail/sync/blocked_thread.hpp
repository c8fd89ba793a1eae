// spool/detail/sync/blocked_thread.hpp · sleeping in locks and queues, for threads on which others rely
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/thread_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A pool's worker, or a thread of the timers. The system may have refused another that is needed beside it: then it asks
/// again, from time to time, while the code that it runs sleeps in a lock, a queue, an event, a join.
///
/// Invariant  It says where it sleeps (A), and looks then whether a thread is owed. Whoever was refused a thread says so,
///            and looks then where it sleeps. All sequentially consistent, or under a lock: one sees the other.
class blocked_thread {
public:
  /// What it sleeps on, in code of the user's; null while it does not. The word may be gone: only its address is used.
  const atomic<std::uint32_t>* sleeps_on() const noexcept { return word_.load(memory_order_seq_cst); }

  /// As futex_wait().
  bool block_on(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
    word_.store(&word, memory_order_seq_cst);  // (A)
    bool woken = futex_wait(word, expected, earlier(until, before_sleep()));
    while (!woken && !until.passed()) woken = futex_wait(word, expected, earlier(until, before_sleep()));
    word_.store(nullptr, memory_order_relaxed);
    after_sleep();
    return woken;
  }

protected:
  blocked_thread() noexcept = default;
  ~blocked_thread() = default;

private:
  /// Asks again if a thread is owed.      Returns  when to ask the next time.
  virtual deadline before_sleep() noexcept = 0;
  virtual void after_sleep() noexcept {}

  atomic<const atomic<std::uint32_t>*> word_{nullptr};
};

struct blocked_thread_slot {
  static constexpr std::string_view process_name = "blocked thread";
  blocked_thread* pointer = nullptr;
};
/// The calling thread, if it is such a one.
inline constexpr thread_pointer<blocked_thread_slot> thread_relied_on{};
inline const bool thread_relied_on_found_at_start = (thread_wide<blocked_thread_slot>::get(), true);

/// As futex_wait(), in code that the user calls and that holds no lock of the library's.
inline bool sleep_on(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  blocked_thread* const self = thread_relied_on;
  return self == nullptr ? futex_wait(word, expected, until) : self->block_on(word, expected, until);
}

}  // namespace spool::inline SPOOL_ABI::detail
