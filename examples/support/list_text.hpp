// examples/support/list_text.hpp · a list as Python prints it
// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>
#include <string>

/// The elements of a range between brackets: [1, 2, 3].
template <class Range>
std::string list_text(Range&& range) {
  std::ostringstream text;
  char const* before = "";
  text << '[';
  for (auto const& element : range) {
    text << before << element;
    before = ", ";
  }
  text << ']';
  return text.str();
}
