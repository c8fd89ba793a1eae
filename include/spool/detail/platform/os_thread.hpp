// spool/detail/platform/os_thread.hpp · a thread of the system (a seam)
// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#if defined(_WIN32)
extern "C" __declspec(dllimport) unsigned long __stdcall WaitForSingleObject(void*, unsigned long);
#else
#include <pthread.h>
#include <signal.h>
#endif

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Joined or detached by hand.
using os_thread = std::thread;

/// Starts one that calls f.      Throws  std::system_error when the system refuses; std::bad_alloc.
template <class F>
os_thread start_os_thread(F&& f) {
  try {
    return os_thread(std::forward<F>(f));
  } catch (std::system_error const& refused) {
    throw std::system_error(refused.code(),
                            "spool: the system refused a thread: let others end first, or raise the limit (ulimit -u)");
  }
}

#if defined(_WIN32)
/// What the system knows a thread by: std::thread's own handle, or what that of POSIX threads stands for.
template <class Handle>
void* system_handle(Handle handle) noexcept {
  if constexpr (std::is_pointer_v<Handle>) {
    return handle;
  } else {
    return pthread_gethandle(handle);
  }
}
#endif

/// Joins a thread if it has ended, the destructors of its thread-locals included.      Preconditions  joinable.
/// Returns  whether it has; it never blocks.
inline bool try_join(os_thread& t) noexcept {
#if defined(__linux__) && !defined(__ANDROID__)
  if (::pthread_tryjoin_np(t.native_handle(), nullptr) != 0) return false;
  // The system has joined it, and std::thread has no way to be told so: one without a thread takes its place.
  ::new (static_cast<void*>(&t)) os_thread();
  return true;
#elif defined(_WIN32)
  if (WaitForSingleObject(system_handle(t.native_handle()), 0) != 0) return false;
  t.join();
  return true;
#else
  if (::pthread_kill(t.native_handle(), 0) == 0) return false;  // what has ended can be sent no signal
  t.join();
  return true;
#endif
}

}  // namespace spool::inline SPOOL_ABI::detail
