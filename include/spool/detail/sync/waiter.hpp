// spool/detail/sync/waiter.hpp · a waiting thread, on its own stack, that others call
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/detail/sync/hand_off.hpp>
#include <spool/detail/sync/spin.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A thread that waits to be called: once, with an answer.
///
/// The protocol of those who use it: a lock guards a list of sleepers. Who takes a sleeper out of the list under that
/// lock must call it, after unlocking; a sleeper that gives up takes the lock and looks: still listed, it unlinks
/// itself and is free; gone from the list, it waits for the call that is on its way. So each is called exactly once or
/// not at all, and what was counted under the lock stays true.
///
/// Synchronization  call() happens before the return of the sleep that it answers.
/// Complexity       call() makes a system call only if the thread is asleep.
/// Lifetime         The sleeper may be gone as soon as it heard: call() uses only its address after its one write.
///                  As a sleeper cannot leave before it is called, it keeps alive what it waits for until then.
class sleeper : public list_node {
public:
  /// What was called out; the users of a list agree on what the numbers mean.
  using answer = std::uint32_t;
  static constexpr answer none = 0;

  sleeper() noexcept = default;
  sleeper(const sleeper&) = delete;
  sleeper& operator=(const sleeper&) = delete;

  /// Sleeps until called, poked, or the deadline.      Returns  the answer, or none.
  answer sleep(deadline until) noexcept {
    std::uint32_t seen = word_.load(memory_order_acquire);  // (B)
    while (seen < first_answer && (seen & poked) == 0) {
      if (!fall_asleep(seen)) continue;
      const bool in_time = sleep_on(word_, seen, until);
      seen = word_.load(memory_order_acquire);  // (B)
      if (!in_time) break;
    }
    return seen >> answer_shift;
  }

  /// Waits for a call that is sure to come.
  answer sleep_until_called() noexcept {
    spin_until([this] { return heard_something(); });
    std::uint32_t seen = word_.load(memory_order_acquire);  // (B)
    while (seen < first_answer) {
      if (!fall_asleep(seen)) continue;
      sleep_on(word_, seen, deadline::never());
      seen = word_.load(memory_order_acquire);  // (B)
    }
    return seen >> answer_shift;
  }

  /// Whether it was called or poked.      Preconditions  it has not slept yet.
  bool heard_something() const noexcept { return word_.load(memory_order_relaxed) != 0; }

  /// Forgets the call it heard, to be called once more. A poke is not forgotten.
  /// Preconditions  not listed.
  void listen_again() noexcept { word_.fetch_and(poked, memory_order_relaxed); }

  /// Answers the sleeper, which may be gone when this returns.
  /// Preconditions  it was taken out of its list by the caller; a != none.
  void call(answer a) noexcept {
    const std::uint32_t before = word_.fetch_add(a << answer_shift, memory_order_release);  // (A)
    if ((before & asleep) == 0) return;
    my_hand_offs.woke_a_sleeper = true;
    futex_wake_one(&word_);
  }

  /// Makes it give up: this sleep, and all later ones that nobody answers, end at once.
  /// Preconditions  it stays alive until this returns (as std::stop_callback sees to).
  void poke() noexcept {
    const std::uint32_t before = word_.fetch_or(poked, memory_order_release);  // (A)
    if ((before & asleep) != 0) futex_wake_one(&word_);
  }

private:
  friend class call_list;

  //  bit 0       asleep  the thread may be in the kernel, and must be woken
  //  bit 1       poked   it shall give up; stays for good
  //  bits 2..31  answer  0 until it is called
  //
  //  answer  poked  asleep   meaning
  //    0       0      0      awake: about to be listed, or to fall asleep
  //    0       0      1      asleep, or about to wake for no reason or at its deadline
  //    0       1      *      gives up, unless it was taken out of its list: then waits for its call
  //    a       *      *      called
  //
  //  Invariant  only the thread itself sets or clears `asleep` and clears the answer; every other writer adds its bit
  //             first and then wakes if `asleep` was set: the futex's comparison catches what came before the sleep.
  //  (A) pairs with every (B): what the caller did before the call is seen by the thread that heard it.
  static constexpr std::uint32_t asleep = 1;
  static constexpr std::uint32_t poked = 2;
  static constexpr unsigned answer_shift = 2;
  static constexpr std::uint32_t first_answer = 1U << answer_shift;

  /// Announces the sleep.      Returns  false, `seen` being what the word is now, if somebody spoke first.
  bool fall_asleep(std::uint32_t& seen) noexcept {
    if ((seen & asleep) != 0) return true;
    if (!word_.compare_exchange_weak(seen, seen | asleep, memory_order_acquire)) return false;  // (B)
    seen |= asleep;
    return true;
  }

  atomic<std::uint32_t> word_{0};
  sleeper* next_called_ = nullptr;  // written by who took it out of its list, before the call
};

/// Sleepers taken out of their lists, to be called once the lock is let go; oldest first.
class call_list {
public:
  bool empty() const noexcept { return first_ == nullptr; }

  void push_back(sleeper& s) noexcept {
    s.next_called_ = nullptr;
    *(empty() ? &first_ : &last_->next_called_) = &s;
    last_ = &s;
  }

  /// Moves all of the other list behind this one's.
  void append(call_list& other) noexcept {
    if (other.empty()) return;
    *(empty() ? &first_ : &last_->next_called_) = other.first_;
    last_ = other.last_;
    other.first_ = nullptr;
  }

  /// Calls them all, with no lock held.
  void call_all(sleeper::answer a) noexcept {
    for (sleeper* s = first_; s != nullptr;) {
      sleeper* const next = s->next_called_;  // read before the call: s is gone after it
      s->call(a);
      s = next;
    }
    first_ = nullptr;
  }

private:
  sleeper* first_ = nullptr;
  sleeper* last_ = nullptr;  // meaningless while empty
};

}  // namespace spool::inline SPOOL_ABI::detail
