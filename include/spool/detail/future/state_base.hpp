// spool/detail/future/state_base.hpp · the one word behind a result: phase, waiters, callbacks, references
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/future/callback_nesting.hpp>
#include <spool/detail/future/observers.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/hand_off.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a result goes through, whatever its type. One block on the heap holds it, its result and its callable.
///
/// Lifetime  Handles (futures, the promise, who runs the task) keep the result alive; the block itself also stays while a
///           queue still holds its entry, though someone else has run or cancelled it.
class future_state_base {
public:
  //  bits 0..2   phase
  //  bit 3       sleepers   a thread may sleep on this word
  //  bit 4       observed   the list may hold observers or callbacks
  //  bits 5..6   blocks     one as long as there are handles, one more for an entry in a queue that was abandoned
  //  bit 7       more       handle_chunks_ is not 0
  //  bits 8..31  handles    without those in handle_chunks_
  //
  //  phase        done()   entered by                        left by
  //  pending      no       construction                      one CAS: claim(), begin_set(), cancel()
  //  running      no       claim()                           its one claimer
  //  setting      no       begin_set(): a promise is written its one setter (back to the phase before, if writing throws)
  //  cancelling   yes      cancel(): the callable is dying   the canceller
  //  value, error, cancelled   yes, settled: never left; the result may be read, the callable is gone
  //
  //  Invariants  The CAS out of pending has one winner, who alone touches callable and result until it settles.
  //              Settling and `sleepers` are in one word: a sleeper's bit set before is seen and woken, one set after sees
  //              the settled phase. Likewise `observed`: it is set under the list's lock, before anything joins the list.
  //              The last handle destroys the contents, the last block frees the memory.
  //              While `more` is set the handles in the word are many more than there are threads: a thread that has
  //              seen few fetches a chunk before it drops its own. So no drop takes the last of these for the last of all.
  //  (A) settling releases the result; (B) every load that finds a settled phase acquires it.
  //  (C) dropping releases what its owner did with the contents; (D) the last one acquires all that.
  enum phase : std::uint32_t { pending, running, setting, cancelling, has_value, has_error, was_cancelled };

  future_state_base(const future_state_base&) = delete;
  future_state_base& operator=(const future_state_base&) = delete;

  phase current_phase() const noexcept { return phase_of(word_.load(memory_order_acquire)); }  // (B)
  bool done() const noexcept { return current_phase() >= cancelling; }
  bool settled() const noexcept { return current_phase() >= has_value; }
  bool is_running() const noexcept {
    const phase p = current_phase();
    return p == running || p == setting;
  }
  bool is_cancelled() const noexcept {
    const phase p = current_phase();
    return p == cancelling || p == was_cancelled;
  }

  // ── who produces the result ──

  /// Moves from pending to running.      Returns  whether the caller is the one who runs it.
  bool claim() noexcept { return leave(pending, running); }

  /// The same for what continues another result: once it returns, nobody looks at that one by way of this, see
  /// with_origin().
  bool claim_from_lookers() noexcept {
    std::uint32_t before = 0;
    if (!leave(pending, running, &before)) return false;
    if ((before & observed) != 0) wait_for_lookers();
    return true;
  }

  /// Claims the right to write the result from where it is, pending or running.
  /// Returns  whether the caller may; `before` is then the phase to go back to, if writing throws.
  bool begin_set(phase& before) noexcept {
    for (before = pending; before <= running; before = static_cast<phase>(before + 1)) {
      if (leave(before, setting)) return true;
    }
    return false;
  }
  void undo_set(phase before) noexcept { leave(setting, before); }

  /// Makes the result visible, releases every waiter and tells every observer.
  /// Returns  whether run_callbacks() has something to run.
  bool settle(phase final) noexcept {
    std::uint32_t seen = word_.load(memory_order_relaxed);
    while (!word_.compare_exchange_weak(seen, (seen & references) | final, memory_order_acq_rel,  // (A)
                                        memory_order_relaxed)) {
    }
    if ((seen & sleepers) != 0) futex_wake_all(&word_);
    return (seen & observed) != 0 && tell_observers(final == has_error);
  }

