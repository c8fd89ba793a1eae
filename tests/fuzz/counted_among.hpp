// tests/fuzz/counted_among.hpp · how many callables are alive
// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

/// In a callable: counts it among those alive, once for all of its moves. Count is an int, or an atomic one.
template <class Count>
class counted_among {
public:
  explicit counted_among(Count& alive) : alive_(&alive) { ++alive; }
  counted_among(counted_among&& other) noexcept : alive_(std::exchange(other.alive_, nullptr)) {}
  counted_among& operator=(counted_among&&) = delete;
  ~counted_among() {
    if (alive_ != nullptr) --*alive_;
  }

private:
  Count* alive_;
};
