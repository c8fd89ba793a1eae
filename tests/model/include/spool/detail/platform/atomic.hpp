// spool/detail/platform/atomic.hpp · the atomics of the model: every access is a scheduling point, and may see old values
// SPDX-License-Identifier: MIT
//
// Stands before the library's own file on the include path. As large as std::atomic, constant-initialized where that
// is; what is more, the engine learns when an atomic begins and ends to live, so that no use of a dead one is missed.
#pragma once

#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <spool/detail/config.hpp>

#include <engine/access.hpp>

namespace spool::inline SPOOL_ABI::detail {

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

#define MODEL_INLINE [[gnu::always_inline]]

template <class T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  using order = std::memory_order;

public:
  constexpr atomic() noexcept : atomic(T()) {}
  constexpr atomic(T value) noexcept : value_(value) {
    if (!std::is_constant_evaluated()) ::model::atomic_begins(this, sizeof(T));
  }
  constexpr ~atomic() {
    if (!std::is_constant_evaluated()) ::model::atomic_ends(this);
  }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  MODEL_INLINE T load(order o = memory_order_seq_cst) const noexcept {
    return from_bits(::model::atomic_load(&value_, sizeof(T), static_cast<int>(o)));
  }
  MODEL_INLINE void store(T x, order o = memory_order_seq_cst) noexcept {
    ::model::atomic_store(&value_, sizeof(T), to_bits(x), static_cast<int>(o));
  }
  MODEL_INLINE T exchange(T x, order o = memory_order_seq_cst) noexcept {
    return modify(::model::operation::exchange, to_bits(x), o);
  }
  MODEL_INLINE bool compare_exchange_strong(T& seen, T x, order success, order failure) noexcept {
    return compare_exchange(seen, x, success, failure, false);
  }
  MODEL_INLINE bool compare_exchange_strong(T& seen, T x, order o = memory_order_seq_cst) noexcept {
    return compare_exchange(seen, x, o, of_failure(o), false);
  }
  MODEL_INLINE bool compare_exchange_weak(T& seen, T x, order success, order failure) noexcept {
    return compare_exchange(seen, x, success, failure, true);
  }
  MODEL_INLINE bool compare_exchange_weak(T& seen, T x, order o = memory_order_seq_cst) noexcept {
    return compare_exchange(seen, x, o, of_failure(o), true);
  }
  MODEL_INLINE T fetch_add(T x, order o = memory_order_seq_cst) noexcept
    requires std::integral<T>
  {
    return modify(::model::operation::add, to_bits(x), o);
  }
  MODEL_INLINE T fetch_sub(T x, order o = memory_order_seq_cst) noexcept
    requires std::integral<T>
  {
    return modify(::model::operation::subtract, to_bits(x), o);
  }
  MODEL_INLINE T fetch_or(T x, order o = memory_order_seq_cst) noexcept
    requires std::integral<T>
  {
    return modify(::model::operation::bit_or, to_bits(x), o);
  }
  MODEL_INLINE T fetch_and(T x, order o = memory_order_seq_cst) noexcept
    requires std::integral<T>
  {
    return modify(::model::operation::bit_and, to_bits(x), o);
  }
  MODEL_INLINE T fetch_xor(T x, order o = memory_order_seq_cst) noexcept
    requires std::integral<T>
  {
    return modify(::model::operation::bit_xor, to_bits(x), o);
  }

private:
  static constexpr order of_failure(order o) noexcept {
    if (o == memory_order_acq_rel) return memory_order_acquire;
    return o == memory_order_release ? memory_order_relaxed : o;
  }
  static std::uint64_t to_bits(T x) noexcept {
    std::uint64_t bits = 0;
    __builtin_memcpy(&bits, &x, sizeof(T));
    return bits;
  }
  static T from_bits(std::uint64_t bits) noexcept {
    T x;
    __builtin_memcpy(&x, &bits, sizeof(T));
    return x;
  }
  MODEL_INLINE T modify(::model::operation what, std::uint64_t bits, order o) noexcept {
    return from_bits(::model::atomic_modify(&value_, sizeof(T), what, bits, static_cast<int>(o)));
  }
  MODEL_INLINE bool compare_exchange(T& seen, T x, order success, order failure, bool weak) noexcept {
    std::uint64_t bits = to_bits(seen);
    const bool done = ::model::atomic_compare_exchange(&value_, sizeof(T), bits, to_bits(x), static_cast<int>(success),
                                                       static_cast<int>(failure), weak);
    if (!done) seen = from_bits(bits);
    return done;
  }

  alignas(sizeof(T)) T value_;
};

#undef MODEL_INLINE

}  // namespace spool::inline SPOOL_ABI::detail
