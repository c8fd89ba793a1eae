// spool/detail/platform/thread_wide.hpp · variables of a thread that all images of the process share
// SPDX-License-Identifier: MIT
//
//   thread_wide<T>::get() noexcept    the calling thread's one T, whichever image asks
//
// What an image is, and which ones share, is said in process_wide.hpp. T has a constexpr constructor, a trivial destructor,
// and a T::process_name. It is there from before the thread's first instruction until after its last.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/process_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// The thread-local T of one image is the thread's; the others find it by a function of that image, which stays loaded.
template <class T>
class SPOOL_OF_THIS_IMAGE thread_wide {
  static_assert(std::is_trivially_destructible_v<T>);

public:
  /// Complexity  A load and a test, but for the thread's first call in an image.
  static T& get() noexcept {
    T* const known = mine_;
    return known != nullptr ? *known : find();
  }

private:
  struct source {
    static constexpr std::string_view process_name = T::process_name;
    static constexpr std::size_t layout = sizeof(T);

    T* (*of_caller)() noexcept = &own_of_caller;
  };

  static T* own_of_caller() noexcept { return &own_; }

  SPOOL_COLD static T& find() noexcept { return *(mine_ = process_wide<source>::get().of_caller()); }

  static inline constinit thread_local T own_{};  // the one in use, or not
  static inline constinit thread_local T* mine_ = nullptr;
};

/// A pointer of the calling thread's own. Slot is a struct with that pointer, and a process_name.
template <class Slot>
class thread_pointer {
  using pointer = decltype(Slot::pointer);

public:
  operator pointer() const noexcept { return thread_wide<Slot>::get().pointer; }
  template <class Derived>
  explicit operator Derived*() const noexcept {
    return static_cast<Derived*>(pointer(*this));
  }
  pointer operator->() const noexcept { return *this; }
  const thread_pointer& operator=(pointer p) const noexcept {
    thread_wide<Slot>::get().pointer = p;
    return *this;
  }
};

}  // namespace spool::inline SPOOL_ABI::detail
