// engine/hooks.cpp · the calls that -fsanitize=thread puts before each access to memory, without ThreadSanitizer
// SPDX-License-Identifier: MIT
//
// Plain accesses are noted, and those of std::atomic are the model's, as in
// std::stop_token and std::shared_ptr.
#include <cstdint>
#include <cstring>

#include <engine/engine.hpp>

namespace {

using model::g;
using model::operation;

bool outside() noexcept { return g == nullptr || !g->active; }

void note(const void* address, std::size_t size, unsigned char how, void* pc) noexcept {
  if (!outside()) model::note_access(address, size, how, pc);
}

template <class T>
T load(const volatile T* a, int order, void* pc) noexcept {
  if (outside()) return *a;
  return static_cast<T>(model::load_at(const_cast<const T*>(a), sizeof(T), order, pc));
}
template <class T>
void store(volatile T* a, T x, int order, void* pc) noexcept {
  if (outside()) {
    *a = x;
  } else {
    model::store_at(const_cast<T*>(a), sizeof(T), x, order, pc);
  }
}
template <class T>
T modify(volatile T* a, operation what, T x, int order, void* pc) noexcept {
  if (outside()) return static_cast<T>(model::atomic_modify(const_cast<T*>(a), sizeof(T), what, x, order));
  return static_cast<T>(model::modify_at(const_cast<T*>(a), sizeof(T), what, x, order, pc));
}
template <class T>
bool exchange_if(volatile T* a, T* seen, T x, int success, int failure, bool weak, void* pc) noexcept {
  std::uint64_t expected = *seen;
  const bool done =
      outside() ? model::atomic_compare_exchange(const_cast<T*>(a), sizeof(T), expected, x, success, failure, weak)
                : model::compare_exchange_at(const_cast<T*>(a), sizeof(T), expected, x, success, failure, weak, pc);
  if (!done) *seen = static_cast<T>(expected);
  return done;
}

}  // namespace

#define PC __builtin_return_address(0)

extern "C" {  // NOLINTBEGIN: the names are the compiler's

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

#define MODEL_PLAIN(n)                                                       \
  void __tsan_read##n(void* a) { note(a, n, model::reads, PC); }             \
  void __tsan_write##n(void* a) { note(a, n, model::writes, PC); }           \
  void __tsan_unaligned_read##n(void* a) { note(a, n, model::reads, PC); }   \
  void __tsan_unaligned_write##n(void* a) { note(a, n, model::writes, PC); } \
  void __tsan_volatile_read##n(void* a) { note(a, n, model::reads, PC); }    \
  void __tsan_volatile_write##n(void* a) { note(a, n, model::writes, PC); }  \
  void __tsan_read_write##n(void* a) { note(a, n, model::writes, PC); }      \
  void __tsan_unaligned_read_write##n(void* a) { note(a, n, model::writes, PC); }
MODEL_PLAIN(1)
MODEL_PLAIN(2)
MODEL_PLAIN(4)
MODEL_PLAIN(8)
MODEL_PLAIN(16)

void __tsan_read_range(void* a, std::size_t n) { note(a, n, model::reads, PC); }
void __tsan_write_range(void* a, std::size_t n) { note(a, n, model::writes, PC); }
void __tsan_vptr_read(void** a) { note(a, 8, model::reads, PC); }
void __tsan_vptr_update(void** a, void* now) { note(a, 8, *a == now ? model::reads : model::writes, PC); }
void* __tsan_memcpy(void* to, const void* from, std::size_t n) {
  note(from, n, model::reads, PC);
  note(to, n, model::writes, PC);
  return std::memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, std::size_t n) {
  note(from, n, model::reads, PC);
  note(to, n, model::writes, PC);
  return std::memmove(to, from, n);
}
void* __tsan_memset(void* to, int x, std::size_t n) {
  note(to, n, model::writes, PC);
  return std::memset(to, x, n);
}
void __tsan_atomic_thread_fence(int) {
  if (!outside()) model::fault(PC, nullptr, "a fence, which the model does not know");
}
void __tsan_atomic_signal_fence(int) {}

#define MODEL_ATOMIC(bits, T)                                                                                        \
  T __tsan_atomic##bits##_load(const volatile T* a, int o) { return load(a, o, PC); }                                \
  void __tsan_atomic##bits##_store(volatile T* a, T x, int o) { store(a, x, o, PC); }                                \
  T __tsan_atomic##bits##_exchange(volatile T* a, T x, int o) { return modify(a, operation::exchange, x, o, PC); }   \
  T __tsan_atomic##bits##_fetch_add(volatile T* a, T x, int o) { return modify(a, operation::add, x, o, PC); }       \
  T __tsan_atomic##bits##_fetch_sub(volatile T* a, T x, int o) { return modify(a, operation::subtract, x, o, PC); }  \
  T __tsan_atomic##bits##_fetch_and(volatile T* a, T x, int o) { return modify(a, operation::bit_and, x, o, PC); }   \
  T __tsan_atomic##bits##_fetch_or(volatile T* a, T x, int o) { return modify(a, operation::bit_or, x, o, PC); }     \
  T __tsan_atomic##bits##_fetch_xor(volatile T* a, T x, int o) { return modify(a, operation::bit_xor, x, o, PC); }   \
  T __tsan_atomic##bits##_fetch_nand(volatile T* a, T x, int o) { return modify(a, operation::bit_nand, x, o, PC); } \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* a, T* c, T x, int s, int f) {                        \
    return exchange_if(a, c, x, s, f, false, PC);                                                                    \
  }                                                                                                                  \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile T* a, T* c, T x, int s, int f) {                          \
    return exchange_if(a, c, x, s, f, true, PC);                                                                     \
  }                                                                                                                  \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* a, T c, T x, int s, int f) {                              \
    exchange_if(a, &c, x, s, f, false, PC);                                                                          \
    return c;                                                                                                        \
  }
MODEL_ATOMIC(8, std::uint8_t)
MODEL_ATOMIC(16, std::uint16_t)
MODEL_ATOMIC(32, std::uint32_t)
MODEL_ATOMIC(64, std::uint64_t)

}  // extern "C" NOLINTEND
