// spool/detail/timer/thread.hpp · what the threads of the timers do: keep time, stand by, run callbacks
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/unique_function.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/thread_watch.hpp>
#include <spool/detail/registry/threads.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/timer/core.hpp>
#include <spool/detail/timer/heap.hpp>
#include <spool/detail/timer/service.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Throws  what ends the thread in a callback, by pthread_exit() or pthread_cancel().
inline void timer_thread::work(std::string name) {
  wake_on_time();
  const thread_record record(std::move(name), true);
  thread_relied_on = this;
  timer_service& s = the_timers();
  s.lock.lock();
  const at_scope_end over([this] {
    thread_relied_on = nullptr;
    leave();
  });
  --s.arriving;
  if (s.keeper == nullptr) s.keeper = this;
  while (serve()) {
  }
}

/// The thread's last deed here: lets the lock go.
inline void timer_thread::leave() noexcept {
  timer_service& s = the_timers();
  timer_queue::storage unused;  // freed without the lock
  if (s.keeper == this) {       // a callback has ended the thread
    s.keeper = nullptr;
    while (s.keeper == nullptr && !s.queue.empty() && !s.is_one_on_its_way()) {
      if (const auto* const wake = s.promote()) {
        futex_wake_one(wake);
      } else if (!s.summon_deputy()) {
        sleep(steady_now_ns() + timer_service::nap_ns);
      }
    }
  }
  if (--s.threads == 0 && s.queue.empty()) unused = s.queue.release();
  s.lock.unlock();
}

/// Its callback is about to sleep: while a deputy is refused, it asks again and again.
inline deadline timer_thread::before_sleep() noexcept {
  timer_service& s = the_timers();
  word_guard held(s.lock);
  asks_ = s.ask_again();
  return asks_ ? end_of_nap(deadline::never()) : deadline::never();
}

/// One thing after the other.      Preconditions  the lock is held.      Returns  false when the thread is to end.
inline bool timer_thread::serve() {
  timer_service& s = the_timers();
  if (s.keeper == nullptr) {
    if (s.deputy == this) s.deputy = nullptr;
    if (s.queue.empty()) return false;
    s.keeper = this;
  }
  if (s.keeper == this) return keep();
  if (s.deputy == nullptr) {
    s.deputy = this;
    seen_ticket_ = nothing_seen;
  }
  return s.deputy == this ? stand_by() : wait_as_spare();
}

/// Lets the lock go, and sleeps until rung, or that time.
inline void timer_thread::sleep(std::int64_t until_ns) noexcept {
  const std::uint32_t seen = ring_.load(memory_order_relaxed);
  wakes_at_ns_ = until_ns;
  the_timers().lock.unlock();
  futex_wait(ring_, seen, deadline::at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until_ns))));
  the_timers().lock.lock();
  wakes_at_ns_ = awake;
}

inline bool timer_thread::keep() {
  timer_service& s = the_timers();
  timer_node* const first = s.queue.front();
  if (first == nullptr || first->due_ns > now_ns_) now_ns_ = steady_now_ns();
  if (first == nullptr) {
    if (idle_since_ns_ == 0 || std::exchange(seen_arrivals_, s.queue.arrivals()) != s.queue.arrivals()) {
      idle_since_ns_ = now_ns_;
    }
    if (now_ns_ - idle_since_ns_ < timer_service::linger_ns) {
      sleep(idle_since_ns_ + timer_service::linger_ns);
      return true;
    }
    s.keeper = nullptr;
    if (s.deputy != nullptr) futex_wake_one(s.deputy->ring());
    while (timer_thread* t = s.spares.pop_back()) futex_wake_one(t->ring());
    return false;
  }
  idle_since_ns_ = 0;

  const bool alone = s.queue.size() > 1 && !s.has_deputy() && !refused_;
  if (first->due_ns > now_ns_) {
    const bool soon = first->due_ns - now_ns_ <= timer_service::headstart_ns;
    if (alone && soon) {
      refused_ = !s.summon_deputy();
    } else {
      sleep(alone ? first->due_ns - timer_service::headstart_ns : first->due_ns);
      refused_ = false;
    }
    return true;
  }
  if (s.queue.size() > 1 && !s.has_deputy()) {
    if (!std::exchange(refused_, false)) {
      refused_ = !s.summon_deputy();
      return true;
    }
    // The callback may block, and who but this thread would see to the others then? So it is worth a delay.
    if (s.is_hopeful(now_ns_)) {
      sleep(now_ns_ + timer_service::nap_ns);
      now_ns_ = steady_now_ns();
      return true;
    }
  }
  // The deputy looks by itself while timers fire one after the other; it may sleep longer if it has seen none wait.
  if (s.queue.size() > 1 && s.deputy != nullptr && s.deputy->sleeps_beyond(now_ns_ + timer_service::grace_ns)) {
    now_ns_ = steady_now_ns();
    if (s.deputy->sleeps_beyond(now_ns_ + timer_service::grace_ns)) futex_wake_one(s.deputy->ring());
  }
  fire(static_cast<timer_core&>(*first));
  return true;
}

