// examples/support/python.hpp · what CPython says to the same question, where it is installed
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

/// Runs a Python program with `python3`, and gives what it prints on stdout, without the last newline; nothing if there
/// is no python3, or if the program fails. The program must not hold what a shell would read in double quotes: " $ ` \.
inline std::string python_output(std::string const& program) {
#ifdef _WIN32
  static_cast<void>(program);
  return {};
#else
  std::FILE* const pipe = ::popen(("python3 -c \"" + program + "\" 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return {};
  std::string output;
  char part[256];
  while (std::size_t const n = std::fread(part, 1, sizeof part, pipe)) output.append(part, n);
  if (::pclose(pipe) != 0) return {};
  if (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
#endif
}
