// spool/detail/queue/gate_waits.hpp · the slow paths of queue_core: waiting, calling, joining, shutting down
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stop_token>

#include <spool/detail/queue/gate.hpp>

namespace spool::inline SPOOL_ABI::detail {

SPOOL_COLD inline bool queue_core::wait_unlocked(side s, deadline until) {
  if (until.passed()) return false;
  spin(s, until);
  sleeper self;
  return wait_asleep(self, s, until);
}

SPOOL_COLD inline bool queue_core::wait_unlocked(side s, std::stop_token const& stop) {
  if (stop.stop_requested()) return false;
  spin(s, deadline::never());
  sleeper self;
  // Runs in the thread that requests the stop, or right here if that came first; its end waits for a run elsewhere.
  const std::stop_callback on_stop(stop, [&self]() noexcept { self.poke(); });
  return wait_asleep(self, s, deadline::never());
}

/// Locks when it is ready, asleep until then.      Returns  false, not locked, after the deadline or a poke.
inline bool queue_core::wait_asleep(sleeper& self, side s, deadline until) {
  row& sleepers = s == getting ? getters_ : putters_;
  bool gives_up = false;
  for (bool lost = false;; lost = true) {
    lock_.lock();
    if (ready(s)) return true;
    if (gives_up || ended(s)) return unlock_or_throw(s);
    lost ? sleepers.push_front(self) : sleepers.push_back(self);
    lock_.unlock();
    if (self.sleep(until) == sleeper::none) {
      gives_up = true;
      lock_.lock();
      if (self.linked()) {
        sleepers.erase(self);
        // Not called, so what is ready now others are called for; but they would wait if they came too late.
        if (ready(s)) return true;
        return unlock_or_throw(s);
      }
      lock_.unlock();
      self.sleep_until_called();
    } else {
      my_hand_offs.woke_a_sleeper = false;
    }
    self.listen_again();
  }
}

SPOOL_COLD inline void queue_core::call_some(row& sleepers, std::size_t most) noexcept {
  call_list called;
  take_out(sleepers, most, called);
  lock_.unlock();
  my_hand_offs.woke_a_sleeper = !called.empty();
  called.call_all(look);
}

inline void queue_core::unlock_after_returning(std::size_t gone, std::size_t back, std::size_t size) noexcept {
  call_list called;
  on_loan_ -= gone + back;
  size_.store(size, memory_order_relaxed);
  if (discards_) {
    count_done(back);
    if (unfinished_ == 0) take_out(joiners_, all, called);
  } else {
    take_out(getters_, ended(getting) ? all : back, called);  // those for whom nothing came back end
  }
  lock_.unlock();
  my_hand_offs.woke_a_sleeper = !called.empty();
  called.call_all(look);
}

inline void queue_core::task_done() {
  lock_.lock();
  if (unfinished_ == 0) {
    lock_.unlock();
    throw usage_error(
        "spool::queue: task_done() was called more often than items were put: call it once for each that was taken");
  }
  if (--unfinished_ != 0) {
    lock_.unlock();
  } else {
    unlock_and_call(joiners_, all);
  }
}

/// Returns  whether everything was done before the deadline.
inline bool queue_core::join(deadline until) noexcept {
  sleeper self;
  lock_.lock();
  if (unfinished_ == 0 || until.passed()) {
    const bool done = unfinished_ == 0;
    lock_.unlock();
    return done;
  }
  joiners_.push_back(self);
  lock_.unlock();
  if (self.sleep(until) != sleeper::none) return true;
  lock_.lock();
  const bool listed = self.linked();
  if (listed) joiners_.erase(self);
  lock_.unlock();
  if (!listed) self.sleep_until_called();
  return !listed;
}

template <class Discard, class Destroy>
void queue_core::shutdown(bool immediate, Discard&& discard, Destroy&& destroy) noexcept {
  call_list waiting;
  call_list joining;
  lock_.lock();
  shut_.store(true, memory_order_release);
  if (immediate) {
    discards_ = true;
    discard();
    count_done(size());
    size_.store(0, memory_order_relaxed);
    if (unfinished_ == 0) take_out(joiners_, all, joining);
  }
  take_out(getters_, all, waiting);
  take_out(putters_, all, waiting);
  lock_.unlock();
  waiting.call_all(look);
  if (immediate) destroy();  // before join() returns, if it was waiting for these
  joining.call_all(look);
}

}  // namespace spool::inline SPOOL_ABI::detail
