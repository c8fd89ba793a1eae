// spool/detail/timer/service.hpp · the threads that wait for timers, and their roles
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/base/unique_function.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/os_thread.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/platform/signal_mask.hpp>
#include <spool/detail/platform/thread_watch.hpp>
#include <spool/detail/platform/thread_wide.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/detail/timer/heap.hpp>

namespace spool::inline SPOOL_ABI::detail {

class timer_core;
struct timer_firing;

//  One thread, the keeper, sleeps until the first timer is due, runs its callback itself, and goes on: so a callback
//  begins as soon as the system has woken one thread, and callbacks begin in the order of their deadlines. Should one
//  block, another thread must take over in time for the next timer: the deputy, which is there only while timers fire
//  with others waiting, and looks at the keeper shortly after each deadline.
//
//  role        how many   sleeps until                                     becomes
//  keeper      0 or 1     the first timer is due                           a straggler, if a callback blocks it
//  deputy      0 or 1     grace_ns after the first timer is due, or after  the keeper, if that one is blocked
//                         it saw the keeper in a callback
//  straggler   any        (its callback blocks)                            deputy or spare
//  spare       any        retire_ns are over                               deputy or keeper
//
//  Invariants  All is guarded by timer_service::lock.
//  - While a timer waits there is a keeper, or a thread that arrives and will be it.
//  - A keeper sleeps no longer than until the first timer is due: who puts in an earlier one rings it.
//  - While a timer waits and the keeper is in a callback, the deputy sleeps no longer than grace_ns, or one arrives. If
//    the system refuses that thread, the keeper asks for a while, every nap_ns, before it runs the callback, and so does
//    start() while one runs; then everybody asks who starts, cancels or joins a timer, or is about to run another callback,
//    and, every join_nap_ns, a thread whose callback sleeps in a lock, a queue, an event or a join of the library. Only a
//    callback that computes or is blocked by other means, while nobody does anything with timers, may make another as late
//    as itself.
//  - A start() that returns has a keeper, or a thread that the system has granted already: one that is still being made,
//    for another start(), may be refused.
//  - When nothing has waited for linger_ns the keeper ends, and the others with it.
//  A ring is sent after the lock is let go, when the thread may be gone: it uses only the address.

/// One thread of the timers; lives on its own stack.
class timer_thread final : public blocked_thread, public list_node {
public:
  timer_thread() noexcept = default;
  timer_thread(const timer_thread&) = delete;
  timer_thread& operator=(const timer_thread&) = delete;

  /// What the thread does from its start to its end.
  void work(std::string name);

  /// Has it look around.      Returns  where to wake it, once the lock is let go.
  const atomic<std::uint32_t>* ring() noexcept {
    ring_.fetch_add(1, memory_order_relaxed);
    wakes_at_ns_ = awake;
    return &ring_;
  }
  /// Whether it would sleep beyond that time. Not if it is awake: it will look before it sleeps.
  bool sleeps_beyond(std::int64_t ns) const noexcept { return wakes_at_ns_ > ns; }
  bool in_callback() const noexcept { return in_callback_; }
  /// Whether it asks for a deputy while its callback sleeps, if it does.
  bool asks() const noexcept { return asks_; }

private:
  deadline before_sleep() noexcept override;
  bool serve();
  bool keep();
  bool stand_by() noexcept;
  bool wait_as_spare() noexcept;
  void fire(timer_core& t);
  void after_callback(timer_core& t, timer_firing& firing, unique_function<void()>& call, bool periodic) noexcept;
  void leave() noexcept;
  void sleep(std::int64_t until_ns) noexcept;

  static constexpr std::int64_t awake = (std::numeric_limits<std::int64_t>::min)();

  atomic<std::uint32_t> ring_{0};     // changed under the lock, slept on
  std::int64_t wakes_at_ns_ = awake;  // when it will look around by itself
  bool in_callback_ = false;
  bool asks_ = false;
  std::uint64_t ticket_ = 0;  // of the callback that it runs, or ran last
  const thread_watch watch_{};

  // As keeper.
  std::int64_t now_ns_ = 0;         // when it last looked
  std::int64_t idle_since_ns_ = 0;  // 0 while timers wait
  std::uint64_t seen_arrivals_ = 0;
  bool refused_ = false;  // the system, a deputy, since it last slept

