// spool/future.hpp · floor 4 · a handle to a result that is still to come, and the promise to set it
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/base/refuse.hpp>
#include <spool/detail/future/promise_state.hpp>
#include <spool/detail/future/result.hpp>
#include <spool/detail/future/signal.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/future/then_state.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI {

template <class T>
class promise;

namespace detail {
struct future_access;
template <class T, class F>
class future_callback;
/// How continuations come into a pool: a pool's header says it for its type.
template <class Pool>
struct continuations_in;
}  // namespace detail

/// A cheap, copyable handle to one result: a value, an exception, or the fact that it was cancelled.
///
///     spool::future<int> f = pool.submit([] { return 6 * 7; });
///     if (!f.done()) f.wait();
///     int answer = f.result();
///
/// Shape            T is void, a reference, or an object type, move-only ones included. One pointer.
/// Blocks           wait, result and exception, until it is done. In a task of a pool an untimed wait runs what it waits
///                  for, if that is of the same pool and has not started; else another thread stands in meanwhile.
/// Synchronization  What the task did happens before the return of whatever reports it done.
/// Throws           usage_error from every member but valid(), == and hash, if it is empty.
/// Complexity       done() is one load; a wait that need not wait, too. Copying is one atomic increment.
/// Lifetime         Independent of the pool and of other handles. One handle may be read by many threads, not assigned.
template <class T>
class future {
  static_assert(detail::can_be_result<T>,
                "spool: future<T> needs a T that is void, an lvalue reference, or an object type that is no array");

public:
  /// What the result is.
  using value_type = T;

