// spool/detail/pool/waiting.hpp · how a pool goes on while threads wait for its tasks
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/worker.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline void scheduler::begin_wait(pool_wait& wait) noexcept {
  const worker* const here = wait.role == wait_role::worker ? static_cast<worker*>(wait.thread) : nullptr;
  if (here != nullptr && here->tells_of_break_) be_broken();
  awaited_.add(wait, *this);
  if (wait.role == wait_role::guest) most_awake_.fetch_add(1, memory_order_seq_cst);
  if (wait.role != wait_role::worker) return;
  add_to_word(0 - pool_word::one_awake);
  bound_.leave();
}

inline void scheduler::end_wait(pool_wait& wait) noexcept {
  if (wait.role == wait_role::guest) most_awake_.fetch_sub(1, memory_order_seq_cst);
  if (wait.role == wait_role::worker) {
    bound_.enter_anyway();
    add_to_word(pool_word::one_awake);
  }
  if (awaited_.remove(wait)) find_lookout();
}

inline deadline scheduler::ask_again(pool_wait& wait) noexcept {
  // No lookout may fall asleep for long, so it is one from nap to nap only.
  if (std::exchange(wait.is_lookout, false)) awaited_.resign(wait);
  bool refused = false;
  if (wait.role != wait_role::visitor) {
    const room r = stands_still(wait) ? room::for_one_too_many : room::for_max_workers;
    const auto is_refused = [&] { return wants_another(load_word(), r) && any_work() && !try_summon(r); };
    refused = is_refused();
    if (refused && wait.thread != nullptr && wait.awaited->needs_all) {
      if (run_on_stack_of(wait)) return short_nap();
      refused = is_refused();  // a lookout that saw this thread counted as awake has left the work to it
    }
  }
  if ((refused || debt_.is_owed()) && keeps_lookout(wait)) return short_nap();
  if (wait.word == nullptr) return earlier(wait.next_look, deadline::after(std::chrono::seconds(1)));
  wait.asleep.store(1, memory_order_seq_cst);  // (A)
  if (debt_.is_owed() && keeps_lookout(wait)) {
    wait.asleep.store(0, memory_order_relaxed);
    return short_nap();
  }
  return wait.next_look;
}

inline deadline scheduler::short_nap() noexcept { return deadline::after(std::chrono::milliseconds(10)); }

/// No thread is to be had: what the caller waits for runs here, however high the stack. Meanwhile it is awake.
/// Returns  whether something ran.
inline bool scheduler::run_on_stack_of(pool_wait& wait) noexcept {
  find_lookout();
  add_to_word(pool_word::one_awake);
  const awaited_results& all = *wait.awaited;
  bool ran = false;
  for (std::size_t i = 0; i < all.count && !ran; ++i) {
    ran = all.first[i] != nullptr && all.first[i]->run_origin_in_waiter(*wait.thread, true);
  }
  add_to_word(0 - pool_word::one_awake);
  return ran;
}

// ── a pool that stands still ──