  /// The same and drop_handle() in one write, so that usually whoever reads the result also destroys it. `before_more` is
  /// called before any of the user's code is run here.
  /// Throws  what ends the thread in a callback, all done.
  template <class BeforeMore>
  void settle_and_drop(phase final, BeforeMore&& before_more) {
    if (!settle_or_drop(final, before_more)) return;
    before_more();
    const at_scope_end dropped([&] { drop_handle(before_more); });
    run_callbacks();
  }

  /// The same, save that callbacks are left to the caller.
  /// Returns  whether there are some; then the handle is still there, too.
  template <class BeforeEnd>
  bool settle_or_drop(phase final, BeforeEnd&& before_end) noexcept {
    std::uint32_t seen = word_.load(memory_order_relaxed);
    while ((seen & observed) == 0 && seen / one_handle > 1) {
      const std::uint32_t settled_and_dropped = ((seen & references) | final) - one_handle;
      if (word_.compare_exchange_weak(seen, settled_and_dropped, memory_order_acq_rel,
                                      memory_order_relaxed)) {  // (A) (C)
        if ((seen & sleepers) != 0) futex_wake_all(&word_);     // the block may be gone
        return false;
      }
    }
    if (settle(final)) return true;
    drop_handle(std::forward<BeforeEnd>(before_end));
    return false;
  }

  /// Cancels it if it has not started.      Returns  whether this call did it.
  ///
  /// It is done before anything of the user's runs: the callable's destructor and the callbacks may wait for this very
  /// result, or for all of the pool, or destroy the pool. `left_the_pool` is called in between.
  ///
  /// Throws  what ends the thread in a callback, all done.
  template <class LeftThePool>
  bool cancel_pending(LeftThePool&& left_the_pool) {
    bool callbacks = false;
    if (!cancel_pending(std::forward<LeftThePool>(left_the_pool), callbacks)) return false;
    if (callbacks) run_callbacks();
    return true;
  }
  /// The same, save that the callbacks are left to the caller, who is told whether there are some.
  template <class LeftThePool>
  bool cancel_pending(LeftThePool&& left_the_pool, bool& callbacks) noexcept {
    std::uint32_t seen = 0;
    if (!leave(pending, cancelling, &seen)) return false;
    if ((seen & sleepers) != 0) futex_wake_all(&word_);
    if ((seen & observed) != 0) tell_observers(false);
    left_the_pool();
    discard_callable();
    callbacks = settle(was_cancelled);
    return true;
  }

  /// Runs the callbacks collected, in the order added, with no lock held. Those of a result that one of them completes
  /// come before its next, as if they had been run inside. Too deep inside other callbacks they are put off.
  ///
  /// Preconditions  it is settled, and the caller keeps a handle.
  /// Throws         what ends the thread in a callback (pthread_exit() and the like); the others have been run then. If
  ///                another of them ends the thread once more, the program ends.
  SPOOL_COLD void run_callbacks() {
    if (my_callbacks.is_full()) return put_off_callbacks();
    const guest_scope scope;
    const callback_level level;
    run_callbacks_here();
    run_put_off_callbacks();
  }

  /// The same for what a callback or a coroutine has completed, if it has completed anything.
  static void run_callbacks_and_drop(future_state_base* completed) {
    if (completed == nullptr) return;
    const at_scope_end dropped([completed] { completed->drop_handle(); });
    completed->run_callbacks();
  }

  /// Runs what was put off in this thread. Whoever waits for a result calls this first: it may depend on them.
  static void run_put_off_callbacks() {
    if (my_callbacks.has_put_off()) run_all_put_off();
  }

  // ── who waits for it ──

  /// Cancels it if it has not started.      Returns  whether it is cancelled now.
  SPOOL_COLD bool cancel() {
    return cancel_pending([this] { cancelled_through_handle(); }) || is_cancelled();
  }

