// spool/detail/base/unique_function.hpp · a callable that is moved, never copied
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

template <class Signature>
class unique_function;

/// Holds any callable, move-only ones included; std::move_only_function is C++23.
///
/// Shape   A callable of up to 48 bytes that moves without throwing lives inside, a larger one on the heap.
/// Throws  what copying or moving the callable in throws; std::bad_alloc for a large one. Moving it on throws nothing.
template <class R, class... Args>
class unique_function<R(Args...)> {
public:
  constexpr unique_function() noexcept = default;
  constexpr unique_function(std::nullptr_t) noexcept {}

  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  unique_function(F&& f) {
    using held = std::decay_t<F>;
    using given = std::remove_reference_t<F>;  // not decayed: a function itself is never null
    if constexpr (std::is_pointer_v<given> || std::is_member_pointer_v<given>) {
      if (f == nullptr) return;
    }
    if constexpr (fits<held>) {
      ::new (static_cast<void*>(storage_)) held(std::forward<F>(f));
      ops_ = &inline_ops<held>;
    } else {
      ::new (static_cast<void*>(storage_)) held*(new held(std::forward<F>(f)));
      ops_ = &heap_ops<held>;
    }
  }

  /// Makes the callable in place; a large one's memory is there before anything of the arguments is moved.
  template <class F, class... CallArgs>
    requires std::is_invocable_r_v<R, F&, Args...>
  explicit unique_function(std::in_place_type_t<F>, CallArgs&&... args) {
    if constexpr (fits<F>) {
      ::new (static_cast<void*>(storage_)) F(std::forward<CallArgs>(args)...);
      ops_ = &inline_ops<F>;
    } else {
      ::new (static_cast<void*>(storage_)) F*(new F(std::forward<CallArgs>(args)...));
      ops_ = &heap_ops<F>;
    }
  }

  unique_function(unique_function&& other) noexcept { take(other); }
  unique_function& operator=(unique_function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~unique_function() { reset(); }

  explicit operator bool() const noexcept { return ops_ != nullptr; }

  /// Preconditions  not empty.
  R operator()(Args... args) { return ops_->call(storage_, std::forward<Args>(args)...); }

  /// Destroys the callable.
  void reset() noexcept {
    if (const operations* ops = std::exchange(ops_, nullptr)) ops->destroy(storage_);
  }

private:
  static constexpr std::size_t capacity = 48;

  struct operations {
    R (*call)(void*, Args&&...);
    void (*relocate)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };

  template <class F>
  static constexpr bool fits =
      sizeof(F) <= capacity && alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;

  template <class F>
  static R invoke(F& f, Args&&... args) {
    if constexpr (std::is_void_v<R>) {
      static_cast<void>(f(std::forward<Args>(args)...));
    } else {
      return f(std::forward<Args>(args)...);
    }
  }

  template <class F>
  static constexpr operations inline_ops{
      [](void* at, Args&&... args) -> R { return invoke(*static_cast<F*>(at), std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept {
        ::new (to) F(std::move(*static_cast<F*>(from)));
        static_cast<F*>(from)->~F();
      },
      [](void* at) noexcept { static_cast<F*>(at)->~F(); }};

  template <class F>
  static constexpr operations heap_ops{
      [](void* at, Args&&... args) -> R { return invoke(**static_cast<F**>(at), std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
      [](void* at) noexcept { delete *static_cast<F**>(at); }};

  void take(unique_function& other) noexcept {
    ops_ = std::exchange(other.ops_, nullptr);
    if (ops_ != nullptr) ops_->relocate(other.storage_, storage_);
  }

  const operations* ops_ = nullptr;
  alignas(std::max_align_t) std::byte storage_[capacity];
};

}  // namespace spool::inline SPOOL_ABI::detail
