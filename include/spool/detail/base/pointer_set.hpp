// spool/detail/base/pointer_set.hpp · which pointers were seen before
// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <spool/detail/base/narrowed.hpp>
#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A set of pointers that only grows: linear probing in a table that is at most half full.
///
/// Complexity  insert() is O(1) on average; no node is allocated.
class pointer_set {
public:
  /// Returns  whether it was not in the set.
  bool insert(const void* p) {
    if (2 * (size_ + 1) > table_.size()) grow();
    return insert_into(table_, p) && ++size_ != 0;
  }

private:
  static bool insert_into(std::vector<const void*>& table, const void* p) noexcept {
    const std::size_t mask = table.size() - 1;
    std::size_t at =
        narrowed<std::size_t>(std::uint64_t{reinterpret_cast<std::uintptr_t>(p)} * 0x9e3779b97f4a7c15ULL >> 20);
    for (;; ++at) {
      const void*& slot = table[at & mask];
      if (slot == p) return false;
      if (slot == nullptr) {
        slot = p;
        return true;
      }
    }
  }

  void grow() {
    std::vector<const void*> larger(table_.empty() ? 16 : 2 * table_.size(), nullptr);
    for (const void* p : table_) {
      if (p != nullptr) insert_into(larger, p);
    }
    table_ = std::move(larger);
  }

  std::vector<const void*> table_;  // a power of two of slots, null where free
  std::size_t size_ = 0;
};

}  // namespace spool::inline SPOOL_ABI::detail
