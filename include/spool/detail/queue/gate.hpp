// spool/detail/queue/gate.hpp · the lock of a queue, its counts, and those who wait for them
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <stop_token>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/backoff_lock.hpp>
#include <spool/detail/sync/notify_list.hpp>
#include <spool/detail/sync/waiter.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

// How long a call is ready to wait. A deadline is made only where it has to be, and then only once: a call that waits
// again waits for what is left.
struct wait_not {};
struct wait_always {};
template <class Duration>
class wait_so_long {
public:
  explicit wait_so_long(Duration const& d) noexcept : duration_(d) {}
  deadline end() { return end_ ? *end_ : end_.emplace(deadline::after(duration_)); }

private:
  Duration const& duration_;
  std::optional<deadline> end_{};
};
template <class TimePoint>
class wait_until_then {
public:
  explicit wait_until_then(TimePoint const& t) noexcept : time_(t) {}
  deadline end() { return end_ ? *end_ : end_.emplace(deadline::at(time_)); }

private:
  TimePoint const& time_;
  std::optional<deadline> end_{};
};
struct wait_unless_stopped {
  std::stop_token const& stop;
};

/// All of a queue that does not depend on what lies in it.
///
///  size_        items in the store; changed under lock_, read by anyone
///  on_loan_     items taken out by a get_many that may yet come back: the store keeps room for them
///  unfinished_  items put and not yet done
///  shut_        no more puts; never lowered
///
///  Invariants, whenever lock_ is free
///  1  A getter is listed only when size_ is 0 at that moment, a putter only when all places are used; neither once its
///     side has ended(), and what ends a side calls all who are listed there. Each item that comes calls one listed
///     getter, each place that comes one listed putter: so never do more items (places) lie there than getters (putters)
///     are awake that will look, while others are listed.
///  2  Who was called looks again, whatever else happened to it meanwhile; finding something it takes it, or, if an
///     exception keeps it from that, calls the next one. A newcomer may be faster: then the one that was called goes back
///     to sleep at the front, as its wake-up was used by that other one.
///  3  Joiners are listed only while unfinished_ is not 0.
///
/// Lifetime  Whoever calls sleepers does so after its unlock, which is its last touch of *this.
class queue_core {
public:
  enum side : bool { getting, putting };

  explicit queue_core(std::size_t maxsize) noexcept : places_(maxsize != 0 ? maxsize : all) {}
  queue_core(const queue_core&) = delete;
  queue_core& operator=(const queue_core&) = delete;

  std::size_t size() const noexcept { return size_.load(memory_order_relaxed); }
  bool full() const noexcept { return size() >= places_; }
  std::size_t maxsize() const noexcept { return places_ != all ? places_ : 0; }
  bool is_shutdown() const noexcept { return shut_.load(memory_order_acquire); }

  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

  /// Locks when there is an item, or a place.      Returns  false, not locked, if it gave up.
  /// Throws  queue_shutdown_error, not locked.
  template <class Wait>
  bool lock_when_ready(side s, Wait&& wait) {
    lock_.lock();
    return ready(s) || locked_but_not_ready(s, wait);
  }

  // ── under the lock; each of these unlocks ──

  /// So many items came; the store holds `size` now.
  void unlock_after_put(std::size_t came, std::size_t size) noexcept {
    unfinished_ += came;
    size_.store(size, memory_order_relaxed);
    unlock_and_call(getters_, came);
  }

  /// So many left for good.
  void unlock_after_get(std::size_t left, std::size_t size) noexcept {
    size_.store(size, memory_order_relaxed);
    unlock_and_call(putters_, left);
  }

  /// So many left, but may come back.
  void unlock_after_borrowing(std::size_t left, std::size_t size) noexcept {
    on_loan_ += left;
    size_.store(size, memory_order_relaxed);
    unlock_and_call(putters_, left);
  }

  /// Of those that had left so many stay away, and so many have come back; for these there need not be places.
  void unlock_after_returning(std::size_t gone, std::size_t back, std::size_t size) noexcept;