/// Whether nothing has started for a while though the caller waits for a task that has not: those that run may all be
/// blocked by a lock that the caller holds. Then the pool has to have one more awake than it may, if it is to go on; it
/// runs only what is waited for. Another may come only if all stand still again, and for long: the first may be blocked
/// in turn, but where tasks merely take their time, there is but one too many. See pause_before_extra_ns() for how many
/// there can come to be.
inline bool scheduler::stands_still(pool_wait& wait) noexcept {
  const awaited_board::outlook outlook = awaited_.look(wait, *this);
  if (outlook == awaited_board::outlook::nothing) {
    wait.next_look = deadline::never();
    return false;
  }
  const bool just_begun = wait.next_look.is_never();
  if (outlook == awaited_board::outlook::now && has_stood_still_of_late() && grants_extra(wait)) {
    wait.next_look = deadline::after(std::chrono::nanoseconds(least_patience_ns));
    wait.started = unknown_count;
    return true;
  }
  if (!just_begun && !wait.next_look.passed()) return false;
  const bool beside_extra = extras_.load(memory_order_seq_cst) >= one_extra;
  const std::int64_t patience = patience_ns_.load(memory_order_relaxed);
  const std::int64_t watched_ns = just_begun ? 0 : wait.patience_ns;
  if (outlook == awaited_board::outlook::later) {
    // It comes by itself, or is brought by a thread that does not know of this wait: looked for less and less often.
    wait.patience_ns = just_begun ? patience : smaller_of(2 * wait.patience_ns, longest_look_ns);
  } else {
    wait.patience_ns = beside_extra ? most_patience_ns : patience;
  }
  wait.next_look = deadline::after(std::chrono::nanoseconds(wait.patience_ns));
  // Most waits are short: nothing is counted for them.
  const std::uint64_t now = just_begun ? unknown_count : started_so_far();
  const std::uint64_t before = std::exchange(wait.started, now);
  if (just_begun || now != before) wait.still_ns = 0;
  if (outlook == awaited_board::outlook::later || now == unknown_count || before == unknown_count) return false;
  if (now != before) {
    patience_ns_.store(smaller_of(2 * patience, most_patience_ns), memory_order_relaxed);
    return false;
  }
  wait.still_ns += watched_ns;
  if (beside_extra && wait.still_ns < patience_beside_extra_ns) return false;
  patience_ns_.store(larger_of(patience / 4, least_patience_ns), memory_order_relaxed);
  stood_still_until_ns_.store(steady_now_ns() + patience + 4 * least_patience_ns, memory_order_relaxed);
  return grants_extra(wait);
}

/// Whether one more than may be awake may run something that is waited for, be it before its turn.
inline bool scheduler::grants_extra(pool_wait& wait) noexcept {
  awaited_.let_overtake(wait, *this);
  if (load_word().awake() < most_awake_.load(memory_order_seq_cst)) return false;  // there is room for another as it is
  std::uint32_t extras = extras_.load(memory_order_seq_cst);
  if ((extras & extra_granted) != 0) return true;
  const std::int64_t time = steady_now_ns();
  if (time - last_grant_ns_.load(memory_order_relaxed) < pause_before_extra_ns(extras / one_extra)) return false;
  if (!extras_.compare_exchange_strong(extras, extras | extra_granted, memory_order_seq_cst, memory_order_relaxed))
    return false;
  last_grant_ns_.store(time, memory_order_relaxed);
  return true;
}