  /// Waits until it is done.      Returns  false if the deadline passed first.
  bool wait(deadline until) { return done() || wait_for_phase(cancelling, until); }

  /// Waits until, besides, its callable is gone.
  void wait_settled() noexcept {
    if (!settled()) wait_for_phase(has_value, deadline::never());
  }

  /// Runs the task in the calling thread, if that is one of its pool's and it has not started.
  /// Unless it must, it leaves what would lie too high on the stack to another thread.
  /// Throws  what ends the thread in the task, which has ended then: with the thread ends the task that waits, too.
  virtual bool run_in_waiter(task_thread&, bool must = false) {
    static_cast<void>(must);
    return false;
  }
  /// The same for what has to be done first, if this continues another result: its origin.
  bool run_origin_in_waiter(task_thread& here, bool must = false) {
    return is_continuation() ? run_far_origin(here, must) : run_in_waiter(here, must);
  }
  /// Runs it here and now, and what has to be done first, as far as it is the thread's pool's and has not started.
  void run_if_pending(task_thread& here) {
    if (current_phase() != pending && !is_continuation()) return;
    while (run_origin_in_waiter(here)) continue;
  }

  // ── what has to be done before it ──
  //
  // Whoever waits for the result of then(f) waits for the task at the other end, and so that is what a pool runs first. It
  // is found by way of the results in between, each of which keeps the next: its source.
  //
  //  Invariant  What has a source keeps it while it is pending, and itself by the handle of its entry in the source's list.
  //             Whoever looks at the source sets `observed` while it is pending, under the list's lock, and keeps that
  //             lock; whoever ends that phase and finds `observed` takes the lock before he lets go of source or entry.

  /// Calls f with the result that has to be done first: this one if it continues no other, or that one is done. It cannot
  /// go meanwhile. One step for each result in between, no stack.
  /// Returns  what f returns; nothing, an empty value, if there are more steps than that.
  /// Preconditions  the caller keeps a handle, or a lock that keeps one, but no list's lock.
  template <class F>
  auto with_origin(F&& f, std::size_t& most_steps) noexcept;
  template <class F>
  auto with_origin(F&& f) noexcept {
    std::size_t any = static_cast<std::size_t>(-1);
    return with_origin(f, any);
  }

  /// Returns once whoever has looked at the source, by way of this one, does so no more.
  SPOOL_COLD void wait_for_lookers() noexcept { word_guard held(list_lock_); }
  /// Whether it may have a source.
  bool is_continuation() const noexcept { return (marks_.load(memory_order_relaxed) & continuation) != 0; }
  /// Whether a thread of that pool has nothing to do for it, now and later.
  bool needs_no_start_by(const task_host& pool) const noexcept {
    if (is_continuation()) return done();
    return current_phase() != pending || its_host() != &pool;
  }

  /// The pool whose task it is; null if it is none's. To be compared only, see hold_host().
  virtual task_host* its_host() const noexcept { return nullptr; }
  /// Keeps that pool for the caller, who has to let it go.      Returns  false if it is done, or is no task.
  ///
  /// Lifetime  The pool does not end before its task has. A task that ends while it is observed takes the list's lock
  ///           after it is done, and before it is counted: what is not done under this lock has its pool.
  bool hold_host() noexcept {
    task_host* const host = its_host();
    if (host == nullptr) return false;
    word_guard held(list_lock_);
    if (phase_of(word_.fetch_or(observed, memory_order_acq_rel)) >= cancelling) return false;  // (B)
    host->hold();
    return true;
  }
  /// Whether a thread of its pool may run it at once; `out_of_turn`: though others were submitted earlier.
  /// Preconditions  it is pending.
  virtual bool may_start_now(bool out_of_turn) const noexcept {
    static_cast<void>(out_of_turn);
    return false;
  }
  /// Runs it in the calling thread, if it has not started; takes over a handle.
  virtual void run_awaited(task_thread&) { drop_handle(); }

