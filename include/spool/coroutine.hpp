// spool/coroutine.hpp · floor 5 · co_await a future; a future as a coroutine
// SPDX-License-Identifier: MIT
//
//     spool::future<std::size_t> total_size(spool::thread_pool& pool, std::vector<std::string> urls) {
//       std::size_t sum = 0;
//       for (auto const& url : urls) sum += (co_await pool.submit(fetch, url)).size();
//       co_return sum;
//     }
//
// co_await f       Gives what f.result() gives, as soon as it is there: T const& of an lvalue, the value itself, moved out
//                  for all handles, of an rvalue. Throws what that throws. No thread waits: the coroutine is suspended,
//                  and goes on in the thread that completes f, as a callback of f, or at once if f is done.
// future<T> f()    May be a coroutine. It runs at once, up to its first suspension, in the caller; its future is running
//                  from the start, so that cancel() is false, and gets what it returns or throws.
//
// Shape            Any coroutine may await a future, those of other libraries too, but it must not be destroyed while it
//                  is suspended there. One handle, awaited by many coroutines, is read by each.
//                  g++ 12 compiles `c ? co_await f : g` wrongly, whatever is awaited: use an if.
//                  It also moves a lambda that is written inside an awaited expression byte by byte, which tears a string
//                  that it captures: name the lambda before, or submit(f, args...).
//                  g++ 16 counts who still needs a frame without an atomic, in any coroutine: ThreadSanitizer reports it
//                  where another thread goes on with one, and a frame that ends just while its first call returns leaks.
//                  One that ends its thread by pthread_exit() before its first suspension leaves its future undestroyed, if
//                  it was compiled by clang.
// Synchronization  What happened before a future was completed happens before its co_await goes on.
// Complexity       A coroutine is two blocks of memory, reused in the steady state: its frame and its result. Awaiting
//                  needs none. A chain of suspended coroutines, each awaiting the next, goes on and ends without a stack,
//                  however long it is. Up to its first suspension a coroutine is a call, and lies on the caller's stack: one
//                  that calls itself without suspending needs as much of that as any recursion; co_await pool.schedule()
//                  before the call ends this.
// Lifetime         Its frame, arguments and locals included, is destroyed before its result is seen.
#pragma once

#include <spool/detail/config.hpp>  // before <coroutine>, which has its own complaint about C++17

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/future/awaiting.hpp>
#include <spool/detail/future/promise_state.hpp>
#include <spool/detail/future/result.hpp>
#include <spool/detail/future/resume.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/registry/block_cache.hpp>
#include <spool/future.hpp>

namespace spool::inline SPOOL_ABI {

namespace detail {

/// A coroutine's place among the callbacks of a future; lies in its frame.
template <class T, bool Taken>
class future_awaiter final : public done_callback {
public:
  explicit future_awaiter(future_state<T>& awaited) noexcept : done_callback(awaited) {}

  bool await_ready() const noexcept { return source_->done(); }
  /// Lifetime  Once it is among the callbacks the coroutine may go on, and end, in another thread: nothing here is
  ///           touched any more.
  template <class Handle>
  bool await_suspend(Handle h) noexcept {
    coroutine_ = suspended_coroutine(h);
    if constexpr (requires { static_cast<awaited_source&>(h.promise().awaited()); }) {
      by_ = &h.promise().awaited();
      by_->begin(*source_);
    }
    if (source_->try_add_callback(*this)) return true;
    if (by_ != nullptr) by_->end();
    return false;
  }
  decltype(auto) await_resume() {
    if constexpr (Taken) {
      return take_result(awaited());
    } else {
      return refer_to_result(awaited());
    }
  }

  future_state_base* run(future_state_base&) override {
    if (by_ != nullptr) by_->end();
    return resume_here(coroutine_);
  }

private:
  /// Until it is settled whoever completes it has a handle, and while run() runs.
  future_state<T>& awaited() noexcept { return static_cast<future_state<T>&>(*source_); }

  suspended_coroutine coroutine_;
  awaited_source* by_ = nullptr;  // of the coroutine's result, if that is a future's
};

/// The end of a coroutine that returns a future.
struct coroutine_end {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
    Promise::end(h);
  }
  void await_resume() const noexcept {}
};

template <class T>
class coroutine_promise;

/// What the coroutines that return a future<T> have in common, whatever T is.
template <class T>
class coroutine_promise_base {
public:
  coroutine_promise_base() : result_((broken_promise(), new coroutine_state<T>)) {
    result_->add_handle();  // for the future; the other one is the coroutine's
    result_->claim();
  }
  coroutine_promise_base(const coroutine_promise_base&) = delete;
  coroutine_promise_base& operator=(const coroutine_promise_base&) = delete;
  /// Who has destroyed the coroutine before its end, by a handle that it gave away, leaves a broken promise.
  ~coroutine_promise_base() {
    if (result_ == nullptr) return;
    if (outcome_ != future_state_base::pending) discard_outcome();
    result_->emplace_error(std::exception_ptr(broken_promise()));
    result_->settle_and_drop(future_state_base::has_error, [] {});
  }

