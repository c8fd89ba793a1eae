// spool/excepthook.hpp · floor 0 · where exceptions go that nobody can catch
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/shared_function.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/registry/threads.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/errors.hpp>
#include <spool/thread_info.hpp>

namespace spool::inline SPOOL_ABI {

/// What is called with an exception that nobody can catch: any callable that takes
/// (thread_info const&, std::exception_ptr), or nothing at all for the default.
///
/// Shape  Copies share one callable, which several threads may call at the same time.
using excepthook_handler = detail::shared_function<void(thread_info const&, std::exception_ptr)>;

namespace detail {

/// Process state: the handler in use. Never destroyed, so that threads may still fail after main.
struct excepthook_slot {
  static constexpr std::string_view process_name = "excepthook";

  word_lock lock;  // guards all that follows
  bool is_made = false;
  alignas(excepthook_handler) std::byte room[sizeof(excepthook_handler)]{};

  /// Preconditions  the lock is held.
  excepthook_handler& handler() noexcept {
    if (!std::exchange(is_made, true)) ::new (static_cast<void*>(room)) excepthook_handler();
    return *std::launder(reinterpret_cast<excepthook_handler*>(room));
  }
};

inline excepthook_slot& the_excepthook() noexcept { return process_wide<excepthook_slot>::get(); }
inline const bool excepthook_found_at_start = (the_excepthook(), true);

/// The default: one line on stderr.
SPOOL_COLD inline void print_unhandled(const char* thread, std::exception_ptr const& what) {
  try {
    std::rethrow_exception(what);
  } catch (std::exception const& e) {
    std::fprintf(stderr, "Exception in thread %s: %s\n", thread, e.what());
  } catch (...) {
    std::fprintf(stderr, "Exception in thread %s: not a std::exception\n", thread);
  }
}

/// Gives the exception to the hook, in the calling thread, with no lock held. No exception leaves: a hook that throws, or
/// ends its thread, is followed by the default for what it was given.
///
/// Throws  only what ends the thread in the hook, by pthread_exit() or pthread_cancel(). Where the hook is called by a
///         destructor, or because a call has ended the thread already, that ends the program.
SPOOL_COLD inline void call_excepthook(std::exception_ptr what) {
  thread_info thread;
  excepthook_handler handler;
  try {
    thread = this_thread_info();
  } catch (...) {
    // No memory for a name: the hook gets the exception all the same.
  }
  {
    word_guard held(the_excepthook().lock);
    handler = the_excepthook().handler();
  }
  if (handler) {
    const std::exception_ptr thrown =
        caught_from([&] { handler(thread, what); },
                    [&] {
                      std::fputs("The excepthook ended its thread; the default is used:\n", stderr);
                      print_unhandled(thread.name.c_str(), what);
                    });
    if (thrown == nullptr) return;
    std::fputs("The excepthook threw an exception, for which the default is used:\n", stderr);
  }
  print_unhandled(thread.name.c_str(), what);
}

/// Whether it is one of the library's own errors that need no reader.
SPOOL_COLD inline bool is_own_error(std::exception_ptr const& what) noexcept {
  try {
    std::rethrow_exception(what);
  } catch (cancelled_error const&) {
    return true;
  } catch (broken_promise_error const&) {
    return true;
  } catch (broken_pool_error const&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// Where every exception comes that has nowhere else to go: to the hook, unless it is one of the library's own.
/// Throws  as call_excepthook().
SPOOL_COLD inline void report_unhandled(std::exception_ptr what) {
  if (!is_own_error(what)) call_excepthook(std::move(what));
}

}  // namespace detail

/// Sets what is done with exceptions that nobody can catch: one that leaves a thread's function, a posted task or a
/// callback, and one in a future whose last handle goes away unread. The library's own cancelled_error,
/// broken_promise_error and broken_pool_error don't count, wherever they leave and whoever threw them: they only pass on
/// that something was given up. What breaks a pool, as its initializer threw it, always comes here.
///
/// Returns  the handler before, empty if it was the default (a line on stderr: `Exception in thread NAME: what()`);
///          an empty handler restores the default.
/// Throws   nothing; making the handler may throw std::bad_alloc.
/// Synchronization  A handler that was replaced may still be running in other threads when this returns.
inline excepthook_handler set_excepthook(excepthook_handler handler) {
  detail::word_guard held(detail::the_excepthook().lock);
  std::swap(detail::the_excepthook().handler(), handler);
  return handler;
}

}  // namespace spool::inline SPOOL_ABI
