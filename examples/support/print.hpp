// examples/support/print.hpp · lines of several threads that never mix
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <ios>
#include <sstream>
#include <string>

/// Prints its arguments, one after the other, as one line: `print_line("task ", 3, " done: ", true)`.
///
/// The line is made first and written by one call, which C's streams carry out under a lock of their own: so lines of
/// several threads may come in any order, but whole.
template <class... Values>
void print_line(Values const&... values) {
  std::ostringstream text;
  text << std::boolalpha;
  (text << ... << values) << '\n';
  std::string const line = text.str();
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}
