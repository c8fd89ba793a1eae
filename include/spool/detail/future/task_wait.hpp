// spool/detail/future/task_wait.hpp · which pools are told that a thread waits for a result
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/future/origin.hpp>
#include <spool/detail/future/state_base.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/sync/blocking.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline task_wait::task_wait(awaited_results& awaited, const atomic<std::uint32_t>* word) noexcept : awaited_(awaited) {
  own_.word = visit_.word = word;
  enter_own();
}

inline task_wait::task_wait(task_host& pool, const atomic<std::uint32_t>* word) noexcept
    : awaited_(nothing_), visited_always_(&pool) {
  own_.word = visit_.word = word;
  enter_own();
  if (own_host_ != &pool) visit(pool, wait_role::visitor);
}

inline task_wait::~task_wait() {
  own_.asleep.store(0, memory_order_relaxed);
  leave();
  if (own_host_ != nullptr) own_host_->end_wait(own_);
}

/// From here until it has asked this thread counts as asleep for no pool: one that looks for a sleeper waits until that
/// one has heard, and this thread may have to do the same for another pool.
inline deadline task_wait::nap(deadline until) noexcept {
  own_.asleep.store(0, memory_order_relaxed);
  visit_.asleep.store(0, memory_order_relaxed);
  until = earlier(until, choose_visit());
  if (own_host_ != nullptr) until = earlier(until, own_host_->ask_again(own_));
  if (visited_ != nullptr) until = earlier(until, visited_->ask_again(visit_));
  return until;
}

inline void task_wait::enter_own() noexcept {
  if (current_task_thread == nullptr) return;
  own_host_ = &current_task_thread->host();
  own_.thread = current_task_thread;
  own_.role = wait_role::worker;
  own_.awaited = &awaited_;
  own_.at = &awaited_.own;
  own_host_->begin_wait(own_);
}

/// Most waits are short: another pool than the worker's own learns of one only when it has lasted for a while, unless
/// this thread has a place in it to lend.
/// Returns  when to choose again at the latest.
inline deadline task_wait::choose_visit() noexcept {
  constexpr auto a_while = std::chrono::milliseconds(20);
  if (visited_always_ != nullptr) return deadline::never();
  const result_elsewhere next = next_elsewhere();
  task_host* const host = next.host != nullptr ? next.host : guest_scope::innermost_host(own_host_);
  if (visited_ != nullptr && visited_ != host) leave();
  if (host == nullptr || visited_ == host) return next_choice(next.may_change);
  const bool in_its_loop = guest_scope::is_in_loop_of(host);
  if (!in_its_loop && !std::exchange(has_slept_, true)) return deadline::after(a_while);
  // If it cannot be held that result is done just now: this wakes the thread, unless it leads to another.
  if (next.host != nullptr && !holds_host_of(next)) return next_choice(next.may_change);
  if (next.host == nullptr) host->hold();
  const bool may_hold_locks = own_host_ != nullptr || guest_scope::is_here();
  visit(*host, in_its_loop ? wait_role::guest : may_hold_locks ? wait_role::helper : wait_role::visitor);
  return next_choice(next.may_change);
}

/// What continues another result goes from pool to pool, and nobody tells: looked at less and less often.
inline deadline task_wait::next_choice(bool may_change) noexcept {
  if (!may_change) return deadline::never();
  constexpr auto longest = std::chrono::milliseconds(8'000);
  until_next_choice_ = smaller_of(2 * until_next_choice_, longest);
  return deadline::after(until_next_choice_);
}

/// A result that is not there yet, and that is another pool's than the worker's own, or whose origin is; if possible one
/// that has not started. Looks at a bounded number of those that are not there, so that a range of many costs O(1) a wait.
inline task_wait::result_elsewhere task_wait::next_elsewhere() noexcept {
  constexpr std::size_t most_looked_at = 64;
  std::size_t way = 1'024;
  result_elsewhere running;
  const auto is_through = [this](const future_state_base* s) {
    return s == nullptr || s->done() ||
           (!s->is_continuation() && (s->its_host() == nullptr || s->its_host() == own_host_));
  };
  std::size_t& at = awaited_.elsewhere;
  while (at < awaited_.count && is_through(awaited_.first[at])) ++at;
  const std::size_t end = at + smaller_of(awaited_.count - at, most_looked_at);
  for (std::size_t i = at; i < end; ++i) {
    future_state_base* const s = awaited_.first[i];
    if (is_through(s)) continue;
    running.may_change = running.may_change || s->is_continuation();
    bool has_not_started = false;
    const auto host_of = [&](const future_state_base& origin) -> task_host* {
      has_not_started = origin.current_phase() == future_state_base::pending;
      task_host* const host = origin.done() ? nullptr : origin.its_host();
      return host == own_host_ ? nullptr : host;
    };
    std::size_t any_way = static_cast<std::size_t>(-1);
    task_host* const host = s->with_origin(host_of, i == at ? any_way : way);
    if (host == nullptr) continue;
    if (has_not_started) return {s, host, running.may_change};
    if (running.host == nullptr) running.result = s, running.host = host;
  }
  return running;
}

/// Keeps the pool that was found, if it still has to do with that result.
inline bool task_wait::holds_host_of(const result_elsewhere& found) noexcept {
  return found.result->with_origin(
      [&found](future_state_base& origin) { return origin.its_host() == found.host && origin.hold_host(); });
}

inline void task_wait::visit(task_host& pool, wait_role role) noexcept {
  visited_ = &pool;
  visit_.role = role;
  visit_.awaited = &awaited_;
  visit_.at = &awaited_.visited;
  pool.begin_wait(visit_);
}

inline void task_wait::leave() noexcept {
  if (visited_ == nullptr) return;
  visited_->end_wait(visit_);
  if (visited_always_ == nullptr) visited_->let_go();
  visited_ = nullptr;
}

}  // namespace spool::inline SPOOL_ABI::detail
