// spool/detail/future/observers.hpp · who is told that a result is there, and what is done then
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

class future_state_base;

class observer;
class done_callback;

// The links of the lists have classes of their own, which have no virtual functions: g++ takes the destructor of a class
// with friends for a public one, and warns of it if that class is polymorphic.

/// An observer's place in the list of one future.
class observer_link {
  friend class future_state_base;
  observer* next_ = nullptr;   // guarded by the lock of the state's list
  observer** link_ = nullptr;  // what points at this one; null when not in a list; guarded likewise
};

/// A callback's place in the list of one future.
class callback_link {
protected:
  explicit callback_link(future_state_base& source) noexcept : source_(&source) {}

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

/// Who is told, at once and once, that a result is there: stands in the list of one future. Belongs to a waiter.
class observer : public observer_link {
public:
  /// Called under the lock of the state's list, in the thread that completes it: a few instructions, no callback.
  virtual void settled(bool with_error) noexcept = 0;

protected:
  observer() = default;
  observer(const observer&) = default;  // while not in a list
  ~observer() = default;
};

/// What is to be done when the result is there. Every result ends settled, so each is run, once, unless it was withdrawn.
class done_callback : public callback_link {
public:
  /// Runs it, with no lock held. It looks after its own end, and may be gone when this returns.
  ///
  /// Preconditions  `state` is settled, and someone keeps a handle to it until this has seen its phase and its result.
  /// Returns  another result that was completed by this, with a handle, whose callbacks the caller is to run now; or
  ///          null. So a chain of results, each completed by a callback of the one before, needs no stack.
  /// Throws   only what ends the thread (a forced unwind), all done: what was completed has run its callbacks, too.
  virtual future_state_base* run(future_state_base& state) = 0;

protected:
  explicit done_callback(future_state_base& source) noexcept : callback_link(source) {}
  done_callback(const done_callback&) = delete;
  done_callback& operator=(const done_callback&) = delete;
  ~done_callback() = default;
};

}  // namespace spool::inline SPOOL_ABI::detail
