// spool/detail/timer/core.hpp · one timer: started, cancelled, joined
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/unique_function.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/detail/timer/heap.hpp>
#include <spool/detail/timer/service.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A timer, periodic or not.
///
///   started  cancelled  queued  word      meaning
///      0         0        0     0         made
///      0         1        0     is_over   cancelled before the start
///      1         0        1     0         waits
///      1         0        0     0         its callback runs
///      1         1        0     0         periodic: its callback runs for the last time
///      1         0        0     is_over   has fired
///      1         1        0     is_over   cancelled
///
///   Invariants  Who takes it out of the queue, under the lock, has decided: a thread that fires it, or cancel(). That
///               one sets is_over, as its last deed to the object; the destructor waits for it, unless it runs in the
///               callback, which then finds timer_firing::destroyed().
///   (A) is_over is set by a release; pairs with (B) the readings in join() and the destructor.
class timer_core : public timer_node {
public:
  /// interval_ns: 0 if it fires once.
  timer_core(std::int64_t delay_ns, std::int64_t interval_ns, unique_function<void()> call) noexcept
      : call_(std::move(call)), delay_ns_(delay_ns), interval_ns_(interval_ns) {}
  timer_core(const timer_core&) = delete;
  timer_core& operator=(const timer_core&) = delete;
  ~timer_core();

  void start();
  bool cancel() noexcept;
  bool join(deadline until) const;
  bool is_alive() const noexcept {
    word_guard held(the_timers().lock);
    return started_ && (word_.load(memory_order_acquire) & is_over) == 0;
  }
  std::uint64_t missed() const noexcept {
    word_guard held(the_timers().lock);
    return missed_;
  }

private:
  friend class timer_thread;

  static constexpr std::uint32_t is_over = 1;
  static constexpr std::uint32_t has_waiters = 2;

  bool queued() const noexcept { return place != nowhere; }
  bool is_periodic() const noexcept { return interval_ns_ != 0; }
  bool is_callers() const noexcept { return current_firing != nullptr && current_firing->timer == this; }

  void finish() noexcept {
    if ((word_.exchange(is_over, memory_order_acq_rel) & has_waiters) != 0) futex_wake_all(&word_);  // (A)
  }
  bool wait_until_over(deadline until) const noexcept;
  void schedule_next(std::int64_t now_ns) noexcept;

  mutable atomic<std::uint32_t> word_{0};
  // Guarded by the lock; the callable belongs to whoever has decided.
  bool started_ = false;
  bool cancelled_ = false;
  unique_function<void()> call_;
  const std::int64_t delay_ns_;
  const std::int64_t interval_ns_;
  std::uint64_t missed_ = 0;
};

/// Throws  usage_error if it was started before; std::bad_alloc, std::system_error: nothing has changed then.
inline void timer_core::start() {
  const std::int64_t now = steady_now_ns();
  timer_service& s = the_timers();
  timer_queue::storage unused;  // freed without the lock
  const atomic<std::uint32_t>* wake = nullptr;
  std::unique_lock held(s.lock);
  for (;;) {  // whatever lets the lock go begins anew
    if (started_) throw usage_error("spool::timer: started twice: make a new timer for every start()");
    if (cancelled_) {
      started_ = true;
      return;
    }
    if (!s.queue.has_room(s.repeating + 1)) {
      const std::size_t families = s.queue.wanted_families();
      held.unlock();
      timer_queue::storage fresh(new timer_queue::family[families]);
      held.lock();
      unused = s.queue.adopt(std::move(fresh), families);
    } else if (s.keeper == nullptr && s.arriving <= 0 && (wake = s.promote()) == nullptr) {
      try {
        s.make_thread();
      } catch (...) {
        if (s.threads == 0 && s.queue.empty()) unused = s.queue.release();
        throw;
      }
    } else {
      break;
    }
  }
  started_ = true;
  due_ns = saturated_sum(now, larger_of<std::int64_t>(delay_ns_, 0));
  const bool first = s.queue.empty();
  s.queue.insert(*this);
  if (const auto* const sleeper = s.whom_to_wake(due_ns, now)) wake = sleeper;
  const bool is_refused = !s.ask_for_deputy();
  if (is_refused && first) s.have_joiners_look();  // they had nothing to ask for before
  held.unlock();
  if (wake != nullptr) futex_wake_one(wake);
  // The timer may have fired by now, and be gone.
  if (!is_refused) return;
  held.lock();
  s.hope_for_deputy();
  s.have_keeper_ask();
}

