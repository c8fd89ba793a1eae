// tests/support/adl_range.hpp · a range that only the functions next to it know how to go through
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

/// A range for range-for and std::ranges, not for std::begin.
namespace adl {

template <class T>
struct range {
  std::vector<T> elements;
};

template <class T>
auto begin(range<T>& r) {
  return r.elements.begin();
}
template <class T>
auto end(range<T>& r) {
  return r.elements.end();
}
template <class T>
auto begin(const range<T>& r) {
  return r.elements.begin();
}
template <class T>
auto end(const range<T>& r) {
  return r.elements.end();
}

}  // namespace adl