  static void* operator new(std::size_t size) { return allocate_block(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { free_block_of(memory, size); }

  awaited_source& awaited() noexcept { return result_->awaited(); }

  future<T> get_return_object() noexcept { return future_access::adopt<T>(result_); }
  std::suspend_never initial_suspend() const noexcept { return {}; }
  coroutine_end final_suspend() const noexcept { return {}; }

  /// Throws  what ends the thread (a forced unwind). Then the coroutine stays suspended at its end, until whoever has resumed
  ///         it ends it; where that is not known, its result is seen at once, and the frame is left to the caller.
  void unhandled_exception() {
    std::exception_ptr thrown = std::current_exception();
    const bool ends_thread = thrown == nullptr;
    discard_outcome();  // a destructor that threw after co_return
    result_->emplace_error(ends_thread ? ended_its_thread() : std::move(thrown));
    outcome_ = future_state_base::has_error;
    if (!ends_thread) return;
    using handle = std::coroutine_handle<coroutine_promise<T>>;
    void* const frame = handle::from_promise(static_cast<coroutine_promise<T>&>(*this)).address();
    if (!end_when_left(frame, [](void* left) { end(handle::from_address(left)); })) {
      promise_state<T>& result = *std::exchange(result_, nullptr);
      result.mark_read();  // the caller's thread ends as it was told to
      result.settle_and_drop(future_state_base::has_error, [] {});
    }
    throw;
  }

  /// The body has ended: destroys the frame, and then lets the result be seen.
  template <class Promise>
  static void end(std::coroutine_handle<Promise> h) noexcept {
    coroutine_promise_base& self = h.promise();
    coroutine_state<T>& result = *std::exchange(self.result_, nullptr);
    const future_state_base::phase outcome = self.outcome_;
    const void* const frame = h.address();
    h.destroy();
    settle_coroutine(result, outcome, frame);
  }

protected:
  template <class... Args>
  void keep(Args&&... args) {
    discard_outcome();  // of a co_return before this one, if a destructor threw on its way out and was caught
    result_->emplace_value(std::forward<Args>(args)...);
    outcome_ = future_state_base::has_value;
  }

private:
  void discard_outcome() noexcept {
    if (outcome_ == future_state_base::has_value) result_->discard_value();
    outcome_ = future_state_base::pending;
  }

  coroutine_state<T>* result_;                                     // null once it has ended
  future_state_base::phase outcome_ = future_state_base::pending;  // what lies in result_, to be settled at the end
};

template <class T>
class coroutine_promise : public coroutine_promise_base<T> {
public:
  template <class U = T>
    requires std::is_convertible_v<U, T>
  void return_value(U&& value) {
    this->keep(std::forward<U>(value));
  }
};
template <class T>
class coroutine_promise<T&> : public coroutine_promise_base<T&> {
public:
  void return_value(T& value) { this->keep(std::addressof(value)); }
  void return_value(T&&) = delete;
};
template <>
class coroutine_promise<void> : public coroutine_promise_base<void> {
public:
  void return_void() { keep(); }
};

}  // namespace detail

/// Suspends the coroutine until f is done; gives T const&, or what a reference refers to, or nothing.
/// Throws  what the task threw; cancelled_error; usage_error if f is empty, or its value was moved out.
template <class T>
auto operator co_await(const future<T>& f) {
  return detail::future_awaiter<T, false>(detail::future_access::state(f));
}
/// The same, but gives the value, moved out for all handles.      Throws  the same.
template <class T>
auto operator co_await(future<T>&& f) {
  return detail::future_awaiter<T, true>(detail::future_access::state(f));
}

}  // namespace spool::inline SPOOL_ABI

/// Makes a function that returns a future<T> a coroutine, if it says co_await or co_return.
template <class T, class... Args>
struct std::coroutine_traits<spool::future<T>, Args...> {
  /// Keeps what the coroutine returns or throws for its future.
  using promise_type = spool::detail::coroutine_promise<T>;
};
