// spool/detail/pool/submitted_task.hpp · the two kinds of task: one with a future, one without
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/base/caught.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/task.hpp>
#include <spool/detail/pool/worker.hpp>
#include <spool/detail/registry/block_cache.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a task that takes a stop token has more than others.
template <bool Stoppable>
struct stop_part {
  stoppable_entry stop;
  std::stop_token token() const noexcept { return stop.source.get_token(); }
};
template <>
struct stop_part<false> {};

/// Callable, result, waiters and queue entry of a submitted task, in one block.
///
/// Lifetime  Made with two handles: the future's, and the queue entry's, which is the handle of who runs it. Whoever
///           claims the task otherwise turns the entry into a mere hold on the block (abandon_entry).
template <class T, class Call>
class submitted_task : public future_state<T>, public task, private stop_part<Call::stoppable>, public recycled_block {
public:
  template <class... Parts>
  explicit submitted_task(scheduler& pool, Parts&&... parts) : future_state<T>(2), pool_(pool) {
    if constexpr (Call::stoppable) {
      ::new (static_cast<void*>(std::addressof(call_))) Call(this->token(), std::forward<Parts>(parts)...);
    } else {
      ::new (static_cast<void*>(std::addressof(call_))) Call(std::in_place, std::forward<Parts>(parts)...);
    }
  }
  ~submitted_task() noexcept override {}  // whatever the callable's destructor says of itself

  void run(worker& here) override {
    if (!this->claim()) return take_out_spent_entry(here.its_scheduler());
    run_claimed(here);
  }

  void discard(scheduler& from, std::exception_ptr const& why) override {
    const auto count = [&from] { from.count_discarded(); };
    bool callbacks = false;
    if (!(why == nullptr ? this->cancel_pending(count, callbacks) : fail(why, count, callbacks))) {
      take_out_spent_entry(from);
    } else if (callbacks) {
      this->run_callbacks_and_drop(this);
    } else {
      this->drop_handle();
    }
  }

  bool is_spent() const noexcept override { return this->current_phase() != future_state_base::pending; }
  std::size_t size_in_bytes() const noexcept override { return sizeof(*this); }

  task_host* its_host() const noexcept override { return &pool_; }
  bool may_start_now(bool out_of_turn) const noexcept override { return out_of_turn || !must_keep_its_turn(); }
  void run_awaited(task_thread& thread) override {
    if (pool_.is_decided() || !this->claim()) return this->drop_handle();  // whoever has the entry discards it
    leave_spent_entry();
    run_claimed(static_cast<worker&>(thread));
  }

  bool request_stop() noexcept override {
    if constexpr (Call::stoppable) {
      if (this->done()) return false;
      // A copy: a stop callback may end the wait of whoever drops the last handle.
      std::stop_source source = this->stop.source;
      return source.request_stop();
    }
    return false;
  }

protected:
  bool run_in_waiter(task_thread& thread, bool must) override {
    if (&thread.host() != &pool_) return false;
    worker& here = static_cast<worker&>(thread);
    if (!here.may_run_tasks()) return false;
    if (!must && (!here.has_room_on_stack() || !pool_.lets_begin_in_waiter())) return false;
    const bool taken_out = must_keep_its_turn() ? pool_.take_in_turn(*this) : here.own().pop_if(*this);
    if (!taken_out && !must && must_keep_its_turn()) return false;
    if (!this->claim()) {
      if (taken_out) take_out_spent_entry(pool_);
      return false;
    }
    if (!taken_out) leave_spent_entry();
    here.started_on_top();
    const auto end = [this, &here, taken_out](future_state_base::phase outcome) {
      const at_scope_end finished([this, &here, taken_out] {
        if (taken_out) this->drop_handle();  // the waiter has another
        here.finished_on_top();
      });
      if (this->settle(outcome)) this->run_callbacks();
    };
    end(execute(here, [&end, must](future_state_base::phase outcome) {
      // One that must run here lies on top of a wait that cannot be left: says so, before the program ends.
      if (must) report_unhandled(ended_its_thread());
      end(outcome);
    }));
    return true;
  }

