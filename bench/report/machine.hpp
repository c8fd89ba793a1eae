// bench/report/machine.hpp · what the figures were measured on
// SPDX-License-Identifier: MIT
#pragma once

#include <ctime>
#include <fstream>
#include <string>
#include <thread>

#include <spool/thread_pool.hpp>
#include <spool/version.hpp>

namespace report {

inline std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string text; std::getline(info, text);) {
    if (text.starts_with("model name")) return text.substr(text.find(':') + 2);
  }
  return "processor unknown";
}

inline std::string version() {
  return std::to_string(spool::version_major) + '.' + std::to_string(spool::version_minor) + '.' +
         std::to_string(spool::version_patch);
}

inline std::string machine() {
  char today[32] = "";
  const std::time_t now = std::time(nullptr);
  std::strftime(today, sizeof today, "%Y-%m-%d", std::localtime(&now));
  return "spool " + version() + ", " + std::string(today) + ": " + processor() + ", " +
         std::to_string(spool::usable_cpus()) + " usable of " + std::to_string(std::thread::hardware_concurrency()) +
         " processors; compiled by " SPOOL_BENCH_COMPILER_ID " with `" SPOOL_BENCH_FLAGS
         "`.\n\n"
         "Made by `cmake --workflow --preset bench`. Peers found: " SPOOL_BENCH_PEERS
         "; not installed, hence left out: " SPOOL_BENCH_ABSENT_PEERS ".\n";
}

}  // namespace report
