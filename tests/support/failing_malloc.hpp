// tests/support/failing_malloc.hpp · a C library that runs out of memory and threads when told to
// SPDX-License-Identifier: MIT
//
// Replaces malloc, calloc and pthread_create of the test program: include it in one source file only. So what the C
// library and the compiler's runtime ask for is refused, too, which operator new never sees. For glibc, without sanitizers.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <cstddef>

/// While it lives, the n-th request of this thread from now on is refused (1: the next), and so are all after it.
class failing_system {
public:
  explicit failing_system(int n) { countdown = n; }
  ~failing_system() { countdown = 0; }
  failing_system(const failing_system&) = delete;
  failing_system& operator=(const failing_system&) = delete;

  static bool refuses() {
    if (countdown > 1)
      --countdown;
    else if (countdown == 1)
      return true;
    return false;
  }

private:
  static inline thread_local constinit int countdown = 0;
};

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  if (!failing_system::refuses()) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(std::size_t count, std::size_t size) {
  if (!failing_system::refuses()) return __libc_calloc(count, size);
  errno = ENOMEM;
  return nullptr;
}
int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*), void* argument) {
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return failing_system::refuses() ? EAGAIN : real(thread, how, body, argument);
}
}
