// spool/detail/base/min_max.hpp · the smaller and the larger of two
// SPDX-License-Identifier: MIT
//
// <algorithm> has the same, but reading it costs every file that includes spool a tenth of <future>.
#pragma once

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

template <class T>
constexpr T smaller_of(T a, T b) noexcept {
  return b < a ? b : a;
}

template <class T>
constexpr T larger_of(T a, T b) noexcept {
  return a < b ? b : a;
}

}  // namespace spool::inline SPOOL_ABI::detail
