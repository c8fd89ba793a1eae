// spool/detail/timer_service.hpp · floor 4 · the threads that wait for timers and run their callbacks
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

#include <spool/detail/atomic.hpp>
#include <spool/detail/clock.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/deadline.hpp>
#include <spool/detail/futex.hpp>
#include <spool/detail/intrusive_list.hpp>
#include <spool/detail/os_thread.hpp>
#include <spool/detail/platform/thread_watch.hpp>
#include <spool/detail/thread_registry.hpp>
#include <spool/detail/timer_queue.hpp>
#include <spool/detail/unique_function.hpp>
#include <spool/detail/word_lock.hpp>
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>

namespace spool::detail {

class timer_core;

//  One thread, the keeper, sleeps until the first timer is due, runs its callback itself, and goes on: so a callback
//  starts as soon as the system wakes one thread, and callbacks start in the order of their deadlines. If a callback
//  blocks, another thread must take over in time for the next timer. That is what the deputy is for, which is there
//  only while timers fire with others waiting: it looks at the keeper shortly after each deadline.
//
//  role      how many   sleeps until                                        becomes
//  keeper    0 or 1     the first timer is due                              a straggler, if a callback blocks it
//  deputy    0 or 1     `grace` after the first timer is due, or after      the keeper, if that one is blocked
//                       it has seen the keeper in a callback
//  straggler any        (runs a callback that blocks)                       deputy or spare
//  spare     any        `retire_ns` are over                                deputy
//
//  Invariants  All is guarded by timer_service::lock.
//  - While a timer waits there is a keeper, or a thread on its way (arriving) that will be.
//  - A keeper that sleeps does so until the first timer is due, or earlier: who puts in an earlier one rings it.
//  - While the keeper is in a callback and a timer waits, a deputy looks at it within `grace`, or one is arriving;
//  unless
//    the system refuses the thread: then timers are as late as the callback makes them.
//  - When nothing has waited for `linger_ns` the keeper ends, and the others with it.
//  Rings are sent after the lock is let go: the thread may be gone then, so only its address is used.

/// One thread of the timers; lives on its own stack.
class timer_thread : public list_node {
public:
  timer_thread() noexcept = default;
  timer_thread(const timer_thread&) = delete;
  timer_thread& operator=(const timer_thread&) = delete;

  /// What the thread does from its start to its end.
  void work(std::string name) noexcept;

  /// Has it look around.      Returns  where to wake it, once the lock is let go.
  const atomic<std::uint32_t>* ring() noexcept {
    ring_.fetch_add(1, memory_order_relaxed);
    wakes_at_ns_ = awake;
    return &ring_;
  }
  /// Whether it would sleep beyond that time. Not if it is awake: it will look before it sleeps.
  bool sleeps_beyond(std::int64_t ns) const noexcept { return wakes_at_ns_ > ns; }
  bool in_callback() const noexcept { return in_callback_; }

private:
  bool serve() noexcept;
  bool keep() noexcept;
  bool stand_by() noexcept;
  bool wait_as_spare() noexcept;
  void fire(timer_core& t) noexcept;
  void sleep(std::int64_t until_ns) noexcept;

  static constexpr std::int64_t awake = std::numeric_limits<std::int64_t>::min();

  atomic<std::uint32_t> ring_{0};     // changed under the lock, slept on
  std::int64_t wakes_at_ns_ = awake;  // when it will look around by itself
  bool in_callback_ = false;
  std::uint64_t ticket_ = 0;  // of the callback that it runs, or ran last
  const thread_watch watch_{};

  // As keeper.
  std::int64_t now_ns_ = 0;         // when it last looked
  std::int64_t idle_since_ns_ = 0;  // 0 while timers wait
  std::uint64_t seen_arrivals_ = 0;
  bool refused_ = false;  // the system, a deputy, since it last slept

  // As deputy: what it has seen of the keeper.
  std::uint64_t seen_ticket_ = 0;
  std::int64_t seen_since_ns_ = 0;
  std::int64_t seen_cpu_ns_ = -1;
};

/// Process state: built at compile time, never destroyed. Its threads are detached; the program ends without them.
struct timer_service {
  static constexpr std::int64_t linger_ns = 50'000'000;  // a thread costs 50 us to make: one in a thousand
  static constexpr std::int64_t retire_ns = 1'000'000'000;
  static constexpr std::int64_t grace_ns = 200'000;         // a callback that takes longer is looked at
  static constexpr std::int64_t busy_ns = 1'000'000;        // one that computes longer is taken for one that blocks
  static constexpr std::int64_t patience_ns = 100'000'000;  // whatever it does: preempted for so long
  static constexpr std::int64_t headstart_ns = 300'000;     // what making a deputy may take

  word_lock lock;  // guards all that follows, and the timers
  timer_queue queue;
  timer_thread* keeper = nullptr;
  timer_thread* deputy = nullptr;
  intrusive_list<timer_thread> spares;
  std::uint32_t threads = 0;    // made, and not at their end
  std::uint32_t arriving = 0;   // of them, those that have no role yet
  std::uint32_t repeating = 0;  // periodic timers in their callbacks: each will want its room in the queue again
  std::uint64_t tickets = 0;    // callbacks so far

