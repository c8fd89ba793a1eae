// bench/report/table.hpp · lines of tab-separated text, as the benches write them
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace report {

using line = std::vector<std::string>;
using table = std::vector<line>;

inline table read_table(const std::filesystem::path& file) {
  table lines;
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    line fields;
    std::istringstream parts(text);
    for (std::string field; std::getline(parts, field, '\t');) fields.push_back(field);
    if (!fields.empty()) lines.push_back(std::move(fields));
  }
  return lines;
}

/// A number with three digits that say something.
inline std::string short_number(double value) {
  char text[32];
  const int decimals = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

inline std::string fixed(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// A row in which others used more of the machine than this, in processors, is marked.
inline constexpr double noisy_others = 0.25;

}  // namespace report
