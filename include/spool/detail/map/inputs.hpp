// spool/detail/map/inputs.hpp · several ranges, gone through side by side and no further than asked
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/base/range_access.hpp>
#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A range given to map: an lvalue is referred to, an rvalue is kept.
template <class Range>
using kept_range = std::conditional_t<std::is_lvalue_reference_v<Range>, Range, std::remove_cvref_t<Range>>;

/// Not std::ranges::input_range: any iterator will do that can be dereferenced, stepped, and compared with the end.
template <class Range>
concept iterable = requires(std::remove_reference_t<Range>& range) {
  *begin_of(range);
  end_of(range);
};

template <class Range>
using iterator_of = decltype(begin_of(std::declval<std::remove_reference_t<Range>&>()));

/// What a task holds of an element until it runs: a reference, if the iterator gives one that outlives the next ++;
/// else a value. And what f gets: the element as the iterator gives it.
template <class Iterator>
struct element {
  using given = std::iter_reference_t<Iterator>;
  static constexpr bool by_reference = std::forward_iterator<Iterator> && std::is_lvalue_reference_v<given>;
  using held = std::conditional_t<by_reference, given, std::remove_cvref_t<given>>;
  using passed = std::conditional_t<by_reference, given, std::remove_cvref_t<given>&&>;
  static constexpr bool can_be_held = by_reference || std::is_constructible_v<held, given>;
};

/// The elements that one call gets, one of each range.
template <class... Ranges>
using elements_of = std::tuple<typename element<iterator_of<Ranges>>::held...>;

/// Ranges and the place in each. An iterator is moved on only when the next element is asked for: the source behind it,
/// which may be somebody at a keyboard, is never asked for more.
template <class... Ranges>
class map_inputs {
public:
  template <class... Rs>
  explicit map_inputs(std::in_place_t, Rs&&... ranges)
      : ranges_(std::forward<Rs>(ranges)...), at_(begin_all(indices())) {}
  map_inputs(const map_inputs&) = delete;
  map_inputs& operator=(const map_inputs&) = delete;

  /// Moves on, unless at the first, and looks whether there is an element: range by range, up to the first at its end.
  /// Preconditions  it has not returned false yet, and nothing has thrown.
  bool has_next() { return has_next(std::exchange(must_step_, false), indices()); }

  /// Gives the elements here to use(element...).      Preconditions  has_next() has just returned true.
  template <class Use>
  void take(Use&& use) {
    take(use, indices());
    must_step_ = true;
  }

private:
  using indices = std::index_sequence_for<Ranges...>;
  using iterators = std::tuple<iterator_of<Ranges>...>;

  template <std::size_t... I>
  iterators begin_all(std::index_sequence<I...>) {
    return iterators(begin_of(std::get<I>(ranges_))...);
  }
  template <std::size_t... I>
  bool has_next(bool step, std::index_sequence<I...>) {
    return ((step ? void(++std::get<I>(at_)) : void(), std::get<I>(at_) != end_of(std::get<I>(ranges_))) && ...);
  }
  template <class Use, std::size_t... I>
  void take(Use& use, std::index_sequence<I...>) {
    use(*std::get<I>(at_)...);
  }

  std::tuple<kept_range<Ranges>...> ranges_;
  iterators at_;
  bool must_step_ = false;  // the element here has been taken
};

}  // namespace spool::inline SPOOL_ABI::detail
