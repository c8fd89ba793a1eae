// spool/detail/pool/continuation.hpp · a task that enters its pool when another result is there
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/future/result.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/submitted_task.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/future.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a call that waits for a result is made of: the callable is moved only when there is memory for it.
template <class T, class F>
struct continuation_parts {
  const future<T>& source;
  F&& f;
};

/// A callable, and the result that it is to be called with.
template <class T, class F, bool Taken>
class continuation_call {
  using fit = continuation_of<F, T, Taken>;

public:
  template <class G>
  explicit continuation_call(continuation_parts<T, G>&& parts) : source_(parts.source), f_(std::forward<G>(parts.f)) {}

  decltype(auto) operator()() &&
    requires fit::fits
  {
    return call_with_result<Taken>(std::move(f_), future_access::state(source_));
  }
  decltype(auto) operator()(std::stop_token token) &&
    requires fit::stoppable
  {
    return call_with_result<Taken>(std::move(f_), future_access::state(source_), std::move(token));
  }

private:
  const future<T> source_;  // until it is called its state keeps this one, and this one its state: no longer
  [[no_unique_address]] F f_;
};

/// What then(pool, f) makes: a submitted task that is not in its pool yet. Its queue entry stands in the source's list of
/// callbacks first, and goes from there into the pool's queue.
///
///  stage      the entry is                       who cancels through a handle
///  outside    in the source's list, or taken     takes it out, unless the source is done: then whoever comes with the
///             from it to be run                  entry drops it; lets the pool go
///  entering   on its way into the pool           leaves the rest to who brings it in
///  inside     in the pool, counted by it         counts it as discarded
///  left       a mere hold on the block           -
///
/// Lifetime  Until it is inside, or has ended, it keeps what is behind the pool; then the pool waits for its end.
template <class T, class U, class Call>
class pool_continuation final : public submitted_task<U, Call>, public done_callback {
  using base = submitted_task<U, Call>;

public:
  template <class Parts>
  pool_continuation(scheduler& pool, future_state<T>& source, Parts&& parts)
      : base(pool, std::forward<Parts>(parts)), done_callback(source) {
    this->mark_as_continuation();
    pool.add_owner();
  }

  using base::run;
  future_state_base* run(future_state_base& source) noexcept override {
    scheduler& pool = this->its_pool();
    const future_state_base::phase found = source.current_phase();
    if (found == future_state_base::has_error) {
      return end_with(std::exception_ptr(source.error()), outside);
    }
    if (found == future_state_base::was_cancelled) {
      bool callbacks = false;
      if (!this->cancel_pending([&pool] { pool.drop_owner(); }, callbacks)) return drop_spent_entry();
      if (callbacks) return this;
      this->drop_handle();
      return nullptr;
    }
    if (stage_.exchange(entering, memory_order_acq_rel) == left) return drop_spent_entry();
    std::exception_ptr refusal;
    scheduler::admission admitted(pool, refusal);
    if (!admitted) return end_with(std::move(refusal), entering);
    this->add_handle_after_lookers();  // for the look at the stage: it may run, drop its source and end at once
    admitted.push(*this);
    if (stage_.exchange(inside, memory_order_acq_rel) == left) {
      this->count_spent_entry();
      pool.count_discarded();
    }
    this->drop_handle();
    pool.drop_owner();
    return nullptr;
  }

  bool may_start_now(bool out_of_turn) const noexcept override {
    return is_inside() && base::may_start_now(out_of_turn);
  }

protected:
  future_state_base* source_in(future_state_base::phase found) noexcept override {
    const bool has_one = found == future_state_base::pending && stage_.load(memory_order_acquire) == outside;
    return has_one ? this->source_ : nullptr;
  }
  bool run_in_waiter(task_thread& thread, bool must) override {
    return is_inside() && base::run_in_waiter(thread, must);
  }
  void cancelled_through_handle() noexcept override {
    scheduler& pool = this->its_pool();
    const stage was = stage_.exchange(left, memory_order_acq_rel);
    if (was == outside && this->source_->withdraw(*this)) {
      this->drop_handle();  // the entry's; the canceller has another
    } else {
      this->abandon_entry();
    }
    if (was == outside) pool.drop_owner();
    if (was == inside) {
      this->count_spent_entry();
      pool.count_discarded();
    }
  }

private:
  enum stage : std::uint8_t { outside, entering, inside, left };

  bool is_inside() const noexcept { return stage_.load(memory_order_acquire) == inside; }

  future_state_base* drop_spent_entry() noexcept {
    this->drop_entry();
    return nullptr;
  }

  /// Ends it with an error, without having been in the pool.
  future_state_base* end_with(std::exception_ptr error, stage from) noexcept {
    scheduler& pool = this->its_pool();
    const bool mine = this->claim_from_lookers();
    if (mine) {
      this->discard_callable();
      this->emplace_error(std::move(error));
    }
    // Who has cancelled it from outside lets the pool go, too.
    const bool callbacks = mine && this->settle_or_drop(future_state_base::has_error, [] {});
    if (!mine) this->drop_entry();
    if (mine || from == entering) pool.drop_owner();
    return callbacks ? this : nullptr;
  }

  atomic<stage> stage_{outside};
};

/// Has f called in the pool with the result of `source`.
template <bool Taken, class T, class F>
auto continue_in(scheduler& pool, const future<T>& source, F&& f) {
  using continuation = continuation_of<std::decay_t<F>, T, Taken>;
  using result = typename continuation::result;
  using call = bound_call<continuation_call<T, std::decay_t<F>, Taken>>;
  future_state<T>& waited_for = future_access::state(source);
  auto* const made =
      new pool_continuation<T, result, call>(pool, waited_for, continuation_parts<T, F>{source, std::forward<F>(f)});
  future<result> handle = future_access::adopt<result>(made);
  waited_for.add_callback(*made);
  return handle;
}

}  // namespace spool::inline SPOOL_ABI::detail
