// spool/detail/future/task_wait.hpp · which pools are told that a thread waits for a result
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <spool/detail/base/min_max.hpp>
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
  future_state_base* const next = next_elsewhere();
  task_host* const host = next != nullptr ? next->its_host() : guest_scope::innermost_host(own_host_);
  if (visited_ != nullptr && visited_ != host) leave();
  if (host == nullptr || visited_ == host) return deadline::never();
  const bool in_its_loop = guest_scope::is_in_loop_of(host);
  if (!in_its_loop && !std::exchange(has_slept_, true)) return deadline::after(a_while);
  if (next != nullptr && !next->hold_host()) return deadline::never();  // done just now: this wakes the thread
  if (next == nullptr) host->hold();
  const bool may_hold_locks = own_host_ != nullptr || guest_scope::is_here();
  visit(*host, in_its_loop ? wait_role::guest : may_hold_locks ? wait_role::helper : wait_role::visitor);
  return deadline::never();
}

/// A result of another pool than the worker's own that is not there yet, if possible one that has not started. Looks at
/// a bounded number of those that are not there, so that a range of many costs O(1) a wait.
inline future_state_base* task_wait::next_elsewhere() noexcept {
  constexpr std::size_t most_looked_at = 64;
  const auto is_elsewhere = [this](const future_state_base* s) {
    return s != nullptr && !s->done() && s->its_host() != nullptr && s->its_host() != own_host_;
  };
  std::size_t& at = awaited_.elsewhere;
  while (at < awaited_.count && !is_elsewhere(awaited_.first[at])) ++at;
  future_state_base* running = nullptr;
  const std::size_t end = at + smaller_of(awaited_.count - at, most_looked_at);
  for (std::size_t i = at; i < end; ++i) {
    future_state_base* const s = awaited_.first[i];
    if (!is_elsewhere(s)) continue;
    if (s->current_phase() == future_state_base::pending) return s;
    if (running == nullptr) running = s;
  }
  return running;
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
