// spool/detail/base/range_access.hpp · where a range begins and ends, as range-for finds it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

// A member of the range, or else a function next to its type. std::begin knows members only, and std::ranges::begin costs
// <ranges>.

template <class Range>
concept begins_itself = requires(Range& range) { range.begin(); };
template <class Range>
concept ends_itself = requires(Range& range) { range.end(); };

template <class T, std::size_t N>
constexpr T* begin_of(T (&array)[N]) noexcept {
  return array;
}
template <begins_itself Range>
constexpr auto begin_of(Range& range) {
  return range.begin();
}
template <class Range>
  requires(!begins_itself<Range>) && requires(Range& range) { begin(range); }
constexpr auto begin_of(Range& range) {
  return begin(range);
}

template <class T, std::size_t N>
constexpr T* end_of(T (&array)[N]) noexcept {
  return array + N;
}
template <ends_itself Range>
constexpr auto end_of(Range& range) {
  return range.end();
}
template <class Range>
  requires(!ends_itself<Range>) && requires(Range& range) { end(range); }
constexpr auto end_of(Range& range) {
  return end(range);
}

}  // namespace spool::inline SPOOL_ABI::detail
