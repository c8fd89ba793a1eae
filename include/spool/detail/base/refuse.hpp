// spool/detail/base/refuse.hpp · overloads for arguments that don't fit, to say so in one line
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A sentence as a template argument: the compiler prints it with the function's name.
template <std::size_t N>
struct reason {
  consteval reason(const char (&sentence)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = sentence[i];
  }
  char text[N];
};

/// Whether these are the arguments of no copy and no move of a Class.
template <class Class, class... Given>
concept no_copy_of = !(sizeof...(Given) == 1 && (std::is_same_v<std::remove_cvref_t<Given>, Class> && ...));

}  // namespace spool::inline SPOOL_ABI::detail

/// Declares, in a class, the overload for all that fits no other: SPOOL_REFUSE("what is needed", void put(Given&&...));
///
/// The first line of the error is at the call, and says the sentence. Other than with a static_assert, type traits and
/// requires-expressions get a plain no. `Given` are the types of the arguments. Where another overload takes a parameter
/// to which arguments are converted, so must this one: as the closer match it would win.
// clang-format off
#if defined(__clang__) && __clang_major__ >= 19
#define SPOOL_REFUSE(sentence, ...)                                                             \
  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wc++26-extensions\"")   \
  template <class... Given> __VA_ARGS__ = delete(sentence)                                      \
  _Pragma("clang diagnostic pop")
#elif defined(__clang__)
#define SPOOL_REFUSE(sentence, ...) template <class... Given> [[clang::unavailable(sentence)]] __VA_ARGS__
#else
#define SPOOL_REFUSE(sentence, ...) \
  template <::spool::detail::reason why = sentence, class... Given> __VA_ARGS__ = delete
#endif
// clang-format on
