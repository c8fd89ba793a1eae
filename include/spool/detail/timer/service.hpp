// spool/detail/timer/service.hpp · the threads that wait for timers, and their roles
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/os_thread.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/platform/thread_watch.hpp>
#include <spool/detail/platform/thread_wide.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/detail/timer/heap.hpp>

namespace spool::inline SPOOL_ABI::detail {

class timer_core;

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
//  - While a timer waits and the keeper is in a callback, the deputy sleeps no longer than grace_ns, or one arrives. Only
//    if the system refuses that thread a timer may be as late as the callback makes it.
//  - When nothing has waited for linger_ns the keeper ends, and the others with it.
//  A ring is sent after the lock is let go, when the thread may be gone: it uses only the address.

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

  static constexpr std::int64_t awake = (std::numeric_limits<std::int64_t>::min)();

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
  static constexpr std::uint64_t nothing_seen = (std::numeric_limits<std::uint64_t>::max)();
  std::uint64_t seen_ticket_ = nothing_seen;
  std::int64_t seen_since_ns_ = 0;
  std::int64_t seen_cpu_ns_ = -1;
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

inline std::int64_t saturated_sum(std::int64_t a, std::int64_t not_negative) noexcept {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
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
    start_os_thread([number] { timer_thread().work("timers_" + std::to_string(number)); }).detach();
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