  /// Adds an observer.      Returns  false if it is done already; the observer is not told then.
  bool observe(observer& o) noexcept {
    word_guard held(list_lock_);
    if (phase_of(word_.fetch_or(observed, memory_order_acq_rel)) >= cancelling) return false;  // (B)
    o.next_ = observers_;
    o.link_ = &observers_;
    if (observers_ != nullptr) observers_->link_ = &o.next_;
    observers_ = &o;
    return true;
  }

  /// Takes an observer out.      Returns  false if it was told, or never added.
  /// Synchronization  When it returns, nobody is inside or will enter settled() of this observer.
  bool unobserve(observer& o) noexcept {
    word_guard held(list_lock_);
    if (o.link_ == nullptr) return false;
    unlink(o);
    return true;
  }

  /// Has the callback run when it is done, or runs it now if it is.
  template <class Callback>
  void add_callback(Callback& callback) {
    // No virtual call: of such g++ 16 guesses the class, and warns in the user's code of what a wrong guess would do.
    static_assert(std::is_base_of_v<done_callback, Callback> && std::is_final_v<Callback>);
    if (try_add_callback(callback)) return;
    if (my_callbacks.is_full()) return put_off(callback);
    const guest_scope scope;
    const callback_level level;
    run_completed(callback.run(*this));
    run_put_off_callbacks();
  }
  /// Has the callback run when it is done.      Returns  false, nothing changed, if it is.
  ///
  /// Lifetime  The callback may have been run, and be gone, when this returns true.
  bool try_add_callback(done_callback& callback) noexcept {
    mark_read();
    if (settled()) return false;
    word_guard held(list_lock_);
    if (phase_of(word_.fetch_or(observed, memory_order_acq_rel)) >= has_value) return false;  // (B)
    callback.next_ = callbacks_;
    callback.link_ = &callbacks_;
    if (callbacks_ != nullptr) callbacks_->link_ = &callback.next_;
    callbacks_ = &callback;
    return true;
  }

  /// Takes out a callback that was added, or was to be added but found this done.
  /// Returns  false if it is done: then the callback was run, or will be.
  ///
  /// Preconditions    the caller keeps a handle.
  /// Synchronization  Whoever settles this takes the lock afterwards, before it looks at the list: if we find it unsettled
  ///                  in here, it will find the callback gone.
  bool withdraw(done_callback& callback) noexcept {
    word_guard held(list_lock_);
    if (phase_of(word_.load(memory_order_relaxed)) >= has_value) return false;
    *callback.link_ = callback.next_;
    if (callback.next_ != nullptr) callback.next_->link_ = callback.link_;
    return true;
  }

  /// Asks the task to stop, if it takes a stop token.      Returns  whether this call made the request.
  virtual bool request_stop() noexcept { return false; }

  // ── what was read ──

  /// An exception in here has found its reader: it is not lost when the last handle goes.
  void mark_read() noexcept {
    if ((marks_.load(memory_order_relaxed) & read) == 0) marks_.fetch_or(read, memory_order_relaxed);
  }

  //  taken is set before the value is moved, so that but one thread moves it, and cleared if the move throws.
  //  (E) clearing releases what the failed move did to the value; (F) whoever finds the value there acquires that.

  /// The result is moved out, from now on.      Returns  false if it was before.
  bool mark_taken() noexcept { return (marks_.fetch_or(taken, memory_order_acquire) & taken) == 0; }  // (F)
  /// It was not, as the move threw.
  void unmark_taken() noexcept {
    marks_.fetch_and(static_cast<std::uint8_t>(~taken), memory_order_release);  // (E)
  }
  bool is_taken() const noexcept { return (marks_.load(memory_order_acquire) & taken) != 0; }  // (F)

  /// The exception in here.      Preconditions  phase has_error.
  virtual std::exception_ptr const& error() const noexcept = 0;

  // ── references ──

  void add_handle() noexcept {
    if (word_.fetch_add(one_handle, memory_order_relaxed) >= many_handles) put_handles_aside();
  }