  // As deputy: what it has seen of the keeper.
  static constexpr std::uint64_t nothing_seen = (std::numeric_limits<std::uint64_t>::max)();
  std::uint64_t seen_ticket_ = nothing_seen;
  std::int64_t seen_since_ns_ = 0;
  std::int64_t seen_cpu_ns_ = -1;
};

/// A thread that waits for a timer. It sees to the timers' threads if the system refuses one.
struct timer_joiner : list_node {
  static constexpr std::uint32_t look_again = 4;  // added to the word, which so differs from what the joiner has seen

  explicit timer_joiner(atomic<std::uint32_t>& w) noexcept : word(w) {}
  atomic<std::uint32_t>& word;  // the timer's, on which it sleeps
};

/// Process state: built at compile time, never destroyed. Its threads are detached; the program ends without them.
struct timer_service {
  static constexpr std::string_view process_name = "timers";

  static constexpr std::int64_t linger_ns = 50'000'000;  // a thread costs 50 us to make: one in a thousand
  static constexpr std::int64_t retire_ns = 1'000'000'000;
  static constexpr std::int64_t grace_ns = 200'000;         // a callback that takes longer is looked at
  static constexpr std::int64_t busy_ns = 1'000'000;        // one that computes longer is taken for one that blocks
  static constexpr std::int64_t patience_ns = 100'000'000;  // whatever it does: preempted for so long
  static constexpr std::int64_t headstart_ns = 300'000;     // what making a deputy may take
  static constexpr std::int64_t hope_ns = 100'000'000;      // a refused thread is worth this delay, once
  static constexpr std::int64_t nap_ns = 2'000'000;         // and is asked for again after this time ...
  static constexpr std::int64_t join_nap_ns = 10'000'000;   // ... by those who wait for a timer, or in a callback

  word_lock lock;  // guards all that follows, and the timers
  timer_queue queue;
  timer_thread* keeper = nullptr;
  timer_thread* deputy = nullptr;
  intrusive_list<timer_thread> spares;
  intrusive_list<timer_joiner> joiners;
  std::uint32_t threads = 0;          // made, and not at their end
  std::uint32_t making = 0;           // of them, those that the system may still refuse
  std::int32_t arriving = 0;          // those made that have no role yet, less those with a role that count as `making`
  std::uint32_t repeating = 0;        // periodic timers in their callbacks: each will want its room in the queue again
  std::uint64_t tickets = 0;          // callbacks so far
  std::int64_t refused_since_ns = 0;  // 0: the system has granted the last thread that was asked for

  bool is_one_on_its_way() const noexcept { return arriving + static_cast<std::int32_t>(making) != 0; }
  bool has_deputy() const noexcept { return deputy != nullptr || is_one_on_its_way(); }
  bool is_hopeful(std::int64_t now_ns) const noexcept {
    return refused_since_ns != 0 && now_ns - refused_since_ns < hope_ns;
  }

  void make_thread();
  bool summon_deputy() noexcept;
  void have_joiners_look() noexcept;
  bool ask_for_deputy() noexcept;
  void hope_for_deputy() noexcept;
  void have_keeper_ask() noexcept;
  bool ask_again() noexcept;
  const atomic<std::uint32_t>* promote() noexcept;
  const atomic<std::uint32_t>* whom_to_wake(std::int64_t due_ns, std::int64_t now_ns) noexcept;
  const atomic<std::uint32_t>* was_emptied() noexcept;
};

inline timer_service& the_timers() noexcept { return process_wide<timer_service>::get(); }

/// The callback that the calling thread runs.
struct timer_firing {
  timer_core* timer;  // null once its own callback has destroyed it