/// Returns  whether it was this call that keeps it from firing, once more or at all.
inline bool timer_core::cancel() noexcept {
  timer_service& s = the_timers();
  const atomic<std::uint32_t>* wake = nullptr;
  {
    word_guard held(s.lock);
    if (cancelled_) return false;
    if (started_ && !queued()) {
      // Its callback runs, or it has fired.
      if (!is_periodic()) return false;
      cancelled_ = true;
      return true;
    }
    cancelled_ = true;
    if (queued()) {
      s.queue.erase(*this);
      wake = s.was_emptied();
    }
    s.ask_again();
  }
  // Whatever moving it runs, the lock is let go. Destroyed last of all: it may own this very timer.
  const unique_function<void()> spent = std::move(call_);
  if (wake != nullptr) futex_wake_one(wake);
  finish();
  return true;
}

inline timer_core::~timer_core() {
  if (is_callers()) {
    current_firing->timer = nullptr;
    return;
  }
  timer_service& s = the_timers();
  const atomic<std::uint32_t>* wake = nullptr;
  {
    word_guard held(s.lock);
    const bool touched = started_ || cancelled_;
    cancelled_ = true;
    if (queued()) {
      s.queue.erase(*this);
      wake = s.was_emptied();
    } else if (touched) {
      wake = &word_;
    }
  }
  if (wake == &word_) {
    wait_until_over(deadline::never());
  } else if (wake != nullptr) {
    futex_wake_one(wake);
  }
}

inline bool timer_core::join(deadline until) const {
  if (is_callers())
    throw usage_error(
        "spool::timer: a callback that joins its own timer would wait for ever: join() it from elsewhere");
  {
    word_guard held(the_timers().lock);
    if (!started_) throw usage_error("spool::timer: joined before it was started: call start() first");
  }
  return wait_until_over(until);
}

/// When to ask again, if that is before `until`.
inline deadline end_of_nap(deadline until) noexcept {
  return earlier(deadline::after(std::chrono::nanoseconds(timer_service::join_nap_ns)), until);
}

/// While the system refuses the timers a thread, who waits for one of them asks again and again.
inline bool timer_core::wait_until_over(deadline until) const noexcept {
  if ((word_.load(memory_order_acquire) & is_over) != 0) return true;  // (B)
  timer_service& s = the_timers();
  timer_joiner self(word_);
  s.lock.lock();
  s.joiners.push_back(self);
  std::uint32_t seen = word_.load(memory_order_acquire);  // (B)
  for (bool in_time = true; (seen & is_over) == 0 && in_time;) {
    // The word was read before: if the next thread is refused after this look, it differs by then.
    const deadline next_look = s.ask_again() ? end_of_nap(until) : until;
    s.lock.unlock();
    if ((seen & has_waiters) != 0 ||
        word_.compare_exchange_strong(seen, seen | has_waiters, memory_order_relaxed, memory_order_relaxed)) {
      in_time = sleep_on(word_, seen | has_waiters, next_look) || !until.passed();
    }
    s.lock.lock();
    seen = word_.load(memory_order_acquire);  // (B)
  }
  s.joiners.erase(self);
  s.lock.unlock();
  return (seen & is_over) != 0;
}

/// The next time on the grid that has not passed yet.
inline void timer_core::schedule_next(std::int64_t now_ns) noexcept {
  due_ns = saturated_sum(due_ns, interval_ns_);
  if (due_ns >= now_ns) return;
  const std::int64_t skipped = (now_ns - due_ns - 1) / interval_ns_ + 1;
  missed_ += static_cast<std::uint64_t>(skipped);
  due_ns = saturated_sum(due_ns, skipped * interval_ns_);
}

}  // namespace spool::inline SPOOL_ABI::detail
