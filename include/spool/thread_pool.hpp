// spool/thread_pool.hpp · floor 6 · worker threads that run tasks and give futures of their results
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/base/count.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/refuse.hpp>
#include <spool/detail/map/feed.hpp>
#include <spool/detail/map/parallel_loop.hpp>
#include <spool/detail/map/range.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/pool/continuation.hpp>
#include <spool/detail/pool/schedule_point.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/submitted_task.hpp>
#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/pool_options.hpp>

namespace spool::inline SPOOL_ABI {

namespace detail {

/// How many pools were made without a name.
struct unnamed_pools {
  static constexpr std::string_view process_name = "unnamed pools";
  atomic<std::uint64_t> made{0};
};

}  // namespace detail

/// Runs callables in worker threads.
///
///     spool::thread_pool pool(4);
///     spool::future<int> answer = pool.submit([](int x) { return 6 * x; }, 7);
///     for (int& square : pool.map([](int x) { return x * x; }, numbers)) print(square);
///     for (page& p : pool.map_unordered({.buffer_size = 8}, download, urls)) show(p);  // urls may have no end
///     pool.post(log, "fire and forget");
///
/// Shape            Up to max_workers threads, each started when it is first needed; neither copied nor moved.
/// Blocks           Only what says so. A task may wait for tasks of its own pool and of others, to any depth: it runs
///                  what it waits for itself if that has not started, else another thread stands in for it meanwhile.
///                  So max_workers bounds the tasks that don't so wait; so does for_each, called outside, for its caller.
///                  Only if what a task, or a callback, waits for has not begun, and nothing else has for half a second,
///                  a single thread too many comes and runs it: those that run may be blocked by a lock that the waiting
///                  code holds. Where threads were refused, the pool asks again until it has them.
/// Synchronization  submit() happens before the start of the task, its end before whatever reports it done.
/// Complexity       submit() is one block of memory, reused in the steady state, and no system call unless a worker
///                  sleeps and none searches. A task made inside the pool takes no lock.
/// Signals          Workers block the signals that the thread which made the pool blocked then, whoever starts them: a
///                  program that waits for signals blocks them before it makes its pools.
/// Lifetime         Futures may outlive it. It may be destroyed in one of its own tasks.
/// Source           Deques of Chase and Lev; one searching worker at a time, as in Go's scheduler.
class thread_pool {
public:
  /// With at most so many workers.
  /// Throws  std::invalid_argument for none, for a negative number, or for more than half a million; std::bad_alloc.
  template <class Number>
    requires std::is_convertible_v<Number, detail::count>
  explicit thread_pool(Number max_workers) : thread_pool(pool_options{max_workers, {}, {}, 0}) {}
  /// With as many as usable_cpus().
  thread_pool() : thread_pool(pool_options()) {}
  /// As the options say.      Throws  the same.
  explicit thread_pool(pool_options options) : pool_(make(std::move(options))) {}
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  /// Shuts down and waits; in one of its own tasks it only shuts down, and the tasks end without it.
  ~thread_pool() {
    pool_->close();
    if (!pool_->is_here()) pool_->wait_end(detail::deadline::never());
    pool_->drop_owner();
  }

  /// Has f(args...) called by a worker, with copies of f and args, as std::thread makes them. If f fits only with a
  /// std::stop_token before the arguments, it gets the one that future::request_stop() fires.
  /// Blocks   While max_pending tasks wait for a worker, except in a task of this pool.
  /// Returns  the future of what f returns or throws.
  /// Throws   pool_shutdown_error, broken_pool_error, std::system_error if there can be no worker at all,
  ///          std::bad_alloc, and what copying or moving throws; nothing was moved from then, unless a move threw.
  template <class F, class... Args>
    requires detail::callable_copies<F, Args...>
  auto submit(F&& f, Args&&... args) {
    return detail::with_copies_made(
        [this](auto&&... parts) {
          detail::scheduler::admission admitted(*pool_);
          return submit_admitted(admitted, std::forward<decltype(parts)>(parts)...);
        },
        std::forward<F>(f), std::forward<Args>(args)...);
  }
  SPOOL_REFUSE(
      "spool: submit(f, args...) needs an f that can be called with copies of args: use std::ref to refer to one",
      void submit(Given&&...));

