// examples/download/text.hpp · numbers from text, and text for numbers
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

/// All of the text is digits, and it fits.
inline std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// 12345678 as "11.8 MiB".
inline std::string as_size(double bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

/// 75 as "1:15", 7500 as "2:05:00".
inline std::string as_time(double seconds) {
  auto const s = static_cast<unsigned long>(seconds);
  char text[32];
  if (s < 3600) {
    std::snprintf(text, sizeof text, "%lu:%02lu", s / 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
  }
  return text;
}
