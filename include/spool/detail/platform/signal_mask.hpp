// spool/detail/platform/signal_mask.hpp · which of the process's signals a thread takes
// SPDX-License-Identifier: MIT
//
//   class signal_mask                      the signals that a thread blocks; empty where the system has none
//     static signal_mask of_caller()       those that the calling thread blocks now
//     static signal_mask all_but_faults()  all but those by which the thread itself is told of a fault of its own
//   class signal_mask_scope(mask)          the calling thread blocks these, until the end of the scope; a thread that it
//                                          starts meanwhile does so from its first moment on
#pragma once

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

#if !defined(_WIN32)

class signal_mask {
public:
  static signal_mask of_caller() noexcept {
    signal_mask mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask.blocked_);
    return mask;
  }
  static signal_mask all_but_faults() noexcept {
    signal_mask mask;
    sigfillset(&mask.blocked_);
    constexpr int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
    for (const int fault : faults) sigdelset(&mask.blocked_, fault);
    return mask;
  }

private:
  friend class signal_mask_scope;
  signal_mask() noexcept { sigemptyset(&blocked_); }

  sigset_t blocked_;
};

class signal_mask_scope {
public:
  explicit signal_mask_scope(const signal_mask& mask) noexcept {
    ::pthread_sigmask(SIG_SETMASK, &mask.blocked_, &before_.blocked_);
  }
  ~signal_mask_scope() { ::pthread_sigmask(SIG_SETMASK, &before_.blocked_, nullptr); }
  signal_mask_scope(const signal_mask_scope&) = delete;
  signal_mask_scope& operator=(const signal_mask_scope&) = delete;

private:
  signal_mask before_;
};

#else

struct signal_mask {
  static signal_mask of_caller() noexcept { return {}; }
  static signal_mask all_but_faults() noexcept { return {}; }
};

class signal_mask_scope {
public:
  explicit signal_mask_scope(const signal_mask&) noexcept {}
  ~signal_mask_scope() {}  // so that it counts as used
  signal_mask_scope(const signal_mask_scope&) = delete;
  signal_mask_scope& operator=(const signal_mask_scope&) = delete;
};

#endif

}  // namespace spool::inline SPOOL_ABI::detail
