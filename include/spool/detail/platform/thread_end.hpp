// spool/detail/platform/thread_end.hpp · what is done when a thread ends
// SPDX-License-Identifier: MIT
//
//   struct thread_end_call                         a function, and what it is called with; belongs to who asks for it
//   bool at_thread_end(thread_end_call&, whose)    has it called when the calling thread ends, those asked for later first;
//                                                  false if there is no memory for that, or the thread is past its end
//
// The calls come after the destructors of the thread's thread-locals. In a thread that asked at its start, when it was
// still outside of these, they also come after the first round of destructors of POSIX keys. A thread that ends the
// program by exit() makes none of them.
//
// Asking takes no lock of the loader, which a thread holds that initializes a library and may wait for this one.
//
// The calls are code of this image, so it stays loaded from its start on.
//
// MinGW's g++ emulates thread-locals, and frees their memory before it calls their destructors. So there no call may read
// a thread-local: what is to be read lies elsewhere.
#pragma once

#include <spool/detail/config.hpp>
#include <spool/detail/platform/loaded_image.hpp>

#if defined(__linux__)
#include <pthread.h>
#elif defined(__MINGW32__) && defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace spool::inline SPOOL_ABI::detail {

struct thread_end_call {
  void (*call)(void* what) noexcept = nullptr;
  void* what = nullptr;
  // For at_thread_end().
  thread_end_call* earlier = nullptr;
  bool after_keys = false;
};

/// Whether the thread asks before its own function runs, or at any time, maybe when it is ending already.
enum class thread_end_asked : bool { any_time, at_start };

/// Makes the calls from this one on.
inline void make_thread_end_calls(thread_end_call* newest) noexcept {
  while (newest != nullptr) {
    thread_end_call& next = *newest;
    newest = next.earlier;  // the call may destroy it
    next.call(next.what);
  }
}

#if defined(__linux__)

//  The calls are those of a key: C++'s own registration (__cxa_thread_atexit) takes the loader's lock, and ends the
//  program where there is no memory for it. Destructors of keys run in up to four rounds: a value that is set in one of
//  them has its destructor called in the next at the latest. Only what is first asked for in the last round is not done.

inline void thread_ends(void* newest) noexcept;

/// The key. It is made while few others are there: the lowest ones need no memory for their values.
struct thread_end_key {
  pthread_key_t key{};
  bool is_made;

  thread_end_key() noexcept : is_made(::pthread_key_create(&key, &thread_ends) == 0) { keep_image_loaded(); }
};
inline const thread_end_key& the_thread_end_key() noexcept {
  static const thread_end_key made;
  return made;
}
inline const bool thread_end_key_made_at_start = the_thread_end_key().is_made;

/// The key's destructor.
inline void thread_ends(void* newest) noexcept {
  thread_end_call& first = *static_cast<thread_end_call*>(newest);
  if (first.after_keys) {
    first.after_keys = false;
    if (::pthread_setspecific(the_thread_end_key().key, newest) == 0) return;  // again in the next round
  }
  make_thread_end_calls(&first);
}

inline bool at_thread_end(thread_end_call& call, thread_end_asked asked = thread_end_asked::any_time) noexcept {
  const thread_end_key& ends = the_thread_end_key();
  if (!ends.is_made) return false;
  call.earlier = static_cast<thread_end_call*>(::pthread_getspecific(ends.key));
  call.after_keys = call.earlier != nullptr ? call.earlier->after_keys : asked == thread_end_asked::at_start;
  return ::pthread_setspecific(ends.key, &call) == 0;
}

#elif defined(__MINGW32__) && defined(__GLIBCXX__)

inline const bool image_kept_from_start = (keep_image_loaded(), true);

inline bool at_thread_end(thread_end_call& call, thread_end_asked = thread_end_asked::any_time) noexcept {
  const auto make = [](void* c) { make_thread_end_calls(static_cast<thread_end_call*>(c)); };
  return abi::__cxa_thread_atexit(make, &call, nullptr) == 0;
}

#else

inline const bool image_kept_from_start = (keep_image_loaded(), true);

inline constinit thread_local bool my_thread_end_is_over = false;

struct thread_end_calls {
  thread_end_call* newest = nullptr;
  ~thread_end_calls() {
    my_thread_end_is_over = true;
    make_thread_end_calls(newest);
  }
};

inline bool at_thread_end(thread_end_call& call, thread_end_asked = thread_end_asked::any_time) noexcept {
  if (my_thread_end_is_over) return false;
  thread_local thread_end_calls mine;
  call.earlier = mine.newest;
  mine.newest = &call;
  return true;
}

#endif

}  // namespace spool::inline SPOOL_ABI::detail
