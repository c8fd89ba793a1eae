// spool/detail/platform/usable_cpus.hpp · how many processors the system lets this process use
// SPDX-License-Identifier: MIT
//
// Linux: the affinity mask, then the quotas of the control groups that the process is in, version 2 (cpu.max) and version
// 1 (cpu.cfs_quota_us), each from its own group up to the root, as a parent's quota binds too. Windows: the affinity mask.
#pragma once

#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#elif defined(_WIN32)
#include <bit>
#endif

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/min_max.hpp>

#if defined(_WIN32)
namespace spool::inline SPOOL_ABI::detail {
#if defined(_WIN64)
using windows_mask = unsigned long long;
#else
using windows_mask = unsigned long;
#endif
}  // namespace spool::inline SPOOL_ABI::detail
// Declared by hand, to the letter: <windows.h> brings thousands of names and macros, and may come before or after.
extern "C" {
__declspec(dllimport) void* __stdcall GetCurrentProcess();
__declspec(dllimport) int __stdcall GetProcessAffinityMask(void* process, spool::detail::windows_mask* mine,
                                                           spool::detail::windows_mask* all);
}
#endif

namespace spool::inline SPOOL_ABI::detail {

#if defined(__linux__)

/// The first line of a small file, empty if there is none.
inline std::string first_line_of(const std::string& path) {
  std::string line;
  if (std::FILE* file = std::fopen(path.c_str(), "re")) {
    char buffer[256];
    if (std::fgets(buffer, sizeof buffer, file) != nullptr) line = buffer;
    std::fclose(file);
  }
  return line;
}

/// Lowers `cpus` to quota / period, rounded up, if these are two positive numbers.
inline void limit_by_quota(const std::string& quota, const std::string& period, std::size_t& cpus) {
  long long q = 0;
  long long p = 0;
  if (std::sscanf(quota.c_str(), "%lld", &q) != 1 || std::sscanf(period.c_str(), "%lld", &p) != 1) return;
  if (q > 0 && p > 0) cpus = smaller_of(cpus, static_cast<std::size_t>((q - 1) / p + 1));
}

/// Calls f with the folder of a control group and of each of its parents.
template <class F>
void each_group_up(const std::string& mount, std::string group, F&& f) {
  for (;;) {
    f(mount + group);
    const std::size_t slash = group.find_last_of('/');
    if (slash == std::string::npos) return;
    group.resize(slash);
  }
}

/// Lowers `cpus` to the quotas of the groups that `membership` lists, in the file systems under `mount`.
inline void limit_by_groups(std::size_t& cpus, const char* membership = "/proc/self/cgroup",
                            const std::string& mount = "/sys/fs/cgroup") {
  std::FILE* file = std::fopen(membership, "re");
  if (file == nullptr) return;
  const at_scope_end read([file] { std::fclose(file); });
  char line[4096];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    // number:controllers:/path, the controllers empty in version 2
    const std::string text(line);
    const std::size_t first = text.find(':');
    const std::size_t second = text.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + text.substr(first + 1, second - first - 1) + ",";
    const std::string group = text.substr(second + 1, text.find_last_not_of("\n/") - second);
    if (controllers == ",,") {
      each_group_up(mount, group, [&](const std::string& folder) {
        const std::string max = first_line_of(folder + "/cpu.max");  // "100000 100000", or "max 100000"
        const std::size_t space = max.find(' ');
        if (space != std::string::npos) limit_by_quota(max.substr(0, space), max.substr(space + 1), cpus);
      });
    } else if (controllers.find(",cpu,") != std::string::npos) {
      each_group_up(mount + "/cpu", group, [&](const std::string& folder) {
        limit_by_quota(first_line_of(folder + "/cpu.cfs_quota_us"), first_line_of(folder + "/cpu.cfs_period_us"), cpus);
      });
    }
  }
}

inline std::size_t count_usable_cpus() {
  std::size_t cpus = larger_of(1U, std::thread::hardware_concurrency());
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0) cpus = static_cast<std::size_t>(larger_of(1, CPU_COUNT(&mask)));
  try {
    limit_by_groups(cpus);
  } catch (std::exception const&) {  // but no pthread_cancel(), which may come here as it reads
    // No memory to read the quotas: what is known is what the mask says.
  }
  return cpus;
}

#elif defined(_WIN32)

/// The affinity mask speaks of one group of at most 64 processors only, so it counts only where it forbids some of these.
inline std::size_t count_usable_cpus() {
  windows_mask mine = 0;
  windows_mask all = 0;
  const bool known = GetProcessAffinityMask(GetCurrentProcess(), &mine, &all) != 0;
  if (known && mine != 0 && mine != all) return static_cast<std::size_t>(std::popcount(mine));
  return larger_of(1U, std::thread::hardware_concurrency());
}

#else

inline std::size_t count_usable_cpus() { return larger_of(1U, std::thread::hardware_concurrency()); }

#endif

}  // namespace spool::inline SPOOL_ABI::detail
