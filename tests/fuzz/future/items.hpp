// tests/fuzz/future/items.hpp · what the futures hold: items that are known by a label, whatever their type
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <type_traits>

namespace future_model {

struct item_failure {};

/// The next copy or move of a brittle throws.
inline bool next_step_fails = false;

/// Counts those alive; its copy and its move throw when told to.
struct brittle {
  int label;
  inline static int alive = 0;

  explicit brittle(int l) : label(l) { ++alive; }
  brittle(const brittle& other) : label((may_fail(), other.label)) { ++alive; }
  brittle(brittle&& other) : label((may_fail(), other.label)) {
    other.label = -1;
    ++alive;
  }
  ~brittle() { --alive; }

private:
  static void may_fail() {
    if (next_step_fails) {
      next_step_fails = false;
      throw item_failure();
    }
  }
};

using only_moved = std::unique_ptr<int>;

/// What a reference may refer to.
inline std::array<int, 100> cells{};

template <class T>
T made(int label) {
  if constexpr (std::is_void_v<T>) {
    return;
  } else if constexpr (std::is_reference_v<T>) {
    return cells[static_cast<std::size_t>(label)];
  } else if constexpr (std::is_same_v<T, only_moved>) {
    return std::make_unique<int>(label);
  } else {
    return T(label);
  }
}

inline int label_of(const brittle& x) { return x.label; }
inline int label_of(const only_moved& x) { return x == nullptr ? -1 : *x; }
inline int label_of(const int& x) {
  const auto* const at = &x;
  return at >= cells.data() && at < cells.data() + cells.size() ? static_cast<int>(at - cells.data()) : x;
}

}  // namespace future_model
