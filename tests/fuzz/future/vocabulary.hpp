// tests/fuzz/future/vocabulary.hpp · what can become of a result, what callables do, and what they see
// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstddef>

namespace future_model {

/// How a result stands, or what came of a call.
enum class fate {
  unset,
  running,
  value,
  failure,         // the user's
  broken_promise,  // the library's
  usage_error,     // a continuation whose source was moved out before
  cancel_thrown,   // cancelled_error left a coroutine: an exception, not a cancel
  cancelled,
  timeout,
  item_failure  // the item's own copy or move threw
};

struct outcome {
  fate what = fate::unset;
  int label = 0;  // of a value or a failure
  friend auto operator<=>(const outcome&, const outcome&) = default;
};

constexpr bool is_done(fate f) { return f != fate::unset && f != fate::running; }
constexpr bool is_error(fate f) { return is_done(f) && f != fate::value && f != fate::cancelled; }
/// The library's own errors are never lost: nobody need read them.
constexpr bool is_own(fate f) { return f == fate::broken_promise || f == fate::cancel_thrown; }

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// What a callable does when it is called, besides leaving its name.
struct deed {
  enum kind : unsigned { nothing, throws, cancels, sets, calls_back, drops, breaks, kinds } what = nothing;
  std::size_t node = 0;
  int name = 0;  // of the callback that it adds, and the value that it sets
};

/// What was seen from inside a callable.
struct record {
  int name;
  outcome seen;
  friend bool operator==(const record&, const record&) = default;
};

/// A callback, or the continuation that makes `next`.
struct callback {
  enum kind : unsigned { plain, referring, taking, coroutine } form = plain;
  int name = 0;
  deed does;
  std::size_t next = none;
};

}  // namespace future_model
