// spool/detail/pool/schedule_point.hpp · where a coroutine goes on in a pool
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/future/resume.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/task.hpp>
#include <spool/detail/pool/worker.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What `co_await pool.schedule()` awaits: the rest of the coroutine, up to its next suspension, as a task of the pool.
/// It lies in the coroutine's frame, and is itself the entry in the queue, behind all that is there: a coroutine that
/// comes back again and again holds up nobody.
///
/// Lifetime  Once it is pushed the coroutine may go on, and end, in another thread: nothing here is touched any more.
class schedule_point final : public task {
public:
  explicit schedule_point(scheduler& pool) noexcept : pool_(pool) {}
  schedule_point(const schedule_point&) = delete;
  schedule_point& operator=(const schedule_point&) = delete;

  // ── what co_await calls ──

  bool await_ready() const noexcept { return false; }
  template <class Handle>
  bool await_suspend(Handle h) noexcept {
    coroutine_ = suspended_coroutine(h);
    return enter();
  }
  void await_resume() {
    if (std::exchange(cancelled_, false))
      throw cancelled_error(
          "spool::thread_pool: shut down with cancel_pending before the coroutine went on: catch this to clean up");
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  // ── task ──

  void run(worker& here) override {
    here.started();
    const at_scope_end finished([&here] { here.finished(); });
    future_state_base::run_callbacks_and_drop(resume_here(coroutine_));
  }
  void discard(scheduler& from, std::exception_ptr const& why) override {
    cancelled_ = why == nullptr;
    error_ = why;
    from.count_discarded();
    future_state_base::run_callbacks_and_drop(resume_here(coroutine_));
  }
  std::size_t size_in_bytes() const noexcept override { return sizeof(*this); }

private:
  /// Returns  false if the pool does not take it.
  bool enter() noexcept {
    std::exception_ptr refusal;
    scheduler::admission admitted(pool_, refusal, true);
    if (admitted) {
      admitted.push(*this);
      return true;
    }
    error_ = std::move(refusal);
    return false;
  }

  scheduler& pool_;
  suspended_coroutine coroutine_;
  std::exception_ptr error_;
  bool cancelled_ = false;
};

}  // namespace spool::inline SPOOL_ABI::detail