  /// An empty one.
  constexpr future() noexcept = default;
  /// One more handle to the same result.
  future(const future& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) state_->add_handle();
  }
  /// Takes the handle over; `other` is empty then.
  future(future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  /// Drops its own handle for one more to the same result.
  future& operator=(const future& other) noexcept {
    future(other).swap(*this);
    return *this;
  }
  /// Drops its own handle and takes the other over.
  future& operator=(future&& other) noexcept {
    future(std::move(other)).swap(*this);
    return *this;
  }
  /// Drops the handle. The task goes on; an exception that nobody has read goes to the excepthook with the last one.
  ~future() {
    if (state_ != nullptr) state_->drop_handle();
  }
  /// Exchanges the handles.
  void swap(future& other) noexcept { std::swap(state_, other.state_); }

  /// Whether it refers to a result at all.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  /// Whether there is a value or an exception, or it was cancelled.
  [[nodiscard]] bool done() const { return state().done(); }
  /// Whether the task runs just now.
  [[nodiscard]] bool running() const { return state().is_running(); }
  /// Whether it was cancelled: then it is done.
  [[nodiscard]] bool cancelled() const { return state().is_cancelled(); }

  /// Cancels what has not started: it is done then, its callable destroyed, and never runs.
  /// Returns  true if it is cancelled now, by whomever; false if it runs or has a result.
  bool cancel() const {
    const future kept = *this;  // a callback, or another thread, may drop this handle meanwhile
    return kept.state().cancel();
  }

  /// Asks the running or waiting task to stop, through the stop token that it takes.
  /// Returns  whether this call made the request: false for a task without a token, or asked before.
  bool request_stop() const {
    const future kept = *this;  // as above
    return kept.state().request_stop();
  }

  /// Waits until it is done.
  void wait() const { state().wait(detail::deadline::never()); }
  /// Waits until it is done, at most d; d <= 0 looks once.      Returns  whether it is.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> d) const {
    return state().wait(detail::deadline::after(d));
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  bool wait_until(std::chrono::time_point<Clock, Duration> t) const {
    return state().wait(detail::deadline::at(t));
  }
  /// Waits until it is done, or a stop is requested.      Returns  whether it is done.
  bool wait(std::stop_token stop) const;

  /// Waits for the value and refers to it, again and again, as long as a handle is kept; a reference T comes as it is.
  /// Throws  what the task threw; cancelled_error; usage_error if the value was moved out.
  decltype(auto) result() const& { return value_by(detail::deadline::never()); }
  /// Waits for the value and moves it out, for all handles.
  /// Throws  as above; usage_error if it was moved out before.
  T result() && { return take_by(detail::deadline::never()); }

  /// As result(), waiting at most d; d <= 0 looks once.      Throws  timeout_error, too, if the time runs out first.
  template <class Rep, class Period>
  decltype(auto) result_for(std::chrono::duration<Rep, Period> d) const& {
    return value_by(detail::deadline::after(d));
  }
  /// The same, the value moved out.
  template <class Rep, class Period>
  T result_for(std::chrono::duration<Rep, Period> d) && {
    return take_by(detail::deadline::after(d));
  }
  /// As result(), waiting until t of any clock.      Throws  timeout_error, too, if the time runs out first.
  template <class Clock, class Duration>
  decltype(auto) result_until(std::chrono::time_point<Clock, Duration> t) const& {
    return value_by(detail::deadline::at(t));
  }
  /// The same, the value moved out.
  template <class Clock, class Duration>
  T result_until(std::chrono::time_point<Clock, Duration> t) && {
    return take_by(detail::deadline::at(t));
  }

  /// The same as result(), for code written for std::future.
  decltype(auto) get() const& { return result(); }
  /// The same, the value moved out.
  T get() && { return std::move(*this).result(); }

  /// Waits, and gives what the task threw, null if it returned.      Throws  cancelled_error.
  std::exception_ptr exception() const { return exception_by(detail::deadline::never()); }
  /// The same, waiting at most d; d <= 0 looks once.      Throws  timeout_error, too, if the time runs out first.
  template <class Rep, class Period>
  std::exception_ptr exception_for(std::chrono::duration<Rep, Period> d) const {
    return exception_by(detail::deadline::after(d));
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  std::exception_ptr exception_until(std::chrono::time_point<Clock, Duration> t) const {
    return exception_by(detail::deadline::at(t));
  }

  /// Calls f(future<T> const&) once when it is done, in the thread that completes it, after those who wait were released
  /// and in the order added; or here and now, if it is done. What f throws goes to the excepthook.
  template <class F>
    requires std::is_invocable_v<std::decay_t<F>&, future const&>
  void add_done_callback(F&& f) const {
    detail::future_state<T>& s = state();
    s.add_callback(*new detail::future_callback<T, std::decay_t<F>>(s, std::forward<F>(f)));
  }
  SPOOL_REFUSE("spool: add_done_callback(f) needs an f that can be called with the future, a future<T> const&",
               void add_done_callback(Given&&...) const);

  // To ask whether f fits instantiates its body, if its return type is deduced, and the body may fit just one of T&& and
  // T const&. So an overload that is not meant may not even be asked: one for lvalues that are volatile takes no rvalue,
  // and the object is looked at before the constraints.

  /// Has f called with the result, a T const&, as soon as it is there: in the thread that completes it, in its turn among
  /// the callbacks; or here and now, if it is done. For void, f gets nothing. Callbacks that run inside each other, 64
  /// deep, put off the next until the innermost has returned, or waits for a result: so a loop needs no stack.
  ///
  /// Returns  the future of what f returns or throws. It is cancelled if this one is, and gets its exception, if it has
  ///          one; f is not called then. Its cancel() before f starts destroys f at once, and leaves nothing behind.
  /// Throws   std::bad_alloc, and what copying or moving f throws; nothing was moved then, unless a move threw.
  template <class F>
    requires detail::fits_result<std::decay_t<F>, T, false>
  auto then(F&& f) const volatile& {
    return const_cast<future const&>(*this).template continue_with<false>(std::forward<F>(f));
  }
  /// The same, with the result moved out for all handles when f is called; this one stays valid. Where it was moved out
  /// before, the future returned gets a usage_error; where its move into f's parameter throws, what that throws, and the
  /// result is not moved out.
  template <class F>
    requires detail::fits_result<std::decay_t<F>, T, true>
  auto then(F&& f) && {
    return continue_with<true>(std::forward<F>(f));
  }
  /// As for an lvalue: what is constant is not moved out.
  template <class F>
    requires detail::fits_any_result<std::decay_t<F>, T>
  auto then(F&& f) const&& {
    return continue_with<false>(std::forward<F>(f));
  }

  /// Has f called by a worker of the pool, as by submit(), once the result is there; f may take a std::stop_token first.
  /// It enters the pool when this one completes, whatever its max_pending, and keeps nobody waiting; a pool that is
  /// broken or shut down by then gives broken_pool_error or pool_shutdown_error to the future returned.
  template <class Pool, class F>
    requires detail::fits_result_in_pool<std::decay_t<F>, T, false>
  auto then(Pool& pool, F&& f) const volatile& {
    return detail::continuations_in<Pool>::template make<false>(pool, const_cast<future const&>(*this),
                                                                std::forward<F>(f));
  }
  /// The same, with the result moved out for all handles when f is called.
  template <class Pool, class F>
    requires detail::fits_result_in_pool<std::decay_t<F>, T, true>
  auto then(Pool& pool, F&& f) && {
    return detail::continuations_in<Pool>::template make<true>(pool, *this, std::forward<F>(f));
  }
  /// As for an lvalue.
  template <class Pool, class F>
    requires detail::fits_any_result_in_pool<std::decay_t<F>, T>
  auto then(Pool& pool, F&& f) const&& {
    return detail::continuations_in<Pool>::template make<false>(pool, *this, std::forward<F>(f));
  }
  SPOOL_REFUSE("spool: then([pool,] f) needs an f that can be called with the result, not with the future",
               void then(Given&&...) const volatile&);
  SPOOL_REFUSE("spool: then([pool,] f) needs an f that can be called with the result, not with the future",
               void then(Given&&...) const&&);

  /// Whether they are handles to the same result.
  friend bool operator==(const future& a, const future& b) noexcept { return a.state_ == b.state_; }

private:
  friend struct detail::future_access;
  friend class promise<T>;

  explicit future(detail::future_state<T>* adopted) noexcept : state_(adopted) {}

  detail::future_state<T>& state() const {
    if (state_ == nullptr)
      throw usage_error("spool::future: it is empty: get one from submit() or promise::get_future()");
    return *state_;
  }

  detail::future_state<T>& done_by(detail::deadline until) const {
    detail::future_state<T>& s = state();
    if (!s.wait(until))
      throw timeout_error(
          "spool::future: the result was not there in time: wait again, or cancel() what takes too long");
    return s;
  }
  decltype(auto) value_by(detail::deadline until) const { return detail::refer_to_result(done_by(until)); }
  T take_by(detail::deadline until) { return detail::take_result(done_by(until)); }
  std::exception_ptr exception_by(detail::deadline until) const {
    detail::future_state<T>& s = done_by(until);
    if (s.is_cancelled()) throw cancelled_error();
    if (s.current_phase() != detail::future_state_base::has_error) return nullptr;
    s.mark_read();
    return s.error();
  }

  template <bool Taken, class F>
  auto continue_with(F&& f) const;

  detail::future_state<T>* state_ = nullptr;
};

/// Sets by hand the result that its future waits for.
///
/// Shape       Moved, not copied. T as for future.
/// Throws      usage_error from a second set of any kind, from a set on a cancelled future, and from one without state
///             (moved from); the first result stays.
/// Complexity  One allocation, at construction.
template <class T>
class promise {
  struct nothing {};
  using referent = std::conditional_t<std::is_lvalue_reference_v<T>, std::remove_reference_t<T>, nothing>;

public:
  /// Of a result that is pending.      Throws  std::bad_alloc.
  promise() : state_((detail::broken_promise(), new detail::promise_state<T>)) {}
  /// Takes the result over; `other` is without then.
  promise(promise&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  /// The same; its own result is broken if it is unset.
  promise& operator=(promise&& other) noexcept {
    promise(std::move(other)).swap(*this);
    return *this;
  }
  /// Gives broken_promise_error to a future that got nothing.
  ~promise() {
    if (state_ == nullptr) return;
    if (!state_->settled()) abandon();
    state_->drop_handle();
  }
  /// Exchanges the results.
  void swap(promise& other) noexcept { std::swap(state_, other.state_); }

  /// A handle to the result; as often as wished.
  future<T> get_future() const {
    state().add_handle();
    return future<T>(state_);
  }

  /// To be called before the work starts: from now on it cannot be cancelled.
  /// Returns  false if it was cancelled: do not start.      Throws  usage_error if it runs or is set.
  bool set_running_or_notify_cancel() {
    if (state().claim()) return true;
    if (state().is_cancelled()) return false;
    throw usage_error(
        "spool::promise: it is running or set already: call set_running_or_notify_cancel() once, before set_value()");
  }

  /// Sets the value: for void, none.
  void set_value()
    requires std::is_void_v<T>
  {
    set(detail::future_state_base::has_value, [](detail::promise_state<T>& s) { s.emplace_value(); });
  }
  /// For a reference, what it refers to: no temporary.
  void set_value(referent& value)
    requires std::is_lvalue_reference_v<T>
  {
    set(detail::future_state_base::has_value,
        [&](detail::promise_state<T>& s) { s.emplace_value(std::addressof(value)); });
  }
  void set_value(referent&&)
    requires std::is_lvalue_reference_v<T>
  = delete;
  /// For an object, what converts to it, a braced list too.
  /// Throws  what making the value throws; the promise is unset then.
  template <class U = T>
    requires(std::is_object_v<T> && std::is_convertible_v<U, T>)
  void set_value(U&& value) {
    set(detail::future_state_base::has_value,
        [&](detail::promise_state<T>& s) { s.emplace_value(std::forward<U>(value)); });
  }
  SPOOL_REFUSE("spool: set_value(x) needs an x that converts to the promise's T; move in what cannot be copied",
               void set_value(Given&&...) requires std::is_object_v<T>);

  /// Sets an exception in place of a value.      Throws  std::invalid_argument if it is null.
  void set_exception(std::exception_ptr error) {
    if (error == nullptr)
      throw std::invalid_argument(
          "spool::promise: set_exception() got null: give it std::current_exception() or std::make_exception_ptr(e)");
    set(detail::future_state_base::has_error, [&](auto& s) { s.emplace_error(std::move(error)); });
  }

private:
  detail::promise_state<T>& state() const {
    if (state_ == nullptr) throw usage_error("spool::promise: it was moved from: use the one that it was moved to");
    return *state_;
  }

  template <class Write>
  void set(detail::future_state_base::phase final, Write&& write) {
    const future<T> kept = get_future();  // once it is settled, another thread may destroy this promise
    if (!state_->set(final, std::forward<Write>(write))) {
      throw usage_error(
          kept.cancelled()
              ? "spool::promise: its future was cancelled: ask set_running_or_notify_cancel() before the work"
              : "spool::promise: it is set already: set a value or an exception, once");
    }
  }

  void abandon() noexcept {
    std::exception_ptr broken = detail::broken_promise();
    state_->set(detail::future_state_base::has_error, [&](auto& s) { s.emplace_error(std::move(broken)); });
  }

  detail::promise_state<T>* state_;
};

// ── below: how the members above work ──

namespace detail {

/// What the floors above may do with a future's state.
struct future_access {
  template <class T>
  static future<T> adopt(future_state<T>* s) noexcept {
    return future<T>(s);
  }
  /// Throws  usage_error if it is empty.
  template <class T>
  static future_state<T>& state(const future<T>& f) {
    return f.state();
  }
};

template <class T, class F>
class future_callback final : public keeping_callback {
public:
  /// The source is kept before anything of the caller's runs.
  template <class G>
  explicit future_callback(future_state<T>& source, G&& f) : keeping_callback(source), f_(std::forward<G>(f)) {}

  future_state_base* run(future_state_base&) override {
    std::exception_ptr thrown = caught_from(
        [this] {
          const future<T> handle = future_access::adopt(static_cast<future_state<T>*>(take_source()));
          static_cast<void>(std::apply(f_, std::tie(handle)));  // anything invocable, pointers to members too
        },
        [this] {
          delete this;
          // A thread of the caller's own ends as it was told to; of a pool's nobody else would know.
          if (current_task_thread != nullptr) report_unhandled(ended_its_thread());
        });
    delete this;
    if (thrown != nullptr) report_unhandled(std::move(thrown));
    return nullptr;
  }

private:
  F f_;
};

/// The one observer of one waiter that a stop request may end.
class stoppable_waiter final : public observer {
public:
  void settled(bool with_error) noexcept override { signal.add(with_error); }
  completion_signal signal;
};

inline bool wait_or_stop(future_state_base& state, std::stop_token stop) {
  if (state.done()) return true;
  if (stop.stop_requested()) return false;
  if (!stop.stop_possible()) return state.wait(deadline::never());
  stoppable_waiter waiter;
  if (!state.observe(waiter)) return true;
  {
    const auto end_wait = [&waiter]() noexcept { waiter.signal.stop(); };
    std::stop_callback<decltype(end_wait)> on_stop(std::move(stop), end_wait);
    future_state_base* const self = &state;
    awaited_results awaited(&self, 1, false);
    waiter.signal.wait(1, deadline::never(), awaited);
  }
  state.unobserve(waiter);
  return state.done();
}

}  // namespace detail

template <class T>
bool future<T>::wait(std::stop_token stop) const {
  return detail::wait_or_stop(state(), std::move(stop));
}

template <class T>
template <bool Taken, class F>
auto future<T>::continue_with(F&& f) const {
  using continuation = detail::continuation_of<std::decay_t<F>, T, Taken>;
  using result = typename continuation::result;
  detail::future_state<T>& source = state();
  auto* const made = new detail::then_state<T, result, std::decay_t<F>, Taken>(source, std::forward<F>(f));
  future<result> handle = detail::future_access::adopt<result>(made);
  source.add_callback(*made);
  return handle;
}

}  // namespace spool::inline SPOOL_ABI

/// So that futures may be keys: equal handles hash alike.
template <class T>
struct std::hash<spool::future<T>> {
  /// Of the result that it refers to; an empty future has one, too.
  std::size_t operator()(const spool::future<T>& f) const noexcept {
    return f.valid() ? std::hash<const void*>()(std::addressof(spool::detail::future_access::state(f))) : 0;
  }
};
