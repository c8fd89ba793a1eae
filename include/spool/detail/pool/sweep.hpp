// spool/detail/pool/sweep.hpp · takes the entries of cancelled tasks out of the queues, workers busy or not
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <spool/detail/config.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/spent_entries.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Precedes the count of the task as ended, so that the pool is still there.
inline void scheduler::count_spent(std::uint32_t weight) noexcept {
  if (spent_.add(weight)) sweep_if_worthwhile();
}

/// A sweep visits every entry: it pays where more are spent than waiting. Beyond the queues' number, as it visits them, too.
SPOOL_COLD inline void scheduler::sweep_if_worthwhile() noexcept {
  const std::size_t spent = spent_.count();
  if (spent <= spent_entry_count::few + worker_count() / 4) return;
  if (spent > spent_entry_count::few + pending()) sweep();
}

/// Drops the spent entries of the lanes and of the caller's deque, and, if that is not most of them, of the other deques.
///
/// Invariant  No task that waits is lost: one that leaves a deque comes back to it, or into a lane, before the sweep is
///            over. A worker that looked in between may have parked: another is called afterwards, as after a push.
///            Who discards what is pending waits for a sweep under way, and no sweep begins after it.
/// Order      That of each lane and of the caller's deque stays. What waits in another worker's deque comes behind a lane.
inline void scheduler::sweep() noexcept {
  if (!sweeping_.try_lock()) return;  // that sweep is of use to us as well
  spent_entry_list found;
  bool moved = false;
  if (decided() == nullptr) {
    for (std::size_t i = 0; i < lane_count_; ++i) lanes_[i].remove_spent(found);
    const worker* const here = is_here() ? static_cast<worker*>(current_task_thread) : nullptr;
    if (here != nullptr) moved = sweep_own_deque(found);
    if (2 * found.weight() < spent_.count()) {
      active_.for_each([&](worker& w) {
        if (&w != here && sweep_deque(w.own_, found)) moved = true;
      });
    }
  }
  sweeping_.unlock();
  if (moved && wants_another(load_word())) summon();
  while (task* const t = found.pop()) t->discard(*this, nullptr);
}

/// Takes each entry from the one end, and puts it back at the other: all are in their order again.
/// Returns  whether any was put back.
inline bool scheduler::sweep_own_deque(spent_entry_list& found) noexcept {
  work_deque& own = static_cast<worker*>(current_task_thread)->own_;
  bool moved = false;
  for (std::size_t left = own.size(); left != 0; --left) {
    task* const t = own.steal();
    if (t == nullptr || found.add_if_spent(*t)) continue;
    if (!own.push(*t)) push_into_lane(*t);  // it has not grown: there is room
    moved = true;
  }
  return moved;
}

/// The same for the deque of another worker, whose end only that worker knows.
inline bool scheduler::sweep_deque(work_deque& deque, spent_entry_list& found) noexcept {
  bool moved = false;
  for (std::size_t left = deque.size(); left != 0; --left) {
    task* const t = deque.steal();
    if (t == nullptr || found.add_if_spent(*t)) continue;
    push_into_lane(*t);
    moved = true;
  }
  return moved;
}

}  // namespace spool::inline SPOOL_ABI::detail