/// Whether the caller, being one too many, may run something that is waited for; then return_grant() afterwards.
///
/// Where the pool has stood still of late it needs no grant, if there is no other extra one. Whoever waits has been put
/// on the board before it looks whether there is one; whoever has ended being that looks at the board, under its lock: so
/// one of them sees the other.
inline bool scheduler::take_grant() noexcept {
  std::uint32_t seen = extras_.load(memory_order_seq_cst);
  while ((seen & extra_granted) != 0 || (seen == 0 && has_stood_still_of_late() && awaited_.has_startable())) {
    if (extras_.compare_exchange_weak(seen, (seen & ~extra_granted) + one_extra, memory_order_seq_cst,
                                      memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// ── a pool that was refused a thread ──

/// Makes one more worker search, if nobody searches and there is room.
/// Returns  false if one is needed and the system refuses it; then somebody else will ask again.
inline bool scheduler::summon(room r) noexcept {
  if (try_summon(r)) return true;
  find_lookout();
  return false;
}

/// The same, save that the caller sees to it that somebody asks again. A first refusal may be of a moment only.
inline bool scheduler::try_summon(room r) noexcept {
  constexpr auto longest_pause = std::chrono::microseconds(400);
  const bool first_refusal = !debt_.is_owed();
  for (auto pause = std::chrono::microseconds(100);; pause *= 2) {
    const std::uint32_t debt = debt_.seen();
    if (summon_once(r)) {
      debt_.settle(debt);
      return true;
    }
    debt_.incur();
    if (!first_refusal || pause > longest_pause) return false;
    pause_for(pause);
  }
}

inline void scheduler::pause_for(std::chrono::microseconds d) noexcept {
  const atomic<std::uint32_t> nobody{0};
  const deadline until = deadline::after(d);
  while (futex_wait(nobody, 0, until)) continue;
}

/// A thread is owed: has one that sleeps look out, if there is one and none does.
inline void scheduler::find_lookout() noexcept {
  while (debt_.is_owed() && blocked_lookout_.load(memory_order_seq_cst) == nullptr && !awaited_.has_lookout()) {
    const atomic<std::uint32_t>* word = awaited_.sleeping_candidate();
    if (word == nullptr) word = blocked_candidate();
    if (word == nullptr) return;
    futex_wake_all(word);
    pause_for(std::chrono::microseconds(50));  // it may only just be falling asleep
  }
}

/// What a worker sleeps on in code of the user's; null if none does.
inline const atomic<std::uint32_t>* scheduler::blocked_candidate() const noexcept {
  const atomic<std::uint32_t>* word = nullptr;
  active_.find([&word](const worker& w) { return (word = w.sleeps_on()) != nullptr; });
  return word;
}

/// Whether the caller, about to sleep, has to ask again soon, as it is the lookout. Asks now.
inline bool scheduler::keeps_lookout(pool_wait& wait) noexcept {
  while (awaited_.become_lookout(wait)) {
    ask_for_owed();
    wait.is_lookout = debt_.is_owed();
    if (wait.is_lookout) return true;
    awaited_.resign(wait);
    if (!debt_.is_owed()) return false;  // else it was refused while there was a lookout, and nobody was woken
  }
  return false;
}

inline deadline worker::before_sleep() noexcept { return pool_.look_out_blocked(*this); }
inline void worker::after_sleep() noexcept { pool_.resign_blocked(*this); }

/// The worker is about to sleep in code of the user's: while a thread is owed, one of those that do is the lookout.
/// Returns  when it has to ask again.
inline deadline scheduler::look_out_blocked(worker& w) noexcept {
  const auto resign = [this] { blocked_lookout_.store(nullptr, memory_order_seq_cst); };
  if (blocked_lookout_.load(memory_order_relaxed) == &w) resign();  // it is one from nap to nap only
  while (debt_.is_owed()) {
    worker* none = nullptr;
    if (!blocked_lookout_.compare_exchange_strong(none, &w, memory_order_seq_cst, memory_order_relaxed)) break;
    ask_for_owed();
    if (debt_.is_owed()) return short_nap();
    resign();  // whoever was refused before this has told nobody else
  }
  return deadline::never();
}

inline void scheduler::resign_blocked(worker& w) noexcept {
  if (blocked_lookout_.load(memory_order_relaxed) != &w) return;
  blocked_lookout_.store(nullptr, memory_order_seq_cst);
  find_lookout();
}

/// Asks for the thread that is owed, if there is something to do for one.
inline void scheduler::ask_for_owed() noexcept {
  const std::uint32_t debt = debt_.seen();
  if (wants_another(load_word()) && any_work()) {
    try_summon(room::for_max_workers);
  } else {
    debt_.settle(debt);  // those that are awake do the work
  }
}

/// A task has ended: asks again, but not so often that it would delay the next.
inline void scheduler::pay_debt() noexcept {
  const std::int64_t now = steady_now_ns();
  std::int64_t due = next_payment_ns_.load(memory_order_relaxed);
  if (now < due) return;
  if (!next_payment_ns_.compare_exchange_strong(due, now + 5'000'000, memory_order_relaxed, memory_order_relaxed))
    return;
  const std::uint32_t debt = debt_.seen();
  if (!wants_another(load_word()) || !any_work()) return debt_.settle(debt);
  summon();
}

}  // namespace spool::inline SPOOL_ABI::detail
