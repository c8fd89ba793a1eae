// tests/support/process.hpp · what the system says of this process; a child of it; a system that refuses threads
// SPDX-License-Identifier: MIT
//
// Where a system has no way to do it, a constant says so, and the tests that need it return at once:
//
//     if (!no_more_threads::works) return;
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>

#if defined(__linux__)
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#elif defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
// after windows.h
#include <tlhelp32.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BYTES_TOLD_BY_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BYTES_TOLD_BY_SANITIZER 1
#endif
#endif
#if defined(BYTES_TOLD_BY_SANITIZER)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

/// Whether destructors of thread-locals may read thread-locals, themselves included: MinGW's g++ frees all these first.
#if defined(__MINGW32__) && defined(__GLIBCXX__)
inline constexpr bool destructors_see_thread_locals = false;
#else
inline constexpr bool destructors_see_thread_locals = true;
#endif

#if defined(__SANITIZE_THREAD__)
#define CONTRACT_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CONTRACT_UNDER_TSAN 1
#endif
#endif
#ifndef CONTRACT_UNDER_TSAN
#define CONTRACT_UNDER_TSAN 0
#endif

/// How a program ended: its exit code, negative if it crashed; and what it printed.
struct ended_process {
  int code;
  std::string output;
};

#if defined(__linux__)

/// The system's id of the calling thread.
inline std::uint64_t own_thread_id() { return static_cast<std::uint64_t>(::syscall(SYS_gettid)); }

/// The ids of all threads of this process, as the system counts them.
inline std::set<std::uint64_t> real_threads() {
  std::set<std::uint64_t> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    all.insert(std::stoull(entry.path().filename().string()));
  }
  return all;
}

/// The name that the system has for a thread of this process.
inline constexpr bool system_names_threads = true;
inline std::string system_name(std::uint64_t thread_id) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread_id) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

/// While it lives, the system refuses every new thread: there is no room for stacks of this size.
class no_more_threads {
public:
  static constexpr bool works = true;
  no_more_threads() {
    ::pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    ::pthread_getattr_default_np(&huge);
    ::pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
    ::pthread_setattr_default_np(&huge);
    ::pthread_attr_destroy(&huge);
  }
  ~no_more_threads() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }
  no_more_threads(const no_more_threads&) = delete;
  no_more_threads& operator=(const no_more_threads&) = delete;

private:
  pthread_attr_t before_;
};

/// While it lives, the calling thread, and on Windows all others too, have one processor only.
class one_cpu {
public:
  one_cpu() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &before_)) CPU_SET(cpu, &one);
    }
    in_force = ::sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~one_cpu() { ::sched_setaffinity(0, sizeof before_, &before_); }
  one_cpu(const one_cpu&) = delete;
  one_cpu& operator=(const one_cpu&) = delete;
  bool in_force;

private:
  cpu_set_t before_{};
};

/// Bytes that the program has allocated and not freed.
inline std::size_t live_bytes() {
#if defined(BYTES_TOLD_BY_SANITIZER)
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

/// Processor time of all threads of the program.
inline std::chrono::microseconds cpu_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](timeval const& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

#elif defined(_WIN32)

inline std::uint64_t own_thread_id() { return ::GetCurrentThreadId(); }

inline std::set<std::uint64_t> real_threads() {
  std::set<std::uint64_t> all;
  const HANDLE snapshot = ::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
  THREADENTRY32 entry{};
  entry.dwSize = sizeof entry;
  for (BOOL more = ::Thread32First(snapshot, &entry); more != 0; more = ::Thread32Next(snapshot, &entry)) {
    if (entry.th32OwnerProcessID == ::GetCurrentProcessId()) all.insert(entry.th32ThreadID);
  }
  ::CloseHandle(snapshot);
  return all;
}

inline constexpr bool system_names_threads = false;
inline std::string system_name(std::uint64_t) { return {}; }

struct no_more_threads {
  static constexpr bool works = false;
  ~no_more_threads() {}  // so that it counts as used
};

class one_cpu {
public:
  one_cpu() {
    ::GetProcessAffinityMask(::GetCurrentProcess(), &before_, &system_);
    in_force = ::SetProcessAffinityMask(::GetCurrentProcess(), before_ & (~before_ + 1)) != 0;
  }
  ~one_cpu() { ::SetProcessAffinityMask(::GetCurrentProcess(), before_); }
  one_cpu(const one_cpu&) = delete;
  one_cpu& operator=(const one_cpu&) = delete;
  bool in_force;

private:
  DWORD_PTR before_{};
  DWORD_PTR system_{};
};

/// Not known: no test can find a leak here, those on other systems do.
inline std::size_t live_bytes() { return 0; }

inline std::chrono::microseconds cpu_time() {
  std::array<FILETIME, 4> times{};  // creation, exit, kernel, user; in 100 ns
  ::GetProcessTimes(::GetCurrentProcess(), &times[0], &times[1], &times[2], &times[3]);
  const auto of = [](FILETIME const& t) {
    return std::chrono::microseconds(((std::int64_t{t.dwHighDateTime} << 32) + t.dwLowDateTime) / 10);
  };
  return of(times[2]) + of(times[3]);
}

#endif

/// How many threads of the process are not the program's: QEMU has one from the start, ThreadSanitizer soon.
inline const std::size_t foreign_threads = std::max<std::size_t>(real_threads().size() - 1, CONTRACT_UNDER_TSAN);

/// Runs a hidden test of this program as a process of its own.
inline ended_process run_child(const std::string& test) {
#if defined(_WIN32)
  std::string program(MAX_PATH, '\0');
  program.resize(::GetModuleFileNameA(nullptr, program.data(), MAX_PATH));
  std::FILE* const out = ::_popen(("\"\"" + program + "\" \"" + test + "\" 2>&1\"").c_str(), "r");
#else
  // A daemon of the child may be about to join a thread of its own when the program ends.
  const char* const options = std::getenv("TSAN_OPTIONS");
  ::setenv("TSAN_OPTIONS", ((options != nullptr ? std::string(options) + ":" : "") + "report_thread_leaks=0").c_str(),
           1);
#if !defined(EMULATOR)  // what has to run the programs for another processor
#define EMULATOR ""
#endif
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::FILE* const out = ::popen(("exec " EMULATOR " '" + program + "' '" + test + "' 2>&1").c_str(), "r");
#endif
  if (out == nullptr) throw std::runtime_error("no child");
  ended_process ended{-1, {}};
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), out)) ended.output.append(buffer.data(), n);
#if defined(_WIN32)
  ended.code = ::_pclose(out);
#else
  const int status = ::pclose(out);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#endif
  return ended;
}
