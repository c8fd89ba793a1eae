// spool/detail/future/origin.hpp · from a result that continues others to the one that has to be done first
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/future/state_base.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Goes from lock to lock, each taken before the last is given back, and always towards the source: two threads that do
/// this cannot wait for each other in a circle.
template <class F>
auto future_state_base::with_origin(F&& f, std::size_t& most_steps) noexcept {
  future_state_base* at = this;
  word_lock* keeps_it = nullptr;  // held: of the one before, whose source it is
  bool arrived = true;
  while (at->is_continuation()) {
    if (most_steps == 0) {
      arrived = false;
      break;
    }
    --most_steps;
    at->list_lock_.lock();
    future_state_base* const source = at->source_in(phase_of(at->word_.fetch_or(observed, memory_order_acq_rel)));
    if (source == nullptr) {
      at->list_lock_.unlock();
      break;
    }
    if (keeps_it != nullptr) keeps_it->unlock();
    keeps_it = &at->list_lock_;
    at = source;
  }
  const auto found = arrived ? f(*at) : std::invoke_result_t<F&, future_state_base&>{};
  if (keeps_it != nullptr) keeps_it->unlock();
  return found;
}

SPOOL_COLD inline bool future_state_base::run_far_origin(task_thread& here, bool must) {
  future_state_base* const origin = with_origin([](future_state_base& s) {
    s.add_handle();
    return &s;
  });
  const at_scope_end dropped([origin] { origin->drop_handle(); });
  const bool ran = origin->run_in_waiter(here, must);
  if (ran) run_put_off_callbacks();  // they may be what leads from the origin to this one
  return ran;
}

}  // namespace spool::inline SPOOL_ABI::detail
