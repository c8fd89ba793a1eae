// examples/download/chunks.hpp · a file in pieces that are fetched side by side
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

/// From `begin` to just before `end`.
struct chunk {
  std::uint64_t begin;
  std::uint64_t end;

  std::uint64_t size() const { return end - begin; }
};

/// Chunk i of a file begins at i * size; the last one may be shorter.
class chunk_plan {
public:
  chunk_plan() = default;
  chunk_plan(std::uint64_t length, std::uint64_t chunk_size) : length_(length), size_(chunk_size) {}

  std::size_t count() const { return static_cast<std::size_t>((length_ + size_ - 1) / size_); }
  std::uint64_t chunk_size() const { return size_; }
  chunk operator[](std::size_t i) const { return {i * size_, std::min((i + 1) * size_, length_)}; }

private:
  std::uint64_t length_ = 0;
  std::uint64_t size_ = 1;
};

/// Chunks of the size wished, or larger ones where they would be too many to keep account of.
inline chunk_plan plan_chunks(std::uint64_t length, std::uint64_t wished_size) {
  constexpr std::uint64_t most = 100'000;
  return {length, std::max(wished_size, length / most + 1)};
}
