// spool/detail/base/count.hpp · how many: an argument that any integer converts to, and no negative one
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A number of things, as a parameter or as a field of options.
///
/// A std::size_t there would take a negative number without a word, as the largest there is.
///
/// Shape   Whatever converts to std::size_t does, save floating-point numbers; nothing is narrowed, also in braces. What
///         does not fit is the largest that does.
/// Throws  std::invalid_argument where it is made of a negative number.
class count {
public:
  template <class Number>
    requires(std::is_convertible_v<Number, std::size_t> && !std::is_floating_point_v<Number>)
  constexpr count(Number n) : value_(0) {
    if constexpr (std::is_enum_v<Number>) {
      value_ = count(static_cast<std::underlying_type_t<Number>>(n));
    } else if constexpr (std::is_same_v<Number, std::size_t> || !std::is_integral_v<Number>) {
      value_ = n;
    } else {
      if constexpr (std::is_signed_v<Number>) {
        if (n < 0) refuse();
      }
      constexpr std::size_t most = (std::numeric_limits<std::size_t>::max)();
      if constexpr (sizeof(Number) > sizeof(most)) {
        value_ = n > static_cast<Number>(most) ? most : static_cast<std::size_t>(n);
      } else {
        value_ = static_cast<std::size_t>(n);
      }
    }
  }

  constexpr operator std::size_t() const noexcept { return value_; }

  /// Whether it is so large that it can only be a negative number which the caller has converted.
  constexpr bool is_absurd() const noexcept { return value_ > (std::numeric_limits<std::size_t>::max)() / 2; }

private:
  [[noreturn]] SPOOL_COLD static void refuse() {
    throw std::invalid_argument("spool: a negative number was given for how many: give 0 or more");
  }

  std::size_t value_;
};

}  // namespace spool::inline SPOOL_ABI::detail
