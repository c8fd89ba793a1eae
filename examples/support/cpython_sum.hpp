// examples/support/cpython_sum.hpp · what CPython makes of the sum in one thread and in four, where it is installed
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

/// One line with the version of `python3` and its times for a fiftieth of the numbers, or one that says that there is
/// no python3.
inline std::string cpython_sum() {
  // The shell reads it between double quotes.
  char const* const program = R"(
import queue, sys, threading, time

def sum_part(sums, first, last):
    sums.put(sum(x * x % 97 for x in range(first, last)))

def milliseconds(parts):
    sums = queue.Queue()
    n = 2_000_000 // parts
    threads = [threading.Thread(target=sum_part, args=(sums, n * i, n * (i + 1))) for i in range(parts)]
    start = time.perf_counter()
    for t in threads: t.start()
    total = sum(sums.get() for t in threads)
    return 1000 * (time.perf_counter() - start)

one, four = milliseconds(1), milliseconds(4)
print(f'Python {sys.version_info[0]}.{sys.version_info[1]}: {one:.0f} ms in one thread, {four:.0f} ms in four: ', end='')
print(f'{one / four:.1f} times as fast')
)";
  std::string output;
#ifndef _WIN32
  std::string const command = "python3 -c \"" + std::string(program) + "\" 2>/dev/null";
  if (std::FILE* const pipe = ::popen(command.c_str(), "r")) {
    char part[256];
    while (std::size_t const n = std::fread(part, 1, sizeof part, pipe)) output.append(part, n);
    if (::pclose(pipe) != 0) output.clear();
  }
#else
  static_cast<void>(program);
#endif
  if (output.empty()) return "(no python3 here to compare with)";
  output.pop_back();  // the newline
  return output;
}
