// spool/detail/future/observers.hpp · who is told that a result is there, and what is done then
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

class future_state_base;

/// Who is told, at once and once, that a result is there: stands in the list of one future. Belongs to a waiter.
class observer {
public:
  /// Called under the lock of the state's list, in the thread that completes it: a few instructions, no callback.
  virtual void settled(bool with_error) noexcept = 0;

protected:
  observer() = default;
  observer(const observer&) = default;  // while not in a list
  ~observer() = default;

private:
  friend class future_state_base;
  observer* next_ = nullptr;   // guarded by the lock of the state's list
  observer** link_ = nullptr;  // what points at this one; null when not in a list; guarded likewise
};

/// What is to be done when the result is there. Every result ends settled, so each is run, once, unless it was withdrawn.
class done_callback {
public:
  /// Runs it, with no lock held. It looks after its own end, and may be gone when this returns.
  ///
  /// Preconditions  `state` is settled, and someone keeps a handle to it until this has seen its phase and its result.
  /// Returns  another result that was completed by this, with a handle, whose callbacks the caller is to run now; or
  ///          null. So a chain of results, each completed by a callback of the one before, needs no stack.
  virtual future_state_base* run(future_state_base& state) noexcept = 0;

protected:
  explicit done_callback(future_state_base& source) noexcept : source_(&source) {}
  done_callback(const done_callback&) = delete;
  done_callback& operator=(const done_callback&) = delete;
  ~done_callback() = default;

  future_state_base* source_;  // the result it waits for

private:
  friend class future_state_base;
  friend class callback_nesting;
  done_callback* next_ = nullptr;
  union {
    done_callback** link_ = nullptr;   // what points at this one in the list of a result that is not settled
    future_state_base* put_off_from_;  // the settled result for which it was put off; its own source_ may be dropped
  };
};

}  // namespace spool::inline SPOOL_ABI::detail