  bool has_deputy() const noexcept { return deputy != nullptr || arriving != 0; }

  void make_thread();
  bool summon_deputy() noexcept;
  const atomic<std::uint32_t>* promote() noexcept;
  const atomic<std::uint32_t>* was_emptied() noexcept;
};

inline constinit timer_service the_timers{};

/// The callback that the calling thread runs.
struct timer_firing {
  timer_core* timer;
  bool destroyed = false;  // the timer, by its own callback
};
inline constinit thread_local timer_firing* current_firing = nullptr;

inline std::int64_t saturated_sum(std::int64_t a, std::int64_t not_negative) noexcept {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  return a > most - not_negative ? most : a + not_negative;
}

// ── making and finding threads ──

/// Starts one more thread; it will find its role itself.
/// Preconditions  the lock is held; it is let go meanwhile.
/// Throws         std::system_error or std::bad_alloc, the lock held.
inline void timer_service::make_thread() {
  ++arriving;
  const std::uint32_t number = threads++;
  lock.unlock();
  try {
    os_thread([number] { timer_thread().work("timers_" + std::to_string(number)); }).detach();
  } catch (...) {
    lock.lock();
    --arriving;
    --threads;
    throw;
  }
  lock.lock();
}

/// Preconditions  the lock is held; it may be let go meanwhile; no deputy.
inline bool timer_service::summon_deputy() noexcept {
  if (timer_thread* t = spares.pop_back()) {
    deputy = t;
    futex_wake_one(t->ring());
    return true;
  }
  try {
    make_thread();
    return true;
  } catch (...) {
    return false;
  }
}

/// Makes a deputy or a spare the keeper.      Preconditions  no keeper.      Returns  whom to wake; null if there is
/// none.
inline const atomic<std::uint32_t>* timer_service::promote() noexcept {
  keeper = deputy != nullptr ? std::exchange(deputy, nullptr) : spares.pop_back();
  return keeper != nullptr ? keeper->ring() : nullptr;
}

/// The last timer was taken out: the keeper shall not sleep until it would have been due.      Returns  whom to wake.
inline const atomic<std::uint32_t>* timer_service::was_emptied() noexcept {
  if (!queue.empty() || keeper == nullptr) return nullptr;
  return keeper->sleeps_beyond(saturated_sum(steady_now_ns(), linger_ns)) ? keeper->ring() : nullptr;
}

// ── the timer itself ──

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
///   Invariants  Who takes it out of the queue, under the lock, has decided: a thread that fires it, or cancel().
///   is_over
///               is set by that one, as its last deed to the object; the destructor waits for it, unless it runs in the
///               callback, which then finds timer_firing::destroyed.
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
    word_guard held(the_timers.lock);
    return started_ && (word_.load(memory_order_acquire) & is_over) == 0;
  }
  std::uint64_t missed() const noexcept {
    word_guard held(the_timers.lock);
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
  timer_service& s = the_timers;
  timer_queue::storage unused;  // freed without the lock
  const atomic<std::uint32_t>* wake = nullptr;
  std::unique_lock held(s.lock);
  for (;;) {  // whatever lets the lock go begins anew
    if (started_) throw usage_error("spool::timer: started twice");
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
    } else if (s.keeper == nullptr && s.arriving == 0 && (wake = s.promote()) == nullptr) {
      s.make_thread();
    } else {
      break;
    }
  }
  started_ = true;
  due_ns = saturated_sum(now, std::max<std::int64_t>(delay_ns_, 0));
  s.queue.insert(*this);
  if (timer_thread* const k = s.keeper) {
    if (k->sleeps_beyond(due_ns)) {
      wake = k->ring();
    } else if (k->in_callback()) {
      if (s.deputy == nullptr) {
        if (s.arriving == 0) s.summon_deputy();
      } else if (s.deputy->sleeps_beyond(std::max(due_ns, now + timer_service::grace_ns))) {
        wake = s.deputy->ring();
      }
    }
  }
  held.unlock();
  if (wake != nullptr) futex_wake_one(wake);
}

/// Returns  whether it was this call that keeps it from firing, once more or at all.
inline bool timer_core::cancel() noexcept {
  timer_service& s = the_timers;
  unique_function<void()> spent;  // destroyed last of all: it may own this very timer
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
    spent = std::move(call_);
  }
  if (wake != nullptr) futex_wake_one(wake);
  finish();
  return true;
}

inline timer_core::~timer_core() {
  if (is_callers()) {
    current_firing->destroyed = true;
    return;
  }
  timer_service& s = the_timers;
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
  if (is_callers()) throw usage_error("spool::timer: a callback that joins its own timer would wait for ever");
  {
    word_guard held(the_timers.lock);
    if (!started_) throw usage_error("spool::timer: joined before it was started");
  }
  return wait_until_over(until);
}

