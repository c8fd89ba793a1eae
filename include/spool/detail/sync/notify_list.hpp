// spool/detail/sync/notify_list.hpp · threads that sleep in a row and are released one by one, exactly
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <type_traits>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/cpu.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/hand_off.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A row of waiting threads, oldest first. A release ends exactly as many waits as it says, and nothing else ends one
/// but its deadline or its stop.
///
/// Synchronization  A release happens before the return of every wait that it ends.
/// Lifetime         May die once a release has come for every waiter, even before they have run on, and while the
///                  release is still returning. Those that just then gave up are waited for until they are out.
class wait_list {
public:
  class waiter;

  constexpr wait_list() noexcept = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;
  constexpr ~wait_list() {  // constexpr: g++ 14 and later want that of whatever is declared constinit with {}
    if (!std::is_constant_evaluated()) {
      if (lock_.note() != nobody) await_leavers();
    }
  }

  /// Enters the caller at the end of the row; wait() must follow.
  /// Returns  false, not entered, if a stop has come.
  bool join(waiter& w) noexcept;

  /// Waits for a release, or a stop, until the deadline.      Returns  whether it was released.
  /// Preconditions  joined.
  bool wait(waiter& w, deadline until) noexcept;

  /// Leaves the row before any wait(); if a release has ended the wait already, the next in the row gets it.
  /// Preconditions  joined.
  void withdraw(waiter& w) noexcept;

  /// Ends the n oldest waits, or all if there are fewer.
  void release(unsigned n) noexcept;

  /// Ends the waiter's wait, if it waits in the row, and those to come. From any thread, while the waiter lives.
  static void stop(waiter& w, wait_list* row) noexcept;

private:
  bool leave(waiter& w) noexcept;
  bool take_out(waiter& w) noexcept;
  void await_leavers() noexcept;
  static void finish(waiter& w, std::uint32_t how) noexcept;

  enum note : std::uint32_t { nobody, somebody };  // on lock_, for a release that looks without it
  word_lock lock_;
  intrusive_list<waiter> row_;  // guarded by lock_
};

/// A waiting thread, on its own stack; it may wait again and again.
class wait_list::waiter : public list_node {
public:
  /// may_give_up  whether it will wait with a deadline, leave, or be stopped.
  explicit waiter(bool may_give_up) noexcept : may_give_up_(may_give_up) {}

private:
  //  word_            meaning                                                            written by
  //  idle             not in the row                                                     the waiter
  //  awake            in the row; looks at the word, or has not come to that yet         the waiter
  //  asleep           in the row; sleeps on the word, or is about to                     the waiter
  //  claimed          how the wait ends is decided; the waiter looks at the word         who decided
  //  claimed_asleep   the same; the waiter sleeps on the word, or is about to            who decided, or the waiter
  //  released         over, by a release                                                 the release
  //  stopped          over, by a stop                                                    the stop
  //
  //  Invariants
  //    1  A wait that may give up is decided by who makes the word claimed: a release, a stop, or the waiter itself.
  //       A wait that may not is decided by the release that takes it out of the row.
  //    2  Once a release has decided, neither the waiter nor a stop uses the row: it may be gone. If one of these has
  //       decided, it takes the waiter out of the row itself, and keeps the row alive until it has. Once the word says
  //       released or stopped, nobody else uses the waiter but for the word's address: it may be gone too.
  //    3  Asleep and claimed_asleep: who writes the outcome wakes.
  //
  //  (A) writing the outcome (release) pairs with (B) the waiter's reading of it (acquire).
  //  (C) a stop leaves stop_came_, then looks at the word; (D) the waiter makes the word awake, then looks at
  //      stop_came_. All four sequentially consistent: one of the two sees the other.
  enum state : std::uint32_t { idle, awake, asleep, claimed, claimed_asleep, released, stopped };

  friend class wait_list;

  bool claim() noexcept {
    std::uint32_t seen = word_.load(memory_order_seq_cst);  // (C)
    while (seen == awake || seen == asleep) {
      if (word_.compare_exchange_weak(seen, seen == awake ? claimed : claimed_asleep, memory_order_seq_cst))
        return true;
    }
    return false;
  }
  bool over() const noexcept { return word_.load(memory_order_acquire) >= released; }  // (B)

