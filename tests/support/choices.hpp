// tests/support/choices.hpp · choices made of bytes, and the complaint of a model that was not followed
// SPDX-License-Identifier: MIT
//
// A run beside a model is made of bytes, each a choice: a random test takes them from a generator, a fuzzer from its
// corpus.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

/// What is tested did what its model would not.
struct mismatch : std::logic_error {
  using std::logic_error::logic_error;
};
inline void require(bool holds, const char* what) {
  if (!holds) throw mismatch(what);
}

class choices {
public:
  explicit choices(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}
  bool over() const noexcept { return bytes_.empty(); }
  /// One of 0..n-1; 0 when all are used up.
  unsigned below(std::size_t n) noexcept {
    if (over() || n < 2) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return static_cast<unsigned>(byte % std::min<std::size_t>(n, 256));
  }
  /// Once in n.
  bool one_in(std::size_t n) noexcept { return below(n) == n - 1; }

private:
  std::span<const std::uint8_t> bytes_;
};
