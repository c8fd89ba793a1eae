// spool/thread.hpp · floor 3 · named thread that joins and can be asked to stop; who is running
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/base/refuse.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/registry/main_thread.hpp>
#include <spool/detail/registry/threads.hpp>
#include <spool/detail/thread/state.hpp>
#include <spool/errors.hpp>
#include <spool/thread_info.hpp>

namespace spool::inline SPOOL_ABI {

/// How a thread is made.
struct thread_options {
  std::string name = {};  ///< Thread-1, Thread-2 ... if empty
  bool daemon = false;    ///< whether the program may end, and this object go, without waiting for the thread
};

/// A thread of its own for one call; Python's Thread.
///
///     spool::thread worker(spool::thread_options{.name = "copier"}, copy_file, from, to);
///     worker.start();
///     worker.join();
///
/// Shape            Calls f(args...) with copies of f and args, as std::thread does, or f.run(args...) if f is an
///                  object with run() that cannot be called itself (std::ref(object): without a copy). If it fits only with a
///                  std::stop_token before the arguments, it gets the thread's. What it returns is dropped; an
///                  exception that leaves it goes to the excepthook. Moved, not copied.
/// Blocks           Only start(), until the thread is up, and join().
/// Synchronization  start() happens before the call of f. All that the thread does, its thread-locals' destructors
///                  included, happens before the return of every join().
///                  pthread_exit() and pthread_cancel() end it as its return does.
/// Throws           usage_error: every member of one that was moved from, or made of nothing, but assignment and the
///                  destructor. std::bad_alloc: what copies a name.
/// Lifetime         The destructor requests stop and joins; of a daemon, in the thread itself, and where the system sees
///                  that the two threads would wait for each other, it lets the thread go.
///                  Every member function but those that move may be called by several threads at once. f and args are
///                  destroyed by the thread as soon as f has returned.
class thread {
public:
  /// Of no thread, as one that was moved from.
  thread() noexcept = default;

  /// Made, not started.
  /// Throws  std::bad_alloc, f and args untouched, and what copying them throws.
  template <class F, class... Args>
    requires(!std::is_same_v<std::remove_cvref_t<F>, thread> &&
             detail::thread_body<std::decay_t<F>, std::decay_t<Args>...>)
  [[nodiscard("a thread runs once start() is called: name it")]] explicit thread(F&& f, Args&&... args)
      : thread(thread_options{}, std::forward<F>(f), std::forward<Args>(args)...) {}
  /// The same, as the options say.
  template <class F, class... Args>
    requires detail::thread_body<std::decay_t<F>, std::decay_t<Args>...>
  [[nodiscard("a thread runs once start() is called: name it")]] explicit thread(thread_options options, F&& f,
                                                                                 Args&&... args)
      : state_(detail::with_copies_made(
            [&options](auto&&... parts) {
              return new detail::thread_state_of<detail::thread_call<std::decay_t<F>, std::decay_t<Args>...>>(
                  detail::name_or_default(std::move(options.name)), options.daemon,
                  std::forward<decltype(parts)>(parts)...);
            },
            std::forward<F>(f), std::forward<Args>(args)...)) {}
  SPOOL_REFUSE(
      "spool: thread(f, args...) needs an f that can be called with copies of args, or an object with run(args...)",
      explicit thread(Given&&...) requires detail::no_copy_of<thread, Given...>);
  SPOOL_REFUSE(
      "spool: thread(options, f, args...) needs an f that can be called with copies of args, or has run(args...)",
      explicit thread(thread_options, Given&&...));