  /// The same, if it need not wait for room.      Returns  nothing if it would have to, with f and args untouched.
  template <class F, class... Args>
    requires detail::callable_copies<F, Args...>
  [[nodiscard("it may have been refused: look at it, or post()")]] auto try_submit(F&& f, Args&&... args) {
    return detail::with_copies_made(
        [this](auto&&... parts) {
          detail::scheduler::admission admitted(*pool_, detail::deadline::passed_already());
          using handle = decltype(submit_admitted(admitted, std::forward<decltype(parts)>(parts)...));
          if (!admitted) return std::optional<handle>();
          return std::optional<handle>(submit_admitted(admitted, std::forward<decltype(parts)>(parts)...));
        },
        std::forward<F>(f), std::forward<Args>(args)...);
  }
  SPOOL_REFUSE("spool: try_submit(f, args...) needs an f that can be called with copies of args",
               void try_submit(Given&&...));

  /// The same without a future. What f throws goes to the excepthook.
  template <class F, class... Args>
    requires detail::callable_copies<F, Args...>
  void post(F&& f, Args&&... args) {
    using call = detail::bound_call<std::decay_t<F>, std::decay_t<Args>...>;
    if constexpr (call::stoppable) {
      submit(std::forward<F>(f), std::forward<Args>(args)...);  // the token needs someone to keep it
    } else {
      detail::with_copies_made(
          [this](auto&&... parts) {
            detail::scheduler::admission admitted(*pool_);
            admitted.push(*new detail::posted_task<call>(std::in_place, std::forward<decltype(parts)>(parts)...));
          },
          std::forward<F>(f), std::forward<Args>(args)...);
    }
  }
  SPOOL_REFUSE(
      "spool: post(f, args...) needs an f that can be called with copies of args: use std::ref to refer to one",
      void post(Given&&...));

  /// Has f called with the elements of each range, one of each at a time, until the shortest ends; all of it is
  /// submitted at once. An lvalue range is referred to, an rvalue range is kept.
  ///
  /// Shape    f is called by several threads at the same time. It may take a std::stop_token first, see submit().
  /// Blocks   In the call, while max_pending tasks wait for a worker, except in a task of this pool.
  /// Returns  an input range of the results in the order of the inputs. *it waits, and gives R&, nothing for void, or
  ///          throws what the call threw; ++it waits, too, and goes on past it, whatever came of it. Dropping the range
  ///          cancels what has not started, requests stop of what runs, and waits for that.
  /// Throws   as submit(), and what the ranges throw, with what was submitted cancelled. Unless the pool refuses at once, f
  ///          and the ranges that were rvalues have been moved from then.
  template <class F, class... Ranges>
    requires detail::mappable<F, Ranges...>
  auto map(F&& f, Ranges&&... ranges) {
    return map(map_options(), std::forward<F>(f), std::forward<Ranges>(ranges)...);
  }

  /// The same, as the options say.
  ///
  ///     std::istream_iterator<std::string> first(std::cin);
  ///     std::ranges::subrange urls(first, std::default_sentinel);
  ///     for (auto& page : pool.map({.buffer_size = 8, .timeout = 1min}, download, urls)) show(page);
  ///
  /// chunk_size   Each task makes that many calls, the last may make fewer. What a call throws is that item's alone.
  /// buffer_size  So many inputs are taken in this call; with it on the k-th item, ++it takes the next, or with chunks the
  ///              next chunk, of at most buffer_size, as soon as all of it has room. The ranges may have no end; nothing
  ///              is asked of them before there is room for it. If they throw meanwhile, or no memory is left, or the
  ///              pool is shut down or broken, all that was taken is yielded; then ++it throws that, once. Only what is
  ///              being taken when the pool refuses may be lost.
  /// timeout      Counted from this call. What is done by then is yielded; then begin(), *it or ++it throws timeout_error,
  ///              once, what has not started is cancelled, and what runs is asked to stop: only the end of the range
  ///              waits for that.
  /// Throws       std::invalid_argument if chunk_size is 0.
  template <class F, class... Ranges>
    requires detail::mappable<F, Ranges...>
  auto map(map_options options, F&& f, Ranges&&... ranges) {
    const detail::map_terms terms = terms_of(options);
    return detail::ordered_map<std::decay_t<F>, Ranges...>(std::in_place, *pool_, terms, std::forward<F>(f),
                                                           std::forward<Ranges>(ranges)...);
  }
  SPOOL_REFUSE(
      "spool: map([options,] f, ranges...) needs ranges, and an f that may be moved in and called with an element of "
      "each",
      void map(Given&&...));
  SPOOL_REFUSE(
      "spool: map([options,] f, ranges...) needs ranges, and an f that may be moved in and called with an element of "
      "each",
      void map(map_options, Given&&...));