  /// Drops one handle; the last destroys what the block holds, and frees it unless a queue still holds its entry.
  void drop_handle() noexcept {
    drop_handle([] {});
  }
  /// The same, calling `before_end` if it was the last and something of the user's is to be destroyed.
  template <class BeforeEnd>
  void drop_handle(BeforeEnd&& before_end) noexcept {
    const std::uint32_t seen = word_.load(memory_order_acquire);  // (D)
    if ((seen & ~flags) == one_handle + one_block) {              // nobody else can reach it any more
      if (!is_trivial_end()) before_end();
      end_of_handles();
      free_memory();
      return;
    }
    if ((seen & more) != 0 && seen < few_handles) fetch_handles();
    if (word_.fetch_sub(one_handle, memory_order_acq_rel) / one_handle == 1) {  // (C) (D)
      if (!is_trivial_end()) before_end();
      end_of_handles();
      drop_block();
    }
  }

  /// Whoever claimed it otherwise than by taking its entry from the queue: the entry no longer counts as a handle, but
  /// keeps the block. Commutes with drop_entry(), as both only add.
  void abandon_entry() noexcept { word_.fetch_add(one_block - one_handle, memory_order_relaxed); }

  /// The entry leaves the queue, and someone else has claimed, or will have called, abandon_entry().
  void drop_entry() noexcept { drop_block(); }

protected:
  explicit future_state_base(std::uint32_t handles) noexcept : word_(pending + one_block + handles * one_handle) {}
  virtual ~future_state_base() = default;

  /// Whether nobody but the caller has a handle: nobody can wait for it or ask for it.
  bool is_only_handle() const noexcept { return word_.load(memory_order_acquire) / one_handle == 1; }  // (D)

  /// Destroys result and callable, if they are still there.
  virtual void destroy_contents() noexcept = 0;
  /// Whether that runs no code of the user's.
  virtual bool has_trivial_contents() const noexcept = 0;
  /// Ends the object and gives its memory back.
  virtual void free_memory() noexcept = 0;
  /// Destroys the callable of a task that will not run.
  virtual void discard_callable() noexcept {}
  /// Such a task was cancelled through a handle, not by who took its entry from the queue.
  virtual void cancelled_through_handle() noexcept {}

  /// For the constructor of what may have a source.
  void mark_as_continuation() noexcept { marks_.store(continuation, memory_order_relaxed); }
  /// What has to be done before it, kept as long as the list's lock is held; null if there is nothing any more.
  /// Preconditions  the list's lock is held, `observed` is set; the phase found then.
  virtual future_state_base* source_in(phase) noexcept { return nullptr; }
  /// Adds a handle, and does the same.      Preconditions  who looks now finds no source.
  void add_handle_after_lookers() noexcept {
    const std::uint32_t before = word_.fetch_add(one_handle, memory_order_acq_rel);
    if (before >= many_handles) put_handles_aside();
    if ((before & observed) != 0) wait_for_lookers();
  }

private:
  static constexpr std::uint32_t phase_mask = 7;
  static constexpr std::uint32_t sleepers = 8;
  static constexpr std::uint32_t observed = 16;
  static constexpr std::uint32_t one_block = 32;
  static constexpr std::uint32_t more = 128;
  static constexpr std::uint32_t one_handle = 256;
  static constexpr std::uint32_t flags = one_block - 1;
  static constexpr std::uint32_t references = ~flags;
  // In the word there is room for 16 times 2^20 handles: the rest of them is put aside in chunks.
  static constexpr std::uint32_t many_handles = (12U << 20) * one_handle;
  static constexpr std::uint32_t few_handles = (2U << 20) * one_handle;
  static constexpr std::uint32_t handle_chunk = (6U << 20) * one_handle;

  static constexpr std::uint8_t read = 1;
  static constexpr std::uint8_t taken = 2;
  static constexpr std::uint8_t continuation = 4;  // constant once it is made

  static phase phase_of(std::uint32_t word) noexcept { return static_cast<phase>(word & phase_mask); }

