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
#include <spool/detail/map/element.hpp>

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

  /// Calls use(iterator...) with those that stand here.      Preconditions  has_next() has just returned true.
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
    return (has_next(step, std::get<I>(at_), std::get<I>(ranges_)) && ...);
  }
  template <class Iterator, class Range>
  static bool has_next(bool step, Iterator& at, Range& range) {
    if (step) ++at;
    return static_cast<bool>(at != end_of(range));
  }
  template <class Use, std::size_t... I>
  void take(Use& use, std::index_sequence<I...>) {
    use(std::get<I>(at_)...);
  }

  std::tuple<kept_range<Ranges>...> ranges_;
  iterators at_;
  bool must_step_ = false;  // the element here has been taken
};

}  // namespace spool::inline SPOOL_ABI::detail