  /// The caller, who may have been called, failed to use what it was called for: the next one may.
  void unlock_unused(side s) noexcept { unlock_and_call(s == getting ? getters_ : putters_, ready(s) ? 1 : 0); }

  // ── under the lock ──

  std::size_t may_come_back() const noexcept { return on_loan_; }
  bool discards() const noexcept { return discards_; }
  std::size_t places_left() const noexcept { return full() ? 0 : places_ - size(); }

  // ── without it ──

  void task_done();
  bool join(deadline until) noexcept;

  /// `discard` is called under the lock and empties the store; `destroy` without it.
  template <class Discard, class Destroy>
  void shutdown(bool immediate, Discard&& discard, Destroy&& destroy) noexcept;

private:
  enum answers : sleeper::answer { look = 1 };
  using row = intrusive_list<sleeper>;
  static constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();

  bool ready(side s) const noexcept {
    return s == getting ? size() != 0 : !full() && !shut_.load(memory_order_relaxed);
  }
  /// Whether what is not ready never will be: no more puts, and for getters nothing on loan that may come back.
  bool ended(side s) const noexcept {
    return shut_.load(memory_order_relaxed) && (s == putting || on_loan_ == 0 || discards_);
  }
  /// Seen without the lock: worth a look under it.
  bool looks_ready(side s) const noexcept {
    return (s == getting ? size() != 0 : !full()) || shut_.load(memory_order_relaxed);
  }

  bool locked_but_not_ready(side s, wait_not) { return unlock_or_throw(s); }
  bool locked_but_not_ready(side s, wait_always) { return wait_locked(s, deadline::never()); }
  template <class Duration>
  bool locked_but_not_ready(side s, wait_so_long<Duration>& wait) {
    unlock_or_throw(s);
    return wait_unlocked(s, wait.end());
  }
  template <class TimePoint>
  bool locked_but_not_ready(side s, wait_until_then<TimePoint>& wait) {
    unlock_or_throw(s);
    return wait_unlocked(s, wait.end());
  }
  bool locked_but_not_ready(side s, wait_unless_stopped wait) {
    unlock_or_throw(s);
    return wait_unlocked(s, wait.stop);
  }

  /// Unlocks.      Returns  false.      Throws  queue_shutdown_error if that is why it is not ready.
  bool unlock_or_throw(side s) {
    const bool shut = ended(s);
    lock_.unlock();
    if (shut) throw_shut();
    return false;
  }
  [[noreturn]] SPOOL_COLD static void throw_shut() { throw queue_shutdown_error(); }

  bool wait_locked(side s, deadline until) {
    unlock_or_throw(s);
    return wait_unlocked(s, until);
  }
  bool wait_unlocked(side s, deadline until);
  bool wait_unlocked(side s, std::stop_token const& stop);
  bool wait_asleep(sleeper& self, side s, deadline until);
  void spin(side s, deadline until) const noexcept {
    my_hand_offs.spin_until([&] { return looks_ready(s); }, until);
  }

  /// Of discarded items, which task_done() may have been called for already.
  void count_done(std::size_t n) noexcept { unfinished_ -= n < unfinished_ ? n : unfinished_; }

  void unlock_and_call(row& sleepers, std::size_t most) noexcept {
    if (sleepers.empty()) {
      lock_.unlock();
    } else {
      call_some(sleepers, most);
    }
  }
  void call_some(row& sleepers, std::size_t most) noexcept;
  static void take_out(row& sleepers, std::size_t most, call_list& out) noexcept {
    for (; most != 0 && !sleepers.empty(); --most) out.push_back(*sleepers.pop_front());
  }

  nap_lock lock_;
  atomic<bool> shut_{false};
  bool discards_ = false;  // shut down immediately: what comes back is discarded, too
  atomic<std::size_t> size_{0};
  std::size_t unfinished_ = 0;
  row getters_;
  row putters_;
  std::size_t on_loan_ = 0;
  const std::size_t places_;
  row joiners_;
};

}  // namespace spool::inline SPOOL_ABI::detail