  /// The one CAS by which a phase is left; sleepers and observers stay.
  bool leave(phase from, phase to, std::uint32_t* before = nullptr) noexcept {
    std::uint32_t seen = word_.load(memory_order_relaxed);
    while (phase_of(seen) == from) {
      if (word_.compare_exchange_weak(seen, (seen & ~phase_mask) | to, memory_order_acq_rel, memory_order_relaxed)) {
        if (before != nullptr) *before = seen;
        return true;
      }
    }
    return false;
  }

  bool run_far_origin(task_thread& here, bool must);

  bool wait_for_phase(phase wanted, deadline until) {
    run_put_off_callbacks();
    // Only what is waited for without a limit may run here: a timed wait has to come back in time.
    if (until.is_never() && current_task_thread != nullptr &&
        (is_continuation() ? run_origins_until(wanted) : run_in_waiter(*current_task_thread))) {
      return true;
    }
    if (until.passed()) return done();
    return sleep_until_phase(wanted, until);
  }

  SPOOL_COLD bool run_origins_until(phase wanted) {
    while (run_origin_in_waiter(*current_task_thread)) {
      if (current_phase() >= wanted) return true;
    }
    return false;
  }

  SPOOL_COLD bool sleep_until_phase(phase wanted, deadline until) noexcept {
    hand_off_wait waiting(until);
    if (waiting.stay_awake_until([&] { return current_phase() >= wanted; })) return true;
    future_state_base* const self = this;
    awaited_results awaited(&self, 1, until.is_never());
    task_wait sleep(awaited, &word_);
    for (;;) {
      std::uint32_t seen = word_.load(memory_order_acquire);  // (B)
      if (phase_of(seen) >= wanted) return true;
      if ((seen & sleepers) == 0 &&
          !word_.compare_exchange_weak(seen, seen | sleepers, memory_order_relaxed, memory_order_relaxed)) {
        continue;
      }
      if (!futex_wait(word_, seen | sleepers, sleep.nap(until)) && until.passed()) return done();
    }
  }

  SPOOL_COLD bool tell_observers(bool with_error) noexcept {
    word_guard held(list_lock_);
    while (observers_ != nullptr) {
      observer& o = *observers_;
      unlink(o);
      o.settled(with_error);
    }
    return callbacks_ != nullptr;
  }

  void unlink(observer& o) noexcept {
    *o.link_ = o.next_;
    if (o.next_ != nullptr) o.next_->link_ = o.link_;
    o.link_ = nullptr;
  }

  void run_callbacks_here() {
    put_oldest_callback_first();
    below_ = nullptr;
    future_state_base* top = this;  // of a stack of results that have callbacks left; all but the lowest with a handle
    const at_scope_end none_is_left([this, &top] {
      if (top != nullptr) run_left_callbacks(top);
    });
    run_stacked_callbacks(top);
  }
  /// One of them has ended the thread.
  SPOOL_COLD void run_left_callbacks(future_state_base*& top) { run_stacked_callbacks(top); }
  void run_stacked_callbacks(future_state_base*& top) {
    while (top != nullptr) {
      done_callback* const next = top->callbacks_;
      if (next == nullptr) {
        top = top->pop_from(this);
        continue;
      }
      top->callbacks_ = next->next_;
      future_state_base* const completed = next->run(*top);
      if (completed == nullptr) continue;
      completed->put_oldest_callback_first();
      // What has no more to run goes before the next: a chain of results is destroyed as it is run.
      if (top->callbacks_ == nullptr && top != this) top = top->pop_from(this);
      completed->below_ = top;
      top = completed;
    }
  }
  static void run_completed(future_state_base* completed) {
    if (completed == nullptr) return;
    const at_scope_end dropped([completed] { completed->drop_handle(); });
    completed->run_callbacks_here();
  }

