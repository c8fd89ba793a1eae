// tests/support/failing_new.hpp · operator new that runs out of memory when told to, and counts its blocks
// SPDX-License-Identifier: MIT
//
// Replaces the global operator new of the test program: include it in one source file only. Sanitizers bring an
// operator new of their own, which stays: there nothing fails or is counted, and failing_new::works is false.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILING_NEW_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAILING_NEW_WORKS 0
#endif
#endif
#ifndef FAILING_NEW_WORKS
#define FAILING_NEW_WORKS 1
#endif

/// While it lives, the n-th allocation of this thread from now on fails (1: the next), and so do all after it.
///
///     for (int n = 1;; ++n) {
///       try { failing_new guard(n); do_it(); break; } catch (std::bad_alloc const&) { CHECK(nothing_changed()); }
///     }
class failing_new {
public:
  static constexpr bool works = FAILING_NEW_WORKS != 0;

  explicit failing_new(int n) { countdown() = n; }
  ~failing_new() { countdown() = 0; }
  failing_new(const failing_new&) = delete;
  failing_new& operator=(const failing_new&) = delete;

  static void* allocate(std::size_t size) {
    int& left = countdown();
    if (left > 1) {
      --left;
    } else if (left == 1) {
      throw std::bad_alloc();
    }
    void* const memory = std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) throw std::bad_alloc();
    ++blocks();
    return memory;
  }
  static void free(void* memory) noexcept {
    if (memory != nullptr) --blocks();
    std::free(memory);
  }

  /// How many blocks of the process are in use.
  static long blocks_in_use() { return blocks(); }

private:
  static std::atomic<long>& blocks() {
    static constinit std::atomic<long> in_use{0};
    return in_use;
  }
  static int& countdown() {
    static thread_local int left = 0;
    return left;
  }
};

#if FAILING_NEW_WORKS  // out of line: compilers pair what they see
[[gnu::noinline]] void* operator new(std::size_t size) { return failing_new::allocate(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return failing_new::allocate(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { failing_new::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { failing_new::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { failing_new::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { failing_new::free(memory); }
#endif
