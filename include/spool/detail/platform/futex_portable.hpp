// spool/detail/platform/futex_portable.hpp · the futex contract on the standard's mutex and condition
// SPDX-License-Identifier: MIT
//
// Invariant  A sleeper is in its bucket's list exactly while nobody has woken it: who unlinks it, a waker or itself
//            after its deadline, has decided how its wait ends. The word is compared and the sleeper linked under
//            the bucket's lock, which every waker takes after it changed the word: no wake is lost.
// Source     The shape of WebKit's ParkingLot.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/process_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline constexpr const char* futex_name = "portable";

/// One sleeping thread, on its own stack. All members are guarded by the bucket's lock.
struct futex_sleeper {
  const void* address;
  futex_sleeper* next = nullptr;
  bool woken = false;
  std::condition_variable wake{};
};

/// The sleepers whose addresses share a hash, oldest first.
struct alignas(cache_line) futex_bucket {
  std::mutex lock{};
  futex_sleeper* first = nullptr;

  void append(futex_sleeper& s) noexcept {
    futex_sleeper** at = &first;
    while (*at != nullptr) at = &(*at)->next;
    *at = &s;
  }
  void remove(futex_sleeper& s) noexcept {
    futex_sleeper** at = &first;
    while (*at != &s) at = &(*at)->next;
    *at = s.next;
  }
};

/// Never destroyed, as threads may sleep while the program ends. Its start is constant wherever std::mutex has one.
union futex_buckets {
  static constexpr std::string_view process_name = "futex buckets";

  futex_bucket bucket[64]{};
  constexpr ~futex_buckets() {}
};

inline futex_bucket& futex_bucket_of(const void* address) noexcept {
  return process_wide<futex_buckets>::get()
      .bucket[(reinterpret_cast<std::uintptr_t>(address) >> 3) * 0x9e3779b97f4a7c15ULL >> 58];
}

inline bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  if (until.passed()) return false;
  futex_bucket& bucket = futex_bucket_of(&word);
  std::unique_lock held(bucket.lock);
  if (word.load(memory_order_seq_cst) != expected) return true;
  futex_sleeper self{&word};
  bucket.append(self);
  while (!self.woken) {
    if (until.is_never()) {
      self.wake.wait(held);
    } else if (until.passed()) {
      bucket.remove(self);
      return false;
    } else {
      self.wake.wait_until(held, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until.steady_ns())));
    }
  }
  return true;
}

inline void futex_wake(const void* address, bool all) noexcept {
  futex_bucket& bucket = futex_bucket_of(address);
  std::lock_guard held(bucket.lock);
  for (futex_sleeper** at = &bucket.first; *at != nullptr;) {
    futex_sleeper& s = **at;
    if (s.address != address) {
      at = &s.next;
      continue;
    }
    *at = s.next;
    s.woken = true;
    s.wake.notify_one();  // under the lock: the sleeper leaves, and its condition dies, only after we let go
    if (!all) return;
  }
}

inline void futex_wake_one(const atomic<std::uint32_t>* word) noexcept { futex_wake(word, false); }
inline void futex_wake_all(const atomic<std::uint32_t>* word) noexcept { futex_wake(word, true); }

}  // namespace spool::inline SPOOL_ABI::detail
