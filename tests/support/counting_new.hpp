// tests/support/counting_new.hpp · operator new that knows how much memory is in use
// SPDX-License-Identifier: MIT
//
// Replaces the global operator new of the test program: include it in one source file only. Sanitizers bring an
// operator new of their own, which stays: there nothing is counted, and counting_new::works is false.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTING_NEW_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTING_NEW_WORKS 0
#endif
#endif
#ifndef COUNTING_NEW_WORKS
#define COUNTING_NEW_WORKS 1
#endif

class counting_new {
public:
  static constexpr bool works = COUNTING_NEW_WORKS != 0;

  /// How much is in use, and how often something was asked for, by whatever thread.
  static std::size_t bytes() { return in_use(); }
  static std::size_t allocations() { return asked(); }

  /// While it lives, there is no memory for this thread.
  struct none_left {
    none_left() { refuses() = true; }
    ~none_left() { refuses() = false; }
    none_left(const none_left&) = delete;
    none_left& operator=(const none_left&) = delete;
  };

  static void* allocate(std::size_t size) {
    if (refuses()) throw std::bad_alloc();
    void* const memory = std::malloc(size + header);
    if (memory == nullptr) throw std::bad_alloc();
    *static_cast<std::size_t*>(memory) = size;
    in_use() += size;
    ++asked();
    return static_cast<char*>(memory) + header;
  }
  static void release(void* given) noexcept {
    if (given == nullptr) return;
    void* const memory = static_cast<char*>(given) - header;
    in_use() -= *static_cast<std::size_t*>(memory);
    std::free(memory);
  }

private:
  static constexpr std::size_t header = alignof(std::max_align_t);

  static std::atomic<std::size_t>& in_use() {
    static constinit std::atomic<std::size_t> n{0};
    return n;
  }
  static std::atomic<std::size_t>& asked() {
    static constinit std::atomic<std::size_t> n{0};
    return n;
  }
  static bool& refuses() {
    static constinit thread_local bool now = false;
    return now;
  }
};

#if COUNTING_NEW_WORKS  // out of line: compilers pair what they see
[[gnu::noinline]] void* operator new(std::size_t size) { return counting_new::allocate(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return counting_new::allocate(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { counting_new::release(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { counting_new::release(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { counting_new::release(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { counting_new::release(memory); }
#endif