  /// The same, in the order in which the calls end; those of one chunk, as it ends, in the order of their inputs.
  template <class F, class... Ranges>
    requires detail::mappable<F, Ranges...>
  auto map_unordered(F&& f, Ranges&&... ranges) {
    return map_unordered(map_options(), std::forward<F>(f), std::forward<Ranges>(ranges)...);
  }
  /// The same, as the options say, see map().
  template <class F, class... Ranges>
    requires detail::mappable<F, Ranges...>
  auto map_unordered(map_options options, F&& f, Ranges&&... ranges) {
    const detail::map_terms terms = terms_of(options);
    return detail::unordered_map<std::decay_t<F>, Ranges...>(std::in_place, *pool_, terms, std::forward<F>(f),
                                                             std::forward<Ranges>(ranges)...);
  }
  SPOOL_REFUSE(
      "spool: map_unordered([options,] f, ranges...) needs ranges, and an f that may be moved in and called with an "
      "element of each",
      void map_unordered(Given&&...));
  SPOOL_REFUSE(
      "spool: map_unordered([options,] f, ranges...) needs ranges, and an f that may be moved in and called with an "
      "element of each",
      void map_unordered(map_options, Given&&...));

  /// Calls f with every element of a range, in parallel: in this thread, and in workers as far as they are free.
  ///
  /// Shape    A forward range, or better. f is not copied; several threads call it at the same time.
  /// Blocks   Until f has returned for every element. Nobody else's task runs in this thread meanwhile.
  /// Throws   what a call of f threw first; what was not begun by then is skipped, but for up to 15 elements in a row that
  ///          a thread has begun with. pool_shutdown_error, broken_pool_error.
  /// Source   Guided self-scheduling, Polychronopoulos and Kuck: each thread takes a share of what is left.
  template <class Range, class F>
    requires detail::loopable<Range, F>
  void for_each(Range&& range, F&& f) {
    pool_->must_accept();
    const std::size_t helpers = max_workers() - (pool_->is_here() ? 1 : 0);
    detail::run_parallel_loop(*pool_, range, f, helpers);
  }
  SPOOL_REFUSE("spool: for_each(range, f) needs a forward range, and an f that can be called with its elements",
               void for_each(Given&&...));

  /// To be awaited by a coroutine: `co_await pool.schedule();` goes on in a worker of the pool, behind all that is there.
  ///
  /// Blocks   Never: it enters the pool whatever its max_pending.
  /// Throws   from the co_await: pool_shutdown_error, broken_pool_error, and std::system_error, still in the thread where
  ///          it was; cancelled_error or broken_pool_error, if it was dropped from the queue.
  [[nodiscard]] detail::schedule_point schedule() noexcept { return detail::schedule_point(*pool_); }

