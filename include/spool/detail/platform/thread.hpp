// spool/detail/platform/thread.hpp · what the system knows of a thread: its id and name
// SPDX-License-Identifier: MIT
//
//   uint64_t native_thread_id() noexcept                            the kernel's id of the calling thread
//   native_thread this_native_thread() noexcept                     the system's handle of the calling thread
//   void name_native_thread(native_thread, string_view) noexcept    names a living thread, cut to what the system
//   takes;
//                                                                   where only the thread itself can, nothing else
//                                                                   happens
//   void name_native_thread(string_view) noexcept                   names the calling thread
//   bool is_main_thread() noexcept                                  whether the caller runs main()
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__linux__)
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread.h>
#elif defined(_WIN32)
extern "C" __declspec(dllimport) unsigned long __stdcall GetCurrentThreadId();
#else
#include <thread>
#endif

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/process_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// The longest start of `name` with at most `limit` bytes that ends neither inside a UTF-8 character nor after a NUL.
inline std::string_view cut_name(std::string_view name, std::size_t limit) noexcept {
  name = name.substr(0, name.find('\0'));
  if (name.size() <= limit) return name;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;
  return name.substr(0, end);
}

#if defined(__linux__)

inline std::uint64_t native_thread_id() noexcept { return static_cast<std::uint64_t>(::syscall(SYS_gettid)); }

using native_thread = pthread_t;
inline native_thread this_native_thread() noexcept { return ::pthread_self(); }

inline void name_native_thread(native_thread thread, std::string_view name) noexcept {
  char buffer[16]{};  // the kernel's TASK_COMM_LEN
  const std::string_view cut = cut_name(name, sizeof buffer - 1);
  cut.copy(buffer, cut.size());
  ::pthread_setname_np(thread, buffer);
}

inline bool is_main_thread() noexcept { return ::getpid() == static_cast<pid_t>(::syscall(SYS_gettid)); }

#elif defined(__APPLE__)

inline std::uint64_t native_thread_id() noexcept {
  std::uint64_t id = 0;
  ::pthread_threadid_np(nullptr, &id);
  return id;
}

using native_thread = pthread_t;
inline native_thread this_native_thread() noexcept { return ::pthread_self(); }

inline void name_native_thread(native_thread thread, std::string_view name) noexcept {
  if (::pthread_equal(thread, ::pthread_self()) == 0) return;
  char buffer[64]{};
  const std::string_view cut = cut_name(name, sizeof buffer - 1);
  cut.copy(buffer, cut.size());
  ::pthread_setname_np(buffer);
}

inline bool is_main_thread() noexcept { return ::pthread_main_np() != 0; }

#elif defined(_WIN32)

inline std::uint64_t native_thread_id() noexcept { return GetCurrentThreadId(); }

/// Windows' debuggers read names only through an API that not every version has: the name stays in the library.
struct native_thread {};
inline native_thread this_native_thread() noexcept { return {}; }
inline void name_native_thread(native_thread, std::string_view) noexcept {}

/// The id of the thread that built the static objects of the first image: the one that runs main(), unless that image is a
/// library which another thread loaded.
struct static_builder {
  static constexpr std::string_view process_name = "static builder";
  atomic<unsigned long> id{0};
};
inline bool is_main_thread() noexcept {
  unsigned long id = 0;
  const unsigned long mine = GetCurrentThreadId();
  return process_wide<static_builder>::get().id.compare_exchange_strong(id, mine, memory_order_relaxed) || id == mine;
}
inline const bool main_thread_asked_at_start = is_main_thread();

#else

inline std::uint64_t native_thread_id() noexcept { return 0; }

struct native_thread {};
inline native_thread this_native_thread() noexcept { return {}; }
inline void name_native_thread(native_thread, std::string_view) noexcept {}

/// Static objects are built by the thread that runs main().
inline const std::thread::id main_thread_id = std::this_thread::get_id();
inline bool is_main_thread() noexcept { return std::this_thread::get_id() == main_thread_id; }

#endif

inline void name_native_thread(std::string_view name) noexcept { name_native_thread(this_native_thread(), name); }

}  // namespace spool::inline SPOOL_ABI::detail