  atomic<std::uint32_t> word_{idle};
  const bool may_give_up_;
  bool oldest_ = false;            // when it joined; the waiter's own
  atomic<bool> stop_came_{false};  // it is to wait no more
  waiter* next_out_ = nullptr;     // of those that one release takes out; the release's own
};

inline bool wait_list::join(waiter& w) noexcept {
  lock_.lock();
  w.oldest_ = row_.empty();
  row_.push_back(w);
  w.word_.store(waiter::awake, memory_order_seq_cst);  // (D)
  lock_.unlock(somebody);
  return !w.stop_came_.load(memory_order_seq_cst) || !leave(w);  // (D)
}

inline bool wait_list::wait(waiter& w, deadline until) noexcept {
  // Only the oldest spins: the others are not next.
  if (w.oldest_ && !until.passed()) my_hand_offs.spin_until([&w] { return w.over(); }, until);
  for (;;) {
    std::uint32_t seen = w.word_.load(memory_order_acquire);  // (B)
    if (seen >= waiter::released) return seen == waiter::released;
    if (seen == waiter::awake || seen == waiter::claimed) {
      const std::uint32_t sleeping = seen == waiter::awake ? waiter::asleep : waiter::claimed_asleep;
      if (!w.word_.compare_exchange_strong(seen, sleeping, memory_order_relaxed)) continue;
      seen = sleeping;
    }
    const bool in_time = sleep_on(w.word_, seen, seen == waiter::asleep ? until : deadline::never());
    if (!in_time && leave(w)) return false;
  }
}

/// Gives up.      Returns  false if another has decided how the wait ends.
inline bool wait_list::leave(waiter& w) noexcept {
  if (!w.claim()) return false;
  take_out(w);
  return true;
}

/// The end of a row where all have been released, but some had given up before and have not left yet.
SPOOL_COLD inline void wait_list::await_leavers() noexcept {
  const auto all_left = [this] {
    bool some = false;
    lock_.lock();
    for (waiter* w = row_.empty() ? nullptr : &row_.front(); w != nullptr; w = row_.after(*w)) {
      const std::uint32_t seen = w->word_.load(memory_order_relaxed);
      some = some || seen == waiter::claimed || seen == waiter::claimed_asleep;
    }
    lock_.unlock();
    return !some;
  };
  while (!all_left()) let_another_run();
}

inline void wait_list::withdraw(waiter& w) noexcept {
  if (!take_out(w) && wait(w, deadline::never())) release(1);
}

inline void wait_list::release(unsigned n) noexcept {
  if (n == 0 || lock_.note() == nobody) return;
  waiter* first = nullptr;
  waiter** last = &first;
  lock_.lock();
  waiter* oldest = row_.empty() ? nullptr : &row_.front();
  while (n != 0 && oldest != nullptr) {
    waiter& w = *oldest;
    oldest = row_.after(w);
    if (w.may_give_up_ && !w.claim()) continue;  // it gave up, and comes for the lock to leave
    row_.erase(w);
    *last = &w;
    last = &w.next_out_;
    --n;
  }
  *last = nullptr;
  lock_.unlock(row_.empty() ? nobody : somebody);
  while (first != nullptr) {
    waiter& w = *first;
    first = w.next_out_;
    finish(w, waiter::released);
  }
}

inline void wait_list::stop(waiter& w, wait_list* row) noexcept {
  w.stop_came_.store(true, memory_order_seq_cst);  // (C)
  if (!w.claim()) return;
  row->take_out(w);
  finish(w, waiter::stopped);
}

inline void wait_list::finish(waiter& w, std::uint32_t how) noexcept {
  const atomic<std::uint32_t>* const address = &w.word_;
  const std::uint32_t before = w.word_.exchange(how, memory_order_release);  // (A)
  const bool sleeps = before == waiter::asleep || before == waiter::claimed_asleep;
  if (sleeps) futex_wake_one(address);
  my_hand_offs.woke_a_sleeper = sleeps;
}

/// Returns  false if it was not in the row any more: a release has ended its wait.
inline bool wait_list::take_out(waiter& w) noexcept {
  lock_.lock();
  const bool listed = w.linked();
  if (listed) row_.erase(w);
  lock_.unlock(row_.empty() ? nobody : somebody);
  return listed;
}

}  // namespace spool::inline SPOOL_ABI::detail
