// spool/detail/platform/thread_end.hpp · what is done when a thread ends
// SPDX-License-Identifier: MIT
//
//   void at_thread_end<f>(T* what)    f(what) is called when the calling thread ends, in the row of the destructors of its
//                                     thread-locals: those made later come before. Once in a thread for each f.
//
// MinGW's g++ emulates thread-locals, and frees their memory before it calls their destructors. So there no destructor
// may read one, not even its own: what is to be read lies elsewhere.
#pragma once

#include <spool/detail/config.hpp>

#if defined(__MINGW32__) && defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace spool::inline SPOOL_ABI::detail {

#if defined(__MINGW32__) && defined(__GLIBCXX__)

template <auto f, class T>
void at_thread_end(T* what) noexcept {
  abi::__cxa_thread_atexit([](void* w) { f(static_cast<T*>(w)); }, what, nullptr);
}

#else

template <auto f, class T>
struct call_at_end {
  T* what;
  ~call_at_end() { f(what); }
};

template <auto f, class T>
void at_thread_end(T* what) noexcept {
  thread_local const call_at_end<f, T> at_the_end{what};
}

#endif

}  // namespace spool::inline SPOOL_ABI::detail