inline bool timer_thread::stand_by() noexcept {
  timer_service& s = the_timers();
  timer_thread& k = *s.keeper;
  const std::int64_t now = steady_now_ns();
  if (seen_ticket_ != k.ticket_) {
    seen_ticket_ = k.ticket_;
    seen_since_ns_ = now;
    seen_cpu_ns_ = -1;
  }
  const timer_node* const first = s.queue.front();
  const std::int64_t idle_end = seen_since_ns_ + timer_service::retire_ns;
  if (first == nullptr || !k.in_callback_) {
    // Nobody is being delayed.
    const bool soon = first != nullptr && first->due_ns - now < timer_service::retire_ns;
    if (now >= idle_end && !soon) {
      s.deputy = nullptr;
      return false;
    }
    const std::int64_t next_look =
        first == nullptr ? idle_end : saturated_sum(larger_of(first->due_ns, now), timer_service::grace_ns);
    sleep(now < idle_end ? smaller_of(next_look, idle_end) : next_look);
    return true;
  }
  if (now - seen_since_ns_ < timer_service::grace_ns) {
    sleep(seen_since_ns_ + timer_service::grace_ns);
    return true;
  }

  // The same callback as at the last look. If its thread is ready to run, but does not get a processor, another would
  // not either, and might overtake it before the callback has really begun.
  const thread_watch watch = k.watch_;
  s.lock.unlock();
  const bool asleep = watch.asleep();
  const std::int64_t cpu = asleep ? 0 : watch.cpu_ns();
  s.lock.lock();
  if (s.deputy != this || s.keeper != &k || k.ticket_ != seen_ticket_ || !k.in_callback_) return true;
  if (seen_cpu_ns_ < 0) seen_cpu_ns_ = cpu;
  if (asleep || cpu - seen_cpu_ns_ >= timer_service::busy_ns || now - seen_since_ns_ >= timer_service::patience_ns) {
    s.keeper = this;
    s.deputy = nullptr;
  } else {
    sleep(now + timer_service::grace_ns);
  }
  return true;
}

inline bool timer_thread::wait_as_spare() noexcept {
  the_timers().spares.push_back(*this);
  sleep(saturated_sum(steady_now_ns(), timer_service::retire_ns));
  if (!linked()) return true;
  the_timers().spares.erase(*this);
  return false;
}

/// Takes the timer out of the queue and runs its callback, without the lock, which is held again at the end.
/// Throws  what ends the thread in the callback, which is over then as any other.
inline void timer_thread::fire(timer_core& t) {
  timer_service& s = the_timers();
  const bool periodic = t.is_periodic();  // the timer may be gone after its callback
  s.queue.erase(t);
  if (periodic) ++s.repeating;
  ticket_ = ++s.tickets;
  in_callback_ = true;
  s.lock.unlock();

  timer_firing firing{&t};
  current_firing = &firing;
  unique_function<void()> call = std::move(t.call_);
  const at_scope_end over([&] { after_callback(t, firing, call, periodic); });
  std::exception_ptr thrown = caught_from(
      [&call] {
        const guest_scope scope;
        call();
      },
      [] { report_unhandled(ended_its_thread()); });
  if (thrown) report_unhandled(std::move(thrown));
}

/// Gives the callable back to a timer that goes on, or destroys it and says that the timer is over. Takes the lock.
inline void timer_thread::after_callback(timer_core& t, timer_firing& firing, unique_function<void()>& call,
                                         bool periodic) noexcept {
  timer_service& s = the_timers();
  bool again = false;
  if (periodic) {
    if (!firing.destroyed()) t.call_ = std::move(call);
    const std::int64_t now = steady_now_ns();
    s.lock.lock();
    --s.repeating;
    again = !firing.destroyed() && !t.cancelled_;
    if (again) {
      t.schedule_next(now);
      s.queue.insert(t);
      // Blocked, and overtaken: another thread keeps the time, and must hear of it. If a deputy is missing, it is this one.
      if (s.keeper != this) {
        if (const auto* const wake = s.whom_to_wake(t.due_ns, now)) futex_wake_one(wake);
      }
    } else {
      s.lock.unlock();
      if (!firing.destroyed()) call = std::move(t.call_);
    }
  }
  if (!again) {
    // It may destroy the timer, too. NOLINTNEXTLINE(bugprone-use-after-move): moved from, it is empty.
    call.reset();
    if (!firing.destroyed()) t.finish();
    s.lock.lock();
  }
  current_firing = nullptr;
  in_callback_ = false;
}

}  // namespace spool::inline SPOOL_ABI::detail
