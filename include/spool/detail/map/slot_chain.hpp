// spool/detail/map/slot_chain.hpp · a sequence that grows without moving what is in it, the first in place
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/registry/block_cache.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// One slot costs no memory but its own; up to 65 cost one block more; beyond that each block is twice the one before,
/// so that nobody need know ahead how many there will be.
///
/// Shape  Slot has a default constructor that does not throw.
template <class Slot>
class slot_chain {
  struct segment {
    std::size_t capacity;
    std::size_t used = 0;
    segment* next = nullptr;

    Slot* first() noexcept { return std::launder(reinterpret_cast<Slot*>(bytes() + slots_offset)); }
    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this); }
  };

public:
  slot_chain() noexcept = default;
  slot_chain(const slot_chain&) = delete;
  slot_chain& operator=(const slot_chain&) = delete;
  ~slot_chain() noexcept { clear(); }

  /// Goes through the slots, once.
  class cursor {
  public:
    cursor() noexcept = default;
    explicit cursor(slot_chain& c) noexcept : at_(&c.first_), end_(at_ + 1), next_(c.more_) {}

    explicit operator bool() const noexcept { return at_ != end_; }
    Slot& operator*() const noexcept { return *at_; }
    Slot* operator->() const noexcept { return at_; }
    cursor& operator++() noexcept {
      if (++at_ == end_ && next_ != nullptr) {
        at_ = next_->first();
        end_ = at_ + next_->used;
        next_ = next_->next;
      }
      return *this;
    }

  private:
    Slot* at_ = nullptr;
    Slot* end_ = nullptr;
    segment* next_ = nullptr;
  };

  Slot& first() noexcept { return first_; }

  /// Adds slots behind the first, one after the other.      Shape  One filler for a chain.
  class filler {
  public:
    /// Shape  At most `most` slots.
    filler(slot_chain& c, std::size_t most) noexcept : link_(&c.more_), left_(most) {}

    /// Makes one more slot and calls fill(slot).      Throws  what that throws, or std::bad_alloc, nothing added.
    template <class Fill>
    void add(Fill&& fill) {
      if (last_ == nullptr || last_->used == last_->capacity) grow();
      Slot& slot = *::new (static_cast<void*>(last_->bytes() + slots_offset + last_->used * sizeof(Slot))) Slot;
      fill(slot);
      ++last_->used;
      --left_;
    }

  private:
    void grow() {
      last_ = *link_ = allocate(smaller_of(left_, last_ == nullptr ? first_segment : 2 * last_->capacity));
      link_ = &last_->next;
    }

    segment** link_;  // where the next segment goes
    std::size_t left_;
    segment* last_ = nullptr;
  };

  template <class Visit>
  void visit_all(Visit&& visit) {
    visit(first_);
    for (segment* s = more_; s != nullptr; s = s->next) {
      for (Slot *at = s->first(), *const end = at + s->used; at != end; ++at) visit(*at);
    }
  }

  void clear() noexcept {
    first_.clear();
    while (segment* const s = more_) {
      more_ = s->next;
      std::destroy_n(s->first(), s->used);
      release(s);
    }
  }

private:
  static constexpr std::size_t first_segment = 64;
  static constexpr std::size_t alignment = larger_of(alignof(segment), alignof(Slot));
  static constexpr std::size_t slots_offset = (sizeof(segment) + alignof(Slot) - 1) / alignof(Slot) * alignof(Slot);
  static constexpr bool is_usually_aligned = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;

  static constexpr std::size_t size_of(std::size_t capacity) noexcept { return slots_offset + capacity * sizeof(Slot); }
  static segment* allocate(std::size_t capacity) {
    void* memory;
    if constexpr (is_usually_aligned) {
      memory = allocate_block(size_of(capacity));
    } else {
      memory = ::operator new(size_of(capacity), std::align_val_t(alignment));
    }
    return ::new (memory) segment{capacity};
  }
  static void release(segment* s) noexcept {
    const std::size_t size = size_of(s->capacity);
    if constexpr (is_usually_aligned) {
      free_block_of(s, size);
    } else {
      ::operator delete(s, std::align_val_t(alignment));
    }
  }

  Slot first_;
  segment* more_ = nullptr;
};

}  // namespace spool::inline SPOOL_ABI::detail