  /// While it lives callbacks are under way, one level deeper. If one of them ends the thread, what was put off by then
  /// is run at the end.
  struct callback_level {
    callback_level() noexcept { my_callbacks.enter(); }
    ~callback_level() {
      run_put_off_callbacks();
      my_callbacks.leave();
    }
    callback_level(const callback_level&) = delete;
    callback_level& operator=(const callback_level&) = delete;
  };
  SPOOL_COLD void put_off(done_callback& callback) noexcept {
    add_handle();
    my_callbacks.put_off(callback, *this);
  }
  SPOOL_COLD void put_off_callbacks() noexcept {
    put_oldest_callback_first();
    for (done_callback* next = std::exchange(callbacks_, nullptr); next != nullptr;) {
      done_callback* const after = next->next_;
      put_off(*next);
      next = after;
    }
  }
  SPOOL_COLD static void run_all_put_off() {
    do {
      future_state_base* source = nullptr;
      done_callback& next = my_callbacks.take(source);
      const at_scope_end dropped([source] { source->drop_handle(); });
      run_completed(next.run(*source));
    } while (my_callbacks.has_put_off());
  }

  void put_oldest_callback_first() noexcept {
    done_callback* newest_first = std::exchange(callbacks_, nullptr);
    while (newest_first != nullptr) {
      done_callback* const older = std::exchange(newest_first->next_, callbacks_);
      callbacks_ = std::exchange(newest_first, older);
    }
  }

  /// Takes this one from the top of the stack that stands on `lowest`.      Returns  the next.
  future_state_base* pop_from(future_state_base* lowest) noexcept {
    future_state_base* const below = below_;
    if (this != lowest) drop_handle();
    return below;
  }

  bool is_trivial_end() const noexcept { return current_phase() != has_error && has_trivial_contents(); }

  /// More handles than this many threads' drops could make few are in the word: puts a chunk of them aside.
  SPOOL_COLD void put_handles_aside() noexcept {
    word_guard held(list_lock_);
    const std::uint32_t seen = word_.load(memory_order_relaxed);
    if (seen < many_handles) return;  // another thread has
    ++handle_chunks_;
    word_.fetch_sub(handle_chunk - (~seen & more), memory_order_relaxed);
  }
  /// Brings one of the chunks back.      Preconditions  the caller keeps a handle.
  SPOOL_COLD void fetch_handles() noexcept {
    word_guard held(list_lock_);
    const std::uint32_t seen = word_.load(memory_order_relaxed);
    if ((seen & more) == 0 || seen >= few_handles) return;  // another thread has
    word_.fetch_add(handle_chunk - (--handle_chunks_ == 0 ? more : 0), memory_order_relaxed);
  }

  void end_of_handles() noexcept {
    if (current_phase() == has_error && (marks_.load(memory_order_relaxed) & read) == 0) {
      report_unhandled(error());
    }
    destroy_contents();
  }

  void drop_block() noexcept {
    // All but the flags becomes zero: no other block, and no handle.
    if ((word_.fetch_sub(one_block, memory_order_acq_rel) & references) == one_block) free_memory();  // (C) (D)
  }

  atomic<std::uint32_t> word_;
  word_lock list_lock_;  // guards observers_, callbacks_ until it is settled, and handle_chunks_
  atomic<std::uint8_t> marks_{0};
  std::uint32_t handle_chunks_ = 0;  // guarded by list_lock_
  union {
    observer* observers_ = nullptr;
    future_state_base* below_;  // while the callbacks are run, when there are no observers any more
  };
  done_callback* callbacks_ = nullptr;  // newest first, until they are run
};

/// A callback that keeps its source, so that neither what it calls nor whoever withdraws it can find it gone.
class keeping_callback : public done_callback {
protected:
  explicit keeping_callback(future_state_base& source) noexcept : done_callback(source) { source.add_handle(); }
  ~keeping_callback() {
    if (source_ != nullptr) source_->drop_handle();
  }
  /// Passes the handle on to the caller.
  future_state_base* take_source() noexcept { return std::exchange(source_, nullptr); }
};

}  // namespace spool::inline SPOOL_ABI::detail
