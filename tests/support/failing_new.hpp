// tests/support/failing_new.hpp · operator new that runs out of memory when told to
// SPDX-License-Identifier: MIT
//
// Replaces the global operator new of the test program: include it in one source file only. Sanitizers bring an
// operator new of their own, which stays: there nothing fails, and failing_new::works is false.
#pragma once

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
    if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
    throw std::bad_alloc();
  }

private:
  static int& countdown() {
    static thread_local int left = 0;
    return left;
  }
};

#if FAILING_NEW_WORKS  // out of line: compilers pair what they see
[[gnu::noinline]] void* operator new(std::size_t size) { return failing_new::allocate(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return failing_new::allocate(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif
