// spool/detail/future/resume.hpp · resuming coroutines that complete results, without a stack of them
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/platform/thread_wide.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A coroutine that waits to be resumed, of any type.
class suspended_coroutine {
public:
  suspended_coroutine() noexcept = default;
  template <class Handle>
  explicit suspended_coroutine(Handle h) noexcept
      : frame_(h.address()), resume_([](void* frame) { Handle::from_address(frame).resume(); }) {}

  void* frame() const noexcept { return frame_; }
  void resume() const { resume_(frame_); }

private:
  void* frame_ = nullptr;
  void (*resume_)(void*) = nullptr;
};

/// A resume() under way in the calling thread. The coroutine that it resumed, when it ends, does not run the callbacks of
/// its result on top of it, but leaves them here: they are run when the stack of the resume() is gone. So a chain of
/// coroutines, each awaiting the next, ends without a stack, whatever the compiler makes of it.
struct resumption {
  void* frame;
  future_state_base* completed = nullptr;
  resumption* outer = nullptr;
  void (*end_left)(void* frame) = nullptr;  // ends the coroutine, once it was left by what ends the thread
};
struct resumption_slot {
  static constexpr std::string_view process_name = "resumption";
  resumption* pointer = nullptr;
};
inline constexpr thread_pointer<resumption_slot> innermost_resumption{};
inline const bool resumption_found_at_start = (thread_wide<resumption_slot>::get(), true);

/// Resumes the coroutine.
/// Returns   what it has completed, with a handle, whose callbacks the caller is to run now; or null.
/// Throws    what ends the thread in it; a coroutine of ours has ended then, with an error, its callbacks run.
/// Lifetime  The coroutine may be gone when this returns, and be running elsewhere.
inline future_state_base* resume_here(suspended_coroutine coroutine) {
  resumption mine{coroutine.frame(), nullptr, innermost_resumption};
  innermost_resumption = &mine;
  std::exception_ptr thrown = caught_from([coroutine] { coroutine.resume(); },
                                          [&mine] {
                                            if (mine.end_left != nullptr) mine.end_left(mine.frame);
                                            innermost_resumption = mine.outer;
                                            future_state_base::run_callbacks_and_drop(mine.completed);
                                          });
  innermost_resumption = mine.outer;
  // Of a coroutine of another library's.
  if (thrown != nullptr) report_unhandled(std::move(thrown));
  return mine.completed;
}

/// A coroutine was left by what ends the thread: has whoever has resumed it end it by end_left(frame).
/// Returns  false if that is not known: it is the coroutine's first caller, or another library.
inline bool end_when_left(void* frame, void (*end_left)(void* frame)) noexcept {
  resumption* const here = innermost_resumption;
  if (here == nullptr || here->frame != frame) return false;
  here->end_left = end_left;
  return true;
}

/// A coroutine has ended, and with it its frame: makes its result visible, and takes over the handle.
/// Throws  what ends the thread in a callback.
inline void settle_coroutine(future_state_base& result, future_state_base::phase outcome, const void* frame) {
  if (!result.settle_or_drop(outcome, [] {})) return;
  resumption* const here = innermost_resumption;
  if (here != nullptr && here->frame == frame && here->completed == nullptr) {
    here->completed = &result;
  } else {
    future_state_base::run_callbacks_and_drop(&result);
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
