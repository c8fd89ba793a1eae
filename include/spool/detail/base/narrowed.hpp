// spool/detail/base/narrowed.hpp · a number in a type that is smaller on some systems, and the same on others
// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A static_cast; where the types are the same g++ would warn of a useless one.      Preconditions  the value fits.
template <class To, class From>
constexpr To narrowed(From value) noexcept {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
