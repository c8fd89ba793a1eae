// spool/recursive_mutex.hpp · floor 2 · lock that its owner may take again
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/platform/thread_wide.hpp>
#include <spool/detail/sync/lock_traits.hpp>
#include <spool/errors.hpp>
#include <spool/mutex.hpp>

namespace spool::inline SPOOL_ABI {

namespace detail {

/// A number that no other thread of the process has, had or will have; the address of a thread-local, or the system's
/// own id, may come again once the thread is gone.
struct thread_tokens {
  static constexpr std::string_view process_name = "thread tokens";
  atomic<std::uint64_t> last{0};
};
struct thread_token_slot {
  static constexpr std::string_view process_name = "thread token";
  std::uint64_t token = 0;  // 0 until it is asked for
};

/// The thread's, once code of this image has asked for it; else 0.
inline constinit thread_local std::uint64_t my_thread_token = 0;

SPOOL_COLD inline std::uint64_t find_thread_token() noexcept {
  std::uint64_t& token = thread_wide<thread_token_slot>::get().token;
  if (token == 0) token = process_wide<thread_tokens>::get().last.fetch_add(1, memory_order_relaxed) + 1;
  return my_thread_token = token;
}
inline std::uint64_t thread_token() noexcept { return my_thread_token != 0 ? my_thread_token : find_thread_token(); }

}  // namespace detail

/// Lets one thread in at a time, and that one again and again; Python's RLock.
///
/// Shape            TimedLockable; 16 bytes; constinit; neither copied nor moved. At most max_depth locks deep.
/// Blocks           As mutex.
/// Synchronization  The unlock() that lets go happens before every later lock() by another thread returns.
/// Throws           Every form of lock: usage_error, the depth unchanged, if the caller holds it max_depth deep.
/// Complexity       As mutex; locking again, and unlocking that: a load and a store, no read-modify-write.
/// Lifetime         As mutex.
class recursive_mutex {
public:
  /// How often its owner may hold it.
  static constexpr std::uint64_t max_depth = (std::uint64_t{1} << 20) - 1;

  constexpr recursive_mutex() noexcept = default;
  recursive_mutex(const recursive_mutex&) = delete;
  recursive_mutex& operator=(const recursive_mutex&) = delete;

  /// Takes the lock, sleeping until no other thread holds it.
  void lock() {
    const std::uint64_t me = detail::thread_token();
    if (lock_again(me)) return;
    inner_.lock();
    own(me);
  }

  /// Takes the lock if no other thread holds it.      Returns  whether it did.
  [[nodiscard]] bool try_lock() {
    return try_lock_by([this] { return inner_.try_lock(); });
  }

  /// Takes the lock, giving up after d; d <= 0 tries once.      Returns  whether it has the lock.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return try_lock_by([this, d] { return inner_.try_lock_for(d); });
  }

  /// Takes the lock, giving up at t of any clock.      Returns  whether it has the lock.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
    return try_lock_by([this, t] { return inner_.try_lock_until(t); });
  }

  /// Takes back one lock(); the last one lets the next thread in.
  /// Throws  usage_error if the caller does not hold it; the owner's depth stays.
  void unlock() {
    const std::uint64_t seen = owner_.load(detail::memory_order_relaxed);
    if (seen >> depth_bits != detail::thread_token()) throw_not_owner();
    if ((seen & max_depth) != 1) {
      owner_.store(seen - 1, detail::memory_order_relaxed);
    } else {
      owner_.store(0, detail::memory_order_relaxed);
      inner_.unlock();
    }
  }

  /// Whether some thread holds it: true of the past only, unless it is the caller who holds it.
  [[nodiscard]] bool locked() const noexcept { return inner_.locked(); }

private:
  //  owner_
  //  bits 0..19   depth   how often its owner has locked it
  //  bits 20..63  token   its owner's thread_token
  //
  //  0: nobody owns it; inner_ is free, or its holder is just coming or going.
  //
  //  Invariant  Only the holder of inner_ writes owner_. A thread reads its own token in it only if it wrote it there
  //             itself and has not overwritten it since: so relaxed order is enough, whatever else it may read; what
  //             the lock guards is ordered by inner_.
  static constexpr unsigned depth_bits = 20;

  friend struct detail::lock_hooks<recursive_mutex>;

  void own(std::uint64_t me) noexcept { owner_.store(me << depth_bits | 1, detail::memory_order_relaxed); }

  bool lock_again(std::uint64_t me) {
    const std::uint64_t seen = owner_.load(detail::memory_order_relaxed);
    if (seen >> depth_bits != me) return false;
    if ((seen & max_depth) == max_depth) throw_too_deep();
    owner_.store(seen + 1, detail::memory_order_relaxed);
    return true;
  }

  template <class TryLock>
  bool try_lock_by(TryLock try_inner) {
    const std::uint64_t me = detail::thread_token();
    if (lock_again(me)) return true;
    if (!try_inner()) return false;
    own(me);
    return true;
  }

  [[noreturn]] SPOOL_COLD static void throw_not_owner() {
    throw usage_error(
        "spool::recursive_mutex: unlocked by a thread that does not hold it: unlock() where lock() was called");
  }
  [[noreturn]] SPOOL_COLD static void throw_too_deep() {
    throw usage_error("spool::recursive_mutex: locked again too often: unlock() once for each lock()");
  }

  mutex inner_;
  detail::atomic<std::uint64_t> owner_{0};
};

/// The word that Python users know.
using rlock = recursive_mutex;

namespace detail {

template <>
struct lock_hooks<recursive_mutex> {
  static bool held(const recursive_mutex& m) noexcept {
    const std::uint64_t seen = m.owner_.load(memory_order_relaxed);
    return seen >> recursive_mutex::depth_bits == thread_token();
  }
  static unsigned shed(recursive_mutex& m) noexcept {
    const std::uint64_t seen = m.owner_.load(memory_order_relaxed);
    const std::uint64_t extra = (seen & recursive_mutex::max_depth) - 1;
    m.owner_.store(seen - extra, memory_order_relaxed);
    return static_cast<unsigned>(extra);
  }
  static void regain(recursive_mutex& m, unsigned extra) noexcept {
    m.owner_.store(m.owner_.load(memory_order_relaxed) + extra, memory_order_relaxed);
  }
};

}  // namespace detail

}  // namespace spool::inline SPOOL_ABI
