// tests/support/live_memory.hpp · operator new that knows how much is in use
// SPDX-License-Identifier: MIT
//
// Replaces the global operator new of the test program: include it in one source file only. Sanitizers bring an
// operator new of their own, which stays: there nothing is counted, and live_memory::works is false.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIVE_MEMORY_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LIVE_MEMORY_WORKS 0
#endif
#endif
#ifndef LIVE_MEMORY_WORKS
#define LIVE_MEMORY_WORKS 1
#endif

/// Counts the bytes asked for and not given back yet, by all threads.
class live_memory {
public:
  static constexpr bool works = LIVE_MEMORY_WORKS != 0;

  static std::size_t bytes() { return in_use().load(); }

  static void* allocate(std::size_t size) {
    void* const block = std::malloc(size + room_for_size);
    if (block == nullptr) throw std::bad_alloc();
    *static_cast<std::size_t*>(block) = size;
    in_use().fetch_add(size);
    return static_cast<std::byte*>(block) + room_for_size;
  }
  static void free(void* memory) noexcept {
    if (memory == nullptr) return;
    void* const block = static_cast<std::byte*>(memory) - room_for_size;
    in_use().fetch_sub(*static_cast<std::size_t*>(block));
    std::free(block);
  }

private:
  static constexpr std::size_t room_for_size = alignof(std::max_align_t);

  static std::atomic<std::size_t>& in_use() {
    static constinit std::atomic<std::size_t> count{0};
    return count;
  }
};

#if LIVE_MEMORY_WORKS  // out of line: compilers pair what they see
[[gnu::noinline]] void* operator new(std::size_t size) { return live_memory::allocate(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return live_memory::allocate(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { live_memory::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { live_memory::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { live_memory::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { live_memory::free(memory); }
#endif
