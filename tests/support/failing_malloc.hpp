// tests/support/failing_malloc.hpp · a C library that runs out of memory and threads when told to
// SPDX-License-Identifier: MIT
//
// Replaces malloc, calloc, aligned_alloc and pthread_create of the test program: include it in one source file only. So
// what the C library and the compiler's runtime ask for is refused, too, which operator new never sees. For glibc, without
// sanitizers.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

/// While it lives, the n-th request from now on is refused (1: the next).
class failing_system {
public:
  enum class request { memory, thread };
  enum class to { caller, everybody };
  enum class lasting { once, from_then_on };
  /// Which requests count, whose they are, and whether those after the n-th are refused, too.
  struct manner {
    request what;
    to whom;
    lasting how_long;
  };

  failing_system(int n, manner how) : plan_(how.whom == to::caller ? mine : everybodys) {
    plan_.refused = 0;
    plan_.what = how.what;
    plan_.how_long = how.how_long;
    plan_.left = n;
  }
  ~failing_system() { plan_.left = 0; }
  failing_system(const failing_system&) = delete;
  failing_system& operator=(const failing_system&) = delete;

  int refused() const { return plan_.refused; }

  static bool refuses(request what) { return mine.refuses(what) || everybodys.refuses(what); }

private:
  struct plan {
    std::atomic<int> left;  // the number of the request that is refused; 0: none is
    std::atomic<int> refused;
    std::atomic<request> what;
    std::atomic<lasting> how_long;

    bool refuses(request asked) {
      int n = left;
      if (n == 0 || asked != what) return false;
      while (n > 1 || (n == 1 && how_long == lasting::once)) {
        if (left.compare_exchange_weak(n, n - 1)) break;
      }
      if (n != 1) return false;
      ++refused;
      return true;
    }
  };
  static inline thread_local constinit plan mine;
  static inline constinit plan everybodys;

  plan& plan_;
};

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  if (!failing_system::refuses(failing_system::request::memory)) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(std::size_t count, std::size_t size) {
  if (!failing_system::refuses(failing_system::request::memory)) return __libc_calloc(count, size);
  errno = ENOMEM;
  return nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  if (!failing_system::refuses(failing_system::request::memory)) return __libc_memalign(alignment, size);
  errno = ENOMEM;
  return nullptr;
}
int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*), void* argument) {
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return failing_system::refuses(failing_system::request::thread) ? EAGAIN : real(thread, how, body, argument);
}
}
