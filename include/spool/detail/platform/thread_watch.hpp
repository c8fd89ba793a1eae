// spool/detail/platform/thread_watch.hpp · what a thread can see of another's work, and its sense of time
// SPDX-License-Identifier: MIT
//
//   class thread_watch              made by the thread that will be watched; copied and used by another
//     bool asleep() const noexcept              whether it waits in the kernel; true where that cannot be told
//     int64_t cpu_ns() const noexcept           processor time that it has had so far; 0 where that cannot be told
//   void wake_on_time() noexcept    the calling thread's timed sleeps end as soon after their deadline as the system
//   can
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

#include <cstdio>
#include <cstring>

#include <spool/detail/platform/thread.hpp>
#endif

namespace spool::inline SPOOL_ABI::detail {

#if defined(__linux__)

class thread_watch {
public:
  thread_watch() noexcept : id_(native_thread_id()) {
    if (::pthread_getcpuclockid(::pthread_self(), &clock_) != 0) clock_ = CLOCK_MONOTONIC;
  }

  bool asleep() const noexcept {
    char text[512];
    std::snprintf(text, sizeof text, "/proc/self/task/%llu/stat", static_cast<unsigned long long>(id_));
    std::FILE* const file = std::fopen(text, "re");
    if (file == nullptr) return true;
    text[std::fread(text, 1, sizeof text - 1, file)] = '\0';
    std::fclose(file);
    const char* const name_end = std::strrchr(text, ')');  // the state follows the name, which may hold anything
    return name_end == nullptr || std::strncmp(name_end, ") R", 3) != 0;
  }

  std::int64_t cpu_ns() const noexcept {
    timespec used{};
    if (::clock_gettime(clock_, &used) != 0) return 0;
    return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
  }

private:
  std::uint64_t id_;
  clockid_t clock_{};
};

/// Linux lets timed sleeps run over by 50 us unless told otherwise.
inline void wake_on_time() noexcept { ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

#else

class thread_watch {
public:
  bool asleep() const noexcept { return true; }
  std::int64_t cpu_ns() const noexcept { return 0; }
};

inline void wake_on_time() noexcept {}

#endif

}  // namespace spool::inline SPOOL_ABI::detail
