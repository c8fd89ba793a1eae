// spool/detail/base/shared_function.hpp · a callable whose copies are one
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <spool/detail/base/refuse.hpp>
#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

template <class Signature>
class shared_function;

/// Holds any callable, move-only ones included, or nothing. Copies share it, and may call it at the same time.
///
/// Complexity  One allocation when it is made of a callable; a copy is an atomic increment.
template <class R, class... Args>
class shared_function<R(Args...)> {
  template <class F>
  static constexpr bool is_other = !std::is_same_v<std::remove_cvref_t<F>, shared_function>;

public:
  shared_function() noexcept = default;
  shared_function(std::nullptr_t) noexcept {}

  /// Throws  what copying or moving the callable in throws; std::bad_alloc. An empty std::function and its like are empty
  ///         here too.
  template <class F>
    requires(is_other<F> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  shared_function(F&& f) {
    // What can be null may be; a function itself, or a lambda that would turn into one, cannot.
    using given = std::remove_cvref_t<F>;
    if constexpr (!std::is_function_v<given> && std::is_constructible_v<given, std::nullptr_t> &&
                  requires { static_cast<bool>(f == nullptr); }) {
      if (f == nullptr) return;
    }
    callable_ = std::make_shared<callable_of<std::decay_t<F>>>(std::forward<F>(f));
  }

  SPOOL_REFUSE(
      "spool: needs a callable that fits: an initializer is called with nothing, an excepthook with a "
      "thread_info const& and a std::exception_ptr",
      shared_function(Given&&...) requires(is_other<Given>&&...));

  explicit operator bool() const noexcept { return callable_ != nullptr; }

  /// Preconditions  not empty.
  R operator()(Args... args) const { return callable_->call(std::forward<Args>(args)...); }

private:
  struct callable {
    virtual ~callable() = default;
    virtual R call(Args...) = 0;
  };
  template <class F>
  struct callable_of final : callable {
    template <class G>
    explicit callable_of(G&& g) : f(std::forward<G>(g)) {}
    ~callable_of() noexcept override {}  // whatever f's destructor says of itself
    R call(Args... args) override { return static_cast<R>(f(std::forward<Args>(args)...)); }
    F f;
  };

  std::shared_ptr<callable> callable_;
};

}  // namespace spool::inline SPOOL_ABI::detail
