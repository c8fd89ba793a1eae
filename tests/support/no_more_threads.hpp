// tests/support/no_more_threads.hpp · a system that refuses threads
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#if defined(__linux__)
#include <pthread.h>
#endif

/// While it lives, the system refuses every new thread: there is no room for stacks of this size.
/// Other systems have no such means: there a test returns at once, as `works` is false.
#if defined(__linux__)
class no_more_threads {
public:
  static constexpr bool works = true;
  no_more_threads() {
    ::pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    ::pthread_getattr_default_np(&huge);
    ::pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
    ::pthread_setattr_default_np(&huge);
    ::pthread_attr_destroy(&huge);
  }
  ~no_more_threads() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }
  no_more_threads(const no_more_threads&) = delete;
  no_more_threads& operator=(const no_more_threads&) = delete;

private:
  pthread_attr_t before_;
};
#else
struct no_more_threads {
  static constexpr bool works = false;
  ~no_more_threads() {}  // so that it counts as used
};
#endif
