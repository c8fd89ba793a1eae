// spool/detail/base/caught.hpp · what leaves a call, kept beyond the catch
// SPDX-License-Identifier: MIT
//
// pthread_exit(), and pthread_cancel() of this thread, unwind the stack by an exception that is none of C++: it can be
// seen by catch (...), but not kept, and who does not pass it on ends the program. So nothing in spool that calls what
// the user gave may catch by itself: it asks caught_from(). Whose thread it is decides who is told: in one of a pool's or
// the timers', who asks for the result, or the excepthook; in any other nobody, as it ends as it was told to.
//
// On its way the unwinding runs destructors, and these alone: so what is to be done whatever happens stands in an
// at_scope_end. It ends the program where it comes to a noexcept function or a destructor, or to a catch (...) while
// another exception is being handled in the thread: what is called at the end of a scope, and by before_end(), may not
// end the thread once more.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include <spool/detail/config.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Calls f.
///
/// Returns  what it threw, null if nothing. It is kept by the pointer alone: the catch is over, so the exception ends when
///          the pointer does.
/// Throws   only what ends the thread (a forced unwind), after a call of before_end(): the thread's last deeds here.
///          A function that is noexcept must not be on its way.
template <class F, class BeforeEnd>
std::exception_ptr caught_from(F&& f, BeforeEnd&& before_end) {
  try {
    std::forward<F>(f)();
    return nullptr;
  } catch (...) {
    std::exception_ptr thrown = std::current_exception();
    if (thrown == nullptr) {  // none of C++: a forced unwind, or an exception of another language
      before_end();
      throw;
    }
    return thrown;
  }
}

template <class F>
std::exception_ptr caught_from(F&& f) {
  return caught_from(std::forward<F>(f), [] {});
}

/// What stands for the result of a call that ended its thread.
inline std::exception_ptr ended_its_thread() noexcept {
  try {
    throw error(
        "spool: the call ended its thread by pthread_exit() or pthread_cancel(), and has no result: return, or throw");
  } catch (...) {
    return std::current_exception();
  }
}

/// Calls f at the end of the scope, however that comes.
template <class F>
class [[nodiscard]] at_scope_end {
public:
  explicit at_scope_end(F f) noexcept(std::is_nothrow_move_constructible_v<F>) : f_(std::move(f)) {}
  at_scope_end(const at_scope_end&) = delete;
  at_scope_end& operator=(const at_scope_end&) = delete;
  ~at_scope_end() { f_(); }

private:
  F f_;
};

}  // namespace spool::inline SPOOL_ABI::detail
