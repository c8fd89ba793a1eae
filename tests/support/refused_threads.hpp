// tests/support/refused_threads.hpp · threads that the system refuses (Linux)
// SPDX-License-Identifier: MIT
//
// Takes the place of the C library's pthread_create: for one translation unit of a program.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

inline constexpr int no_limit = 1'000'000'000;
inline std::atomic<int> threads_left{no_limit};
inline std::atomic<int> threads_refused{0};

/// While it lives, the system gives n more threads, and refuses those after them.
class no_threads {
public:
  explicit no_threads(int n = 0) {
    threads_refused = 0;
    threads_left = n;
  }
  ~no_threads() { threads_left = no_limit; }
  no_threads(const no_threads&) = delete;
  no_threads& operator=(const no_threads&) = delete;
};

using create_function = int(pthread_t*, pthread_attr_t const*, void* (*)(void*), void*);

extern "C" {
// The sanitizers' own, where they are linked in statically.
__attribute__((weak)) create_function ___interceptor_pthread_create;
__attribute__((weak)) create_function __interceptor_pthread_create;

__attribute__((visibility("default"))) int pthread_create(pthread_t* thread, pthread_attr_t const* attributes,
                                                          void* (*f)(void*), void* argument) noexcept {
  int left = threads_left.load();
  do {
    if (left <= 0) {
      ++threads_refused;
      return EAGAIN;
    }
  } while (left != no_limit && !threads_left.compare_exchange_weak(left, left - 1));
  static create_function* const real = [] {
    if (___interceptor_pthread_create != nullptr) return &___interceptor_pthread_create;
    if (__interceptor_pthread_create != nullptr) return &__interceptor_pthread_create;
    return reinterpret_cast<create_function*>(::dlsym(RTLD_NEXT, "pthread_create"));
  }();
  return real(thread, attributes, f, argument);
}
}
