// spool/detail/map/element.hpp · what a call of a map keeps of an input until it runs
// SPDX-License-Identifier: MIT
//
// A call runs when the iterator has long moved on. What the iterator gave must still be there then, and some iterators
// give references into themselves (those of regular expressions' matches and of counting ranges, for example), though
// they claim to be forward iterators, which must not. So only an iterator into contiguous memory is believed:
//
//   the iterator       gives                         kept
//   contiguous         an lvalue                     the reference
//   forward            an lvalue, or a proxy         what it gave, and the copy of the iterator that gave it
//   forward            a value, or an rvalue         the value
//   else: single-pass  anything                      a value; moved out of an lvalue that cannot be copied
#pragma once

#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include <spool/detail/base/range_access.hpp>
#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

template <class Range>
using iterator_of = decltype(begin_of(std::declval<std::remove_reference_t<Range>&>()));

/// The type of the elements proper, where what the iterator gives may be a proxy.
template <class Iterator>
struct value_behind {
  using type = std::remove_cvref_t<std::iter_reference_t<Iterator>>;
};
template <class Iterator>
  requires requires { typename std::iter_value_t<Iterator>; }
struct value_behind<Iterator> {
  using type = std::remove_cv_t<std::iter_value_t<Iterator>>;
};

/// Whether it is a tuple of references, or the like: what an iterator over several ranges gives, and may call its value.
template <class T>
inline constexpr bool has_reference_parts = false;
template <template <class...> class Tuple, class... Parts>
inline constexpr bool has_reference_parts<Tuple<Parts...>> = (std::is_reference_v<Parts> || ...);

/// A reference that outlives the iterator.
template <class Given>
class referred_element {
public:
  template <class Iterator>
  explicit referred_element(Iterator& it) : element_(std::addressof(*it)) {}
  Given get() noexcept { return *element_; }

private:
  std::remove_reference_t<Given>* element_;
};

/// A value made of what the iterator gives; moved out of that only if there is no other way.
template <class Value, class Given>
class kept_element {
  static constexpr bool must_move = !std::is_constructible_v<Value, Given> && !std::is_same_v<Value, Given>;

public:
  template <class Iterator>
    requires must_move
  explicit kept_element(Iterator& it) : value_(std::move(*it)) {}
  template <class Iterator>
    requires(!must_move)
  explicit kept_element(Iterator& it) : value_(*it) {}
  kept_element(kept_element&&) = default;
  Value& get() noexcept { return value_; }

private:
  Value value_;
};

/// What a copy of the iterator gives, with that copy. Stays in place, as the one may refer to the other.
template <class Iterator, class Given>
class anchored_element {
public:
  explicit anchored_element(const Iterator& it) : at_(it), given_(*at_) {}
  anchored_element(const anchored_element&) = delete;
  anchored_element& operator=(const anchored_element&) = delete;
  std::remove_reference_t<Given>& get() noexcept { return given_; }

private:
  Iterator at_;
  Given given_;
};

/// How an element of a range is kept, and passed to f.
template <class Iterator>
struct element {
  using given = std::iter_reference_t<Iterator>;
  using value = typename value_behind<Iterator>::type;

  static constexpr bool is_lvalue = std::is_lvalue_reference_v<given>;
  static constexpr bool is_multi_pass = std::forward_iterator<Iterator>;
  static constexpr bool is_proxy =
      !std::is_reference_v<given> && (!std::is_same_v<std::remove_cv_t<given>, value> || has_reference_parts<value>);
  static constexpr bool is_contiguous = std::contiguous_iterator<Iterator> && is_lvalue;
  static constexpr bool is_anchored = is_multi_pass && !is_contiguous && (is_lvalue || is_proxy);
  static constexpr bool is_kept = !is_contiguous && !is_anchored;

  // A single-pass iterator's proxy may refer to what is gone with the next ++.
  using kept = std::conditional_t<is_proxy && !is_multi_pass && std::is_constructible_v<value, given>, value,
                                  std::remove_cvref_t<given>>;
  using held =
      std::conditional_t<is_contiguous, referred_element<given>,
                         std::conditional_t<is_anchored, anchored_element<Iterator, given>, kept_element<kept, given>>>;
  static constexpr bool can_be_held = !is_kept || std::is_same_v<kept, std::remove_cv_t<given>> ||
                                      std::is_constructible_v<kept, given> ||
                                      std::is_constructible_v<kept, std::remove_reference_t<given>&&>;

  /// As the iterator gives it; but a value that was made for the call alone is an rvalue.
  using passed = std::conditional_t<is_kept, kept, given>&&;
  /// The same for an f that takes no rvalue, where the iterator gives none either.
  using passed_as_given = std::conditional_t<is_kept && is_lvalue, kept&, passed>;
};

}  // namespace spool::inline SPOOL_ABI::detail
