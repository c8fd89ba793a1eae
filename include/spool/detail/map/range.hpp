// spool/detail/map/range.hpp · the range that map and map_unordered give
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include <spool/detail/map/order.hpp>
#include <spool/detail/map/state.hpp>
#include <spool/errors.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// An input range of results: *it waits for its item and throws what that threw; ++it goes on past it.
///
/// Lifetime  Dropping it, or giving it another, ends the map under way. Iterators stay with what was moved.
template <class State>
class [[nodiscard("a map that is dropped is cancelled: iterate over it, or use for_each()")]] map_range {
  using result = typename State::result;

  struct nothing {};

public:
  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::conditional_t<std::is_void_v<result>, nothing, std::remove_cvref_t<result>>;
    using difference_type = std::ptrdiff_t;
    using reference = std::add_lvalue_reference_t<result>;
    using pointer = void;

    iterator() noexcept = default;
    reference operator*() const { return state().current(); }
    iterator& operator++() {
      state().advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.state_ == nullptr || it.state_->at_end();
    }

  private:
    friend class map_range;
    explicit iterator(State* s) noexcept : state_(s) {}
    State& state() const {
      if (state_ == nullptr)
        throw usage_error("spool::thread_pool: an iterator of no map was used: get one from the begin() of a map");
      return *state_;
    }

    State* state_ = nullptr;
  };

  template <class... Args>
  explicit map_range(std::in_place_t, Args&&... args) : state_(std::make_unique<State>(std::forward<Args>(args)...)) {}
  map_range(map_range&&) noexcept = default;
  map_range& operator=(map_range&&) noexcept = default;

  /// Stands where the iteration is.      Throws  timeout_error, if nothing could be submitted in time.
  iterator begin() {
    if (state_ != nullptr) state_->arrive();
    return iterator(state_.get());
  }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  std::unique_ptr<State> state_;  // null once it was moved from
};

template <class F, class... Ranges>
using ordered_map = map_range<map_state<in_order, in_order_link, F, Ranges...>>;
template <class F, class... Ranges>
using unordered_map = map_range<map_state<by_completion, by_completion_link, F, Ranges...>>;

}  // namespace spool::inline SPOOL_ABI::detail