  bool destroyed() const noexcept { return timer == nullptr; }
};
struct timer_firing_slot {
  static constexpr std::string_view process_name = "timer firing";
  timer_firing* pointer = nullptr;
};
inline constexpr thread_pointer<timer_firing_slot> current_firing{};
inline const bool timers_found_at_start = (the_timers(), thread_wide<timer_firing_slot>::get(), true);

inline std::int64_t saturated_sum(std::int64_t a, std::int64_t not_negative) noexcept {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  return a > most - not_negative ? most : a + not_negative;
}

// ── making and finding threads ──

/// Starts one more thread; it will find its role itself.
/// Preconditions  the lock is held; it is let go meanwhile.
/// Throws         std::system_error or std::bad_alloc, the lock held.
inline void timer_service::make_thread() {
  ++making;
  const std::uint32_t number = threads++;
  lock.unlock();
  try {
    const signal_mask_scope the_programs_signals_are_not_for_it(signal_mask::all_but_faults());
    start_os_thread([number] { timer_thread().work("timers_" + std::to_string(number)); }).detach();
  } catch (...) {
    lock.lock();
    --making;
    --threads;
    if (refused_since_ns == 0) {
      refused_since_ns = steady_now_ns();
      have_joiners_look();
    }
    throw;
  }
  lock.lock();
  --making;
  ++arriving;
  refused_since_ns = 0;
}

/// Preconditions  the lock is held; it may be let go meanwhile; no deputy.
inline bool timer_service::summon_deputy() noexcept {
  if (timer_thread* t = spares.pop_back()) {
    refused_since_ns = 0;
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

/// Preconditions  the lock is held.
inline void timer_service::have_joiners_look() noexcept {
  timer_joiner* j = joiners.empty() ? nullptr : &joiners.front();
  for (; j != nullptr; j = joiners.after(*j)) {
    j->word.fetch_add(timer_joiner::look_again, memory_order_relaxed);
    futex_wake_all(&j->word);
  }
}

/// If a callback runs while timers wait, and no other thread looks after these, asks for one.
/// Preconditions  the lock is held; it may be let go meanwhile.
/// Returns        false if the system refuses it.
inline bool timer_service::ask_for_deputy() noexcept {
  if (queue.empty() || keeper == nullptr || !keeper->in_callback() || has_deputy()) return true;
  return summon_deputy();
}

/// The same for a thread that can wait a moment, if the system has just begun to refuse.
inline void timer_service::hope_for_deputy() noexcept {
  while (is_hopeful(steady_now_ns()) && !ask_for_deputy()) {
    lock.unlock();
    const atomic<std::uint32_t> nobody_wakes{0};
    futex_wait(nobody_wakes, 0, deadline::after(std::chrono::nanoseconds(nap_ns)));
    lock.lock();
  }
}

/// The system refuses a deputy: has the keeper ask again, if its callback sleeps where it can.
/// Preconditions  the lock is held; it is let go meanwhile.
inline void timer_service::have_keeper_ask() noexcept {
  while (refused_since_ns != 0 && !queue.empty() && !has_deputy() && keeper != nullptr && !keeper->asks()) {
    const atomic<std::uint32_t>* const word = keeper->sleeps_on();
    if (word == nullptr) return;
    lock.unlock();
    futex_wake_all(word);
    const atomic<std::uint32_t> nobody_wakes{0};
    futex_wait(nobody_wakes, 0, deadline::after(std::chrono::microseconds(50)));  // it may only just be falling asleep
    lock.lock();
  }
}

/// Asks for another thread if the system refused the last one and timers wait, whether it is needed just now or not.
/// Preconditions  the lock is held; it may be let go meanwhile.
/// Returns        whether the system still refuses.
inline bool timer_service::ask_again() noexcept {
  if (refused_since_ns == 0 || queue.empty()) return false;
  if (!has_deputy()) summon_deputy();
  return refused_since_ns != 0;  // also while another thread asks, and may be refused
}

/// Makes the deputy or a spare the keeper, which there is none.      Returns  whom to wake; null if nobody is there.
inline const atomic<std::uint32_t>* timer_service::promote() noexcept {
  keeper = deputy != nullptr ? std::exchange(deputy, nullptr) : spares.pop_back();
  return keeper != nullptr ? keeper->ring() : nullptr;
}

/// A timer was put in: a keeper that is asleep, or the deputy of one that is in a callback, may sleep for too long.
/// Returns  whom to wake; null if nobody.
inline const atomic<std::uint32_t>* timer_service::whom_to_wake(std::int64_t due_ns, std::int64_t now_ns) noexcept {
  if (keeper == nullptr) return nullptr;
  if (keeper->sleeps_beyond(due_ns)) return keeper->ring();
  const std::int64_t in_time = saturated_sum(due_ns > now_ns ? due_ns : now_ns, grace_ns);
  return keeper->in_callback() && deputy != nullptr && deputy->sleeps_beyond(in_time) ? deputy->ring() : nullptr;
}

/// The last timer was taken out: the keeper shall not sleep until it would have been due.      Returns  whom to wake.
inline const atomic<std::uint32_t>* timer_service::was_emptied() noexcept {
  if (!queue.empty() || keeper == nullptr) return nullptr;
  return keeper->sleeps_beyond(saturated_sum(steady_now_ns(), linger_ns)) ? keeper->ring() : nullptr;
}

}  // namespace spool::inline SPOOL_ABI::detail
