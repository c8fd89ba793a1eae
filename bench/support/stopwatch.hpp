// bench/support/stopwatch.hpp · what a piece of work took: wall time, processor time, single latencies
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace bench {

using steady = std::chrono::steady_clock;

/// Processor time of this process, or of its children that have ended.
inline double cpu_seconds(int who = RUSAGE_SELF) {
  rusage used{};
  getrusage(who, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Processor time that everyone on this machine has used, in seconds; 0 where the system does not say.
inline double machine_cpu_seconds() {
  std::FILE* const stat = std::fopen("/proc/stat", "r");
  if (stat == nullptr) return 0;
  double user = 0;
  double nice = 0;
  double system = 0;
  const int read = std::fscanf(stat, "cpu %lf %lf %lf", &user, &nice, &system);
  std::fclose(stat);
  return read == 3 ? (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK)) : 0;
}

/// How many processors others than this process and its children use, from its construction on.
class others_watch {
public:
  double processors() const {
    const double used = machine_cpu_seconds() - machine_ - (cpu_seconds() + cpu_seconds(RUSAGE_CHILDREN) - own_);
    return std::max(used / std::chrono::duration<double>(steady::now() - start_).count(), 0.0);
  }

private:
  double machine_ = machine_cpu_seconds();
  double own_ = cpu_seconds() + cpu_seconds(RUSAGE_CHILDREN);
  steady::time_point start_ = steady::now();
};

/// What one sample took, for each unit of its work.
struct cost {
  double wall_ns = 0;  // of a row of latencies, their median
  double cpu_ns = 0;   // of the whole process: says more than the wall when others use the machine
  double p99_ns = 0;   // of a row of latencies, what 99 of 100 stay below; else 0
};

/// The clock of one sample: from its construction until per_unit().
class stopwatch {
public:
  stopwatch() : cpu_(cpu_seconds()), wall_(steady::now()) {}
  cost per_unit(double units) const {
    const double wall = std::chrono::duration<double, std::nano>(steady::now() - wall_).count();
    return {wall / units, (cpu_seconds() - cpu_) * 1e9 / units, 0};
  }

private:
  double cpu_;
  steady::time_point wall_;
};

/// Latencies one by one: each from the end of the one before, or from start().
class latencies {
public:
  explicit latencies(std::size_t n) { all_.reserve(n); }

  void start() { last_ = steady::now(); }
  void stop() {
    const auto now = steady::now();
    add(std::chrono::duration<double, std::nano>(now - last_).count());
    last_ = now;
  }
  void add(double ns) { all_.push_back(ns); }

  cost summary() {
    std::sort(all_.begin(), all_.end());
    return {all_[all_.size() / 2], (cpu_seconds() - cpu_) * 1e9 / static_cast<double>(all_.size()),
            all_[std::min(all_.size() - 1, all_.size() * 99 / 100)]};
  }

private:
  std::vector<double> all_;
  double cpu_ = cpu_seconds();
  steady::time_point last_ = steady::now();
};

}  // namespace bench