  /// Takes the thread over, started or not.
  thread(thread&& other) noexcept = default;
  /// Ends this object's own thread first, as the destructor does.
  thread& operator=(thread&& other) noexcept {
    if (this != &other) {
      let_go();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  /// Requests stop and joins, if it was started; of a daemon, and in the thread itself, lets the thread go.
  ~thread() { let_go(); }

  /// Starts the thread; once this returns it is listed and has its ids.
  /// Throws  usage_error if it was started before, of several that start it at once in all but one; std::system_error
  ///         if the system refuses the thread, and std::bad_alloc: nothing has happened then, and it may be started again.
  void start() { state().start(); }

  /// Waits until the thread is gone. May be called again, and by many.
  /// Throws  usage_error in the thread itself, which would wait for ever, and if it was not started; std::system_error
  ///         (resource_deadlock_would_occur) if the system sees that it waits for the calling thread: all as before.
  void join() { static_cast<void>(state().join(detail::deadline::never())); }

  /// Waits at most d; d <= 0 looks once, the largest d never ends.      Returns  whether the thread is gone.
  /// Blocks  At most d, but of a thread whose last thread-local is destroyed until the system has ended it: some
  ///         microseconds, or as long as destructors of POSIX keys (pthread_key_create) take.
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> d) {
    return state().join(detail::deadline::after(d));
  }
  /// Waits until t of any clock at most, and blocks as join_for().      Returns  whether the thread is gone.
  template <class Clock, class Duration>
  bool join_until(std::chrono::time_point<Clock, Duration> t) {
    return state().join(detail::deadline::at(t));
  }

  /// Whether it was started and is still listed: true until its thread-locals are destroyed.
  [[nodiscard]] bool is_alive() const { return state().alive(); }

  /// What it is called, here and in enumerate().
  [[nodiscard]] std::string name() const { return state().entry().copy().name; }
  /// Gives it another name, at any time; while it runs the system's name of the thread changes, too.
  void set_name(std::string name) { state().entry().rename(std::move(name)); }

  /// Whether the program may end without waiting for it.
  [[nodiscard]] bool daemon() const { return state().entry().daemon(); }

  /// The standard's id; std::thread::id() before the start. Stays when the thread has ended.
  [[nodiscard]] std::thread::id ident() const { return state().entry().copy().ident; }
  /// The kernel's id; 0, which no thread has, before the start. Stays when the thread has ended.
  [[nodiscard]] std::uint64_t native_id() const { return state().entry().copy().native_id; }

  /// Asks the thread to stop: its stop token says so from now on.      Returns  whether this was the first request.
  bool request_stop() { return state().stop().request_stop(); }
  /// What request_stop() fires; the thread has the same.
  [[nodiscard]] std::stop_token get_stop_token() const { return state().stop().get_token(); }

private:
  detail::thread_state& state() const {
    if (state_ == nullptr) throw_empty();
    return *state_;
  }
  [[noreturn]] SPOOL_COLD static void throw_empty() {
    throw usage_error("spool::thread: it is of no thread, or was moved from: use the one that it was moved to");
  }

  void let_go() noexcept;

  detail::thread_state::owner state_;
};

inline void thread::let_go() noexcept {
  if (state_ == nullptr || !state_->started()) return;
  if (state_->entry().daemon()) return state_->abandon();
  state_->stop().request_stop();
  if (state_->is_caller()) return state_->abandon();
  try {
    static_cast<void>(state_->join(detail::deadline::never()));
  } catch (std::system_error const&) {
    state_->abandon();
  }
}

/// Who is calling. A thread that spool did not make is listed from its first call on, as Dummy-N, while it lives.
/// Throws  std::bad_alloc.
[[nodiscard]] inline thread_info current_thread() {
  detail::note_main_thread();
  return detail::this_thread_info();
}

/// How many threads are listed: the main thread, all started and not yet gone, the pools' workers, the timers' threads,
/// and those that spool did not make but that asked who they are.
[[nodiscard]] inline std::size_t active_count() noexcept { return detail::count_threads(); }

/// The threads that active_count() counts: the main thread, then the others, the oldest first.
/// Throws  std::bad_alloc.
[[nodiscard]] inline std::vector<thread_info> enumerate() { return detail::list_threads(); }

/// The thread that runs main(). Its name in the system stays the program's.      Throws  std::bad_alloc.
[[nodiscard]] inline thread_info main_thread() { return detail::main_thread_info(); }

}  // namespace spool::inline SPOOL_ABI
