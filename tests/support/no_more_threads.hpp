// tests/support/no_more_threads.hpp · a system that gives no further thread
// SPDX-License-Identifier: MIT
#pragma once

#include <pthread.h>

#include <cstddef>

/// While it lives, the system refuses every new thread: there is no room for stacks of this size.
class no_more_threads {
public:
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