  void discard_callable() noexcept override { call_.~Call(); }
  void cancelled_through_handle() noexcept override {
    leave_spent_entry();
    pool_.count_discarded();
  }
  void free_memory() noexcept override { delete this; }

  scheduler& its_pool() const noexcept { return pool_; }

  /// Whoever has claimed it otherwise than by taking its entry out of the queue leaves that there.
  void leave_spent_entry() noexcept {
    this->abandon_entry();
    count_spent_entry();
  }
  void count_spent_entry() noexcept { pool_.count_spent(spent_entry_count::weight_of(size_in_bytes())); }
  /// And this is done by whoever takes such an entry out.
  void take_out_spent_entry(scheduler& from) noexcept {
    from.count_spent_removed(spent_entry_count::weight_of(size_in_bytes()));
    this->drop_entry();
  }

private:
  /// With one worker, tasks from outside start in the order submitted, whoever waits for which.
  bool must_keep_its_turn() const noexcept { return this->from_outside && pool_.max_workers() == 1; }

  /// Runs it with a handle that is dropped at the end.
  void run_claimed(worker& here) {
    const auto end = [this, &here](future_state_base::phase outcome) {
      // A result that nobody waits for brings no new task.
      if (!this->is_only_handle()) here.about_to_be_free();
      const at_scope_end finished([&here] { here.finished(); });
      this->settle_and_drop(outcome, [&here] { here.busy_again(); });
    };
    end(execute(here, end));
  }

  /// Calls the callable, keeps what comes of it, destroys the callable: all of it before anyone sees the result.
  /// If the call ends the thread, has `end_with` make an error visible before that.
  template <class EndWith>
  future_state_base::phase execute(worker& here, EndWith&& end_with) {
    here.started();
    if constexpr (Call::stoppable) pool_.add_stoppable(this->stop);
    const auto end_call = [this] {
      if constexpr (Call::stoppable) pool_.remove_stoppable(this->stop);
      call_.~Call();
    };
    std::exception_ptr thrown = caught_from([this] { this->emplace_from(call_); },
                                            [&] {
                                              end_call();
                                              this->emplace_error(ended_its_thread());
                                              end_with(future_state_base::has_error);
                                            });
    end_call();
    if (thrown == nullptr) return future_state_base::has_value;
    this->emplace_error(std::move(thrown));
    return future_state_base::has_error;
  }

  /// Ends it with an error of the library's. As a cancelled task it is done before anything of the user's runs.
  /// Returns  whether this call did it; the caller is told whether there are callbacks to be run.
  template <class LeftThePool>
  bool fail(std::exception_ptr why, LeftThePool&& left_the_pool, bool& callbacks) noexcept {
    if (!this->claim()) return false;
    this->emplace_error(std::move(why));
    callbacks = this->settle(future_state_base::has_error);
    left_the_pool();
    call_.~Call();
    return true;
  }

  scheduler& pool_;  // alive until the task has ended
  union {
    Call call_;  // alive in phase pending and, until it has returned, running
  };
};

/// A task that nobody waits for. What it throws goes to the excepthook.
template <class Call>
class posted_task final : public task, public recycled_block {
public:
  template <class... Parts>
  explicit posted_task(Parts&&... parts) : call_(std::forward<Parts>(parts)...) {}

  void run(worker& here) override {
    here.started();
    const auto end = [this, &here](std::exception_ptr thrown) {
      delete this;
      const at_scope_end finished([&here] { here.finished(); });
      if (thrown != nullptr) report_unhandled(std::move(thrown));
    };
    end(caught_from([this] { static_cast<void>(call_()); }, [&end] { end(ended_its_thread()); }));
  }

  void discard(scheduler& from, std::exception_ptr const&) noexcept override {
    from.count_discarded();
    delete this;
  }
  std::size_t size_in_bytes() const noexcept override { return sizeof(*this); }

private:
  Call call_;
};

}  // namespace spool::inline SPOOL_ABI::detail
