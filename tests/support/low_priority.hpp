// tests/support/low_priority.hpp · a thread that never takes the processor from another
// SPDX-License-Identifier: MIT
#pragma once

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

/// Puts the calling thread on one processor, and there, from low_priority() on, behind all that want to run: a thread
/// on the same processor that wakes this one goes on as if it had not. So what the two do is no race any more.
///
/// Where the system has no such thing nothing happens, and `works` is false.
struct one_processor {
#if defined(__linux__)
  static constexpr bool works = true;
#else
  static constexpr bool works = false;
#endif
  static void use() {
#if defined(__linux__)
    cpu_set_t allowed;
    cpu_set_t first;
    CPU_ZERO(&first);
    if (::pthread_getaffinity_np(::pthread_self(), sizeof allowed, &allowed) != 0) return;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      CPU_SET(cpu, &first);
      break;
    }
    ::pthread_setaffinity_np(::pthread_self(), sizeof first, &first);
#endif
  }
  static void low_priority() {
#if defined(__linux__)
    const sched_param none{};
    ::pthread_setschedparam(::pthread_self(), SCHED_IDLE, &none);
#endif
  }
};