  /// Takes no more tasks from outside; its own running tasks may add some while it drains, unless they are cancelled.
  /// May be called again, with more. With cancel_pending and without wait a worker may be between its last look whether
  /// to start a task and the first line of that task, when this returns: it does not keep the caller waiting for that
  /// thread, which the system may let run only later. To be sure that nothing begins, wait.
  /// Throws  usage_error if it should wait, in one of its own tasks.
  void shutdown(shutdown_options options = {}) {
    if (options.wait) {
      shutdown_by(detail::deadline::never(), options);
    } else {
      shut_down(*pool_, options);
    }
  }
  /// The same, waiting at most d; d <= 0 looks once. `wait` is taken as true.
  /// Returns  whether all tasks ended, and the threads are gone, in time.
  template <class Rep, class Period>
  bool shutdown_for(std::chrono::duration<Rep, Period> d, shutdown_options options = {}) {
    return shutdown_by(detail::deadline::after(d), options);
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  bool shutdown_until(std::chrono::time_point<Clock, Duration> t, shutdown_options options = {}) {
    return shutdown_by(detail::deadline::at(t), options);
  }

  /// Waits until nothing waits or runs, tasks made by tasks included.
  /// Throws  usage_error in one of its own tasks.
  void wait_idle() { wait_idle_by(detail::deadline::never()); }
  /// The same for at most d; d <= 0 looks once.      Returns  whether it was idle.
  template <class Rep, class Period>
  bool wait_idle_for(std::chrono::duration<Rep, Period> d) {
    return wait_idle_by(detail::deadline::after(d));
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  bool wait_idle_until(std::chrono::time_point<Clock, Duration> t) {
    return wait_idle_by(detail::deadline::at(t));
  }

  /// How many tasks run at once, those that wait for others apart.
  std::size_t max_workers() const noexcept { return pool_->max_workers(); }
  /// How many threads it has just now; more than max_workers() while some stand in for tasks that wait.
  std::size_t worker_count() const noexcept { return pool_->worker_count(); }
  /// How many tasks have neither started nor been cancelled.
  std::size_t pending() const noexcept { return pool_->pending(); }

private:
  template <class Pool>
  friend struct detail::continuations_in;

  static detail::scheduler* make(pool_options&& options) {
    if (options.max_workers == 0)
      throw std::invalid_argument("spool::thread_pool: max_workers is 0: give at least 1, or usable_cpus()");
    if (options.max_workers > detail::pool_word::most_workers) {
      throw std::invalid_argument(
          "spool::thread_pool: max_workers is beyond what a pool can count: give less than half a million");
    }
    if (options.thread_name_prefix.empty()) {
      options.thread_name_prefix =
          "pool-" +
          std::to_string(
              detail::process_wide<detail::unnamed_pools>::get().made.fetch_add(1, detail::memory_order_relaxed) + 1);
    }
    if (options.max_pending > detail::pool_word::most_pending) options.max_pending = 0;
    return new detail::scheduler(options.max_workers, std::move(options.thread_name_prefix),
                                 std::move(options.initializer), options.max_pending);
  }

  template <class F, class... Args>
  auto submit_admitted(detail::scheduler::admission& admitted, F&& f, Args&&... args) {
    using call = detail::bound_call<std::decay_t<F>, std::decay_t<Args>...>;
    using result = detail::submit_result<std::decay_t<F>, std::decay_t<Args>...>;
    auto* t = new detail::submitted_task<result, call>(*pool_, std::forward<F>(f), std::forward<Args>(args)...);
    future<result> handle = detail::future_access::adopt<result>(t);
    admitted.push(*t);
    return handle;
  }

  /// What the options mean, if the pool takes tasks.
  detail::map_terms terms_of(map_options const& options) const {
    if (options.chunk_size == 0)
      throw std::invalid_argument("spool::thread_pool: chunk_size is 0: let each task make at least 1 call");
    detail::map_terms terms;
    terms.until = options.timeout.from_now();
    terms.chunk_size = options.chunk_size;
    if (options.buffer_size != 0) terms.window = options.buffer_size;
    pool_->must_accept();  // before anything is moved from
    return terms;
  }

  void must_not_be_here(const char* what, const char* instead) const {
    if (!pool_->is_here()) return;
    throw usage_error(std::string("spool::thread_pool: ") + what +
                      " in a task of the same pool would wait for itself: " + instead);
  }
  static void shut_down(detail::scheduler& pool, shutdown_options options) {
    const detail::scheduler_hold kept(pool);  // a callable that is discarded may hold the last pointer to the pool
    pool.close();
    if (options.cancel_pending) pool.cancel_pending();
    if (options.request_stop) pool.request_stop();
  }
  bool shutdown_by(detail::deadline until, shutdown_options options) {
    must_not_be_here("shutdown() that waits", "pass .wait = false");
    detail::scheduler& pool = *pool_;
    const detail::scheduler_hold kept(pool);
    shut_down(pool, options);
    return pool.wait_end(until);
  }
  bool wait_idle_by(detail::deadline until) {
    must_not_be_here("wait_idle()", "wait for futures instead");
    return pool_->wait_idle(until);
  }

  detail::scheduler* const pool_;
};

/// What future<T>::then(pool, f) does, with a pool of a derived class, too.
template <class Pool>
  requires std::is_base_of_v<thread_pool, Pool>
struct detail::continuations_in<Pool> {
  template <bool Taken, class T, class F>
  static auto make(thread_pool& pool, const future<T>& source, F&& f) {
    return continue_in<Taken>(*pool.pool_, source, std::forward<F>(f));
  }
};

}  // namespace spool::inline SPOOL_ABI