inline bool timer_core::wait_until_over(deadline until) const noexcept {
  std::uint32_t seen = word_.load(memory_order_acquire);                                       // (B)
  for (bool in_time = true; (seen & is_over) == 0; seen = word_.load(memory_order_acquire)) {  // (B)
    if (!in_time) return false;
    if ((seen & has_waiters) == 0 &&
        !word_.compare_exchange_strong(seen, seen | has_waiters, memory_order_relaxed, memory_order_relaxed)) {
      continue;
    }
    in_time = futex_wait(word_, has_waiters, until);
  }
  return true;
}

/// The next time on the grid that has not passed yet.
inline void timer_core::schedule_next(std::int64_t now_ns) noexcept {
  due_ns = saturated_sum(due_ns, interval_ns_);
  if (due_ns >= now_ns) return;
  const std::int64_t skipped = (now_ns - due_ns - 1) / interval_ns_ + 1;
  missed_ += static_cast<std::uint64_t>(skipped);
  due_ns = saturated_sum(due_ns, skipped * interval_ns_);
}

// ── what a thread does ──

inline void timer_thread::work(std::string name) noexcept {
  wake_on_time();
  const thread_record record(std::move(name), true);
  timer_service& s = the_timers;
  timer_queue::storage unused;  // freed without the lock
  s.lock.lock();
  --s.arriving;
  if (s.keeper == nullptr) s.keeper = this;
  while (serve()) {
  }
  if (--s.threads == 0 && s.queue.empty()) unused = s.queue.release();
  s.lock.unlock();
}

/// One thing after the other.      Preconditions  the lock is held.      Returns  false when the thread is to end.
inline bool timer_thread::serve() noexcept {
  timer_service& s = the_timers;
  if (s.keeper == nullptr) {
    if (s.deputy == this) s.deputy = nullptr;
    if (s.queue.empty()) return false;
    s.keeper = this;
  }
  if (s.keeper == this) return keep();
  if (s.deputy == nullptr) {
    s.deputy = this;
    seen_ticket_ = 0;
  }
  return s.deputy == this ? stand_by() : wait_as_spare();
}

/// Lets the lock go, and sleeps until rung, or that time.
inline void timer_thread::sleep(std::int64_t until_ns) noexcept {
  const std::uint32_t seen = ring_.load(memory_order_relaxed);
  wakes_at_ns_ = until_ns;
  the_timers.lock.unlock();
  futex_wait(ring_, seen, deadline::at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until_ns))));
  the_timers.lock.lock();
  wakes_at_ns_ = awake;
}

inline bool timer_thread::keep() noexcept {
  timer_service& s = the_timers;
  timer_node* const first = s.queue.front();
  bool just_looked = false;
  if (first == nullptr || first->due_ns > now_ns_) {
    now_ns_ = steady_now_ns();
    just_looked = true;
  }
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
  if (alone) {
    refused_ = !s.summon_deputy();
    return true;
  }
  // A deputy that was there all the time has its eye on this deadline; in a long row of due timers it looks by itself.
  if (just_looked && s.queue.size() > 1 && s.deputy != nullptr &&
      s.deputy->sleeps_beyond(now_ns_ + timer_service::grace_ns)) {
    futex_wake_one(s.deputy->ring());
  }
  fire(static_cast<timer_core&>(*first));
  return true;
}

inline bool timer_thread::stand_by() noexcept {
  timer_service& s = the_timers;
  timer_thread& k = *s.keeper;
  const std::int64_t now = steady_now_ns();
  if (seen_ticket_ != k.ticket_ || seen_ticket_ == 0) {
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
        first == nullptr ? idle_end : saturated_sum(std::max(first->due_ns, now), timer_service::grace_ns);
    sleep(now < idle_end ? std::min(next_look, idle_end) : next_look);
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
  the_timers.spares.push_back(*this);
  sleep(saturated_sum(steady_now_ns(), timer_service::retire_ns));
  if (!linked()) return true;
  the_timers.spares.erase(*this);
  return false;
}

/// Takes the timer out of the queue and runs its callback, without the lock.
inline void timer_thread::fire(timer_core& t) noexcept {
  timer_service& s = the_timers;
  const bool periodic = t.is_periodic();  // the timer may be gone after its callback
  s.queue.erase(t);
  if (periodic) ++s.repeating;
  ticket_ = ++s.tickets;
  in_callback_ = true;
  s.lock.unlock();

  timer_firing firing{&t};
  current_firing = &firing;
  unique_function<void()> call = std::move(t.call_);
  std::exception_ptr thrown;
  try {
    call();
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) report_unhandled(std::move(thrown));

  bool again = false;
  if (periodic) {
    if (!firing.destroyed) t.call_ = std::move(call);
    const std::int64_t now = steady_now_ns();
    s.lock.lock();
    --s.repeating;
    again = !firing.destroyed && !t.cancelled_;
    if (again) {
      t.schedule_next(now);
      s.queue.insert(t);
    } else {
      s.lock.unlock();
      if (!firing.destroyed) call = std::move(t.call_);
    }
  }
  if (!again) {
    call.reset();  // which may destroy the timer, too
    if (!firing.destroyed) t.finish();
    s.lock.lock();
  }
  current_firing = nullptr;
  in_callback_ = false;
}

}  // namespace spool::detail
