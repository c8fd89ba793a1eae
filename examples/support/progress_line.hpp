// examples/support/progress_line.hpp · a progress bar as text
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

/// "[####......]  40 %"
inline std::string progress_line(int percent) {
  std::string bar(10, '.');
  bar.replace(0, static_cast<std::size_t>(percent / 10), static_cast<std::size_t>(percent / 10), '#');
  std::string const number = std::to_string(percent);
  return "[" + bar + "] " + std::string(3 - number.size(), ' ') + number + " %";
}
