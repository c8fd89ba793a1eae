// spool/detail/map/slot.hpp · one call of a map: first its arguments, then what came of it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/future/state.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Whether all parts of a tuple can be moved; the tuple itself may claim so wrongly.
template <class Tuple>
inline constexpr bool parts_can_be_moved = false;
template <class... Parts>
inline constexpr bool parts_can_be_moved<std::tuple<Parts...>> = (std::is_move_constructible_v<Parts> && ...);

/// Where the arguments of one call lie, and what comes of it: in the same place, one after the other, if the arguments
/// can be moved out of it for the call.
template <class Elements, class Stored, bool Shared = parts_can_be_moved<Elements>>
struct slot_places {
  slot_places() noexcept {}
  ~slot_places() noexcept {}
  union {
    Elements elements;
    Stored value;
    std::exception_ptr error;
  };
};
template <class Elements, class Stored>
struct slot_places<Elements, Stored, false> {
  slot_places() noexcept {}
  ~slot_places() noexcept {}
  union {
    Elements elements;
  };
  union {
    Stored value;
    std::exception_ptr error;
  };
};

/// One call of a map.
///
/// Shape            Elements is a tuple of what a call keeps; Result is void, a reference, or an object type.
/// Synchronization  None: who takes the inputs, who runs the task and who reads the result hand it on to each other.
template <class Elements, class Result>
class map_slot {
  using stored = typename stored_result<Result>::type;

public:
  map_slot() noexcept {}
  map_slot(const map_slot&) = delete;
  map_slot& operator=(const map_slot&) = delete;
  ~map_slot() noexcept { clear(); }

  /// Keeps what the iterators stand at.      Preconditions  it is empty, as it still is if this throws.
  template <class... Iterators>
  void put(Iterators&... iterators) {
    ::new (static_cast<void*>(std::addressof(in_.elements))) Elements(iterators...);
    content_ = content::elements;
  }

  /// Calls call(elements) and keeps what it returns or throws; the elements are gone then.
  /// Throws  what ends the thread in the call, empty then, after a call of before_end().
  template <class Call, class BeforeEnd>
  void run(Call&& call, BeforeEnd&& before_end) {
    std::exception_ptr thrown = caught_from(
        [&] {
          if constexpr (parts_can_be_moved<Elements>) {
            Elements mine(std::move(in_.elements));  // the result is built, without a move, where they were
            clear();
            keep_result_of(call, mine);
          } else {
            keep_result_of(call, in_.elements);
            clear();
          }
          content_ = content::value;
        },
        [&] {
          clear();
          before_end();
        });
    if (thrown == nullptr) return;
    clear();
    ::new (static_cast<void*>(std::addressof(in_.error))) std::exception_ptr(std::move(thrown));
    content_ = content::error;
  }

  /// What the call returned.      Throws  what it threw.      Preconditions  it has run.
  std::add_lvalue_reference_t<Result> result() {
    if (content_ == content::error) std::rethrow_exception(in_.error);
    if constexpr (std::is_void_v<Result>) {
      return;
    } else if constexpr (std::is_reference_v<Result>) {
      return *in_.value;
    } else {
      return in_.value;
    }
  }

  /// Whether there is nothing, as the call was not made, or has ended its thread.
  bool is_empty() const noexcept { return content_ == content::nothing; }

  void drop_elements() noexcept {
    if (content_ == content::elements) clear();
  }
  void clear() noexcept {
    const content was = std::exchange(content_, content::nothing);
    if (was == content::elements) in_.elements.~Elements();
    if (was == content::value) in_.value.~stored();
    if (was == content::error) in_.error.~exception_ptr();
  }

private:
  enum class content : std::uint8_t { nothing, elements, value, error };

  template <class Call>
  void keep_result_of(Call& call, Elements& elements) {
    void* const place = static_cast<void*>(std::addressof(in_.value));
    if constexpr (std::is_void_v<Result>) {
      call(elements);
      ::new (place) stored();
    } else if constexpr (std::is_reference_v<Result>) {
      ::new (place) stored(std::addressof(call(elements)));
    } else {
      ::new (place) stored(call(elements));
    }
  }

  slot_places<Elements, stored> in_;
  content content_ = content::nothing;
};

}  // namespace spool::inline SPOOL_ABI::detail
