// spool/detail/queue/operations.hpp · what the queues do, before, under and after their lock
// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/range_access.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/queue/gate.hpp>
#include <spool/detail/queue/gate_waits.hpp>
#include <spool/detail/queue/item.hpp>
#include <spool/detail/queue/store.hpp>
#include <spool/detail/queue/take.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Whether an item made of this argument may come to own what that points at.
template <class T, class Arg>
inline constexpr bool may_own =
    std::is_pointer_v<Arg> && !std::is_const_v<std::remove_pointer_t<Arg>> && !std::is_trivially_destructible_v<T>;

/// Whether an item made of this argument can be thrown away without a trace: then it can be made before it is known
/// whether it will be put.
template <class T, class Arg>
inline constexpr bool stays_whole =
    !may_own<T, std::remove_cvref_t<Arg>> &&
    (std::is_lvalue_reference_v<Arg> || std::is_trivially_copyable_v<std::remove_cvref_t<Arg>>);

template <class Range>
using item_reference = decltype(*begin_of(std::declval<Range&>()));

/// Whether a range owns its items: then those of a const one are const. A view's are not.
template <class Range>
inline constexpr bool owns_items = false;
template <class Range>
  requires requires { typename item_reference<const Range>; }
inline constexpr bool owns_items<Range> = !std::is_same_v<item_reference<Range>, item_reference<const Range>>;

/// Whether the items of a range are moved from: if it is an rvalue that owns them, or has no other use.
template <class T, class Range>
inline constexpr bool moves_items =
    !std::is_lvalue_reference_v<Range> && std::is_lvalue_reference_v<item_reference<Range>> &&
    (owns_items<std::remove_reference_t<Range>> || !std::is_constructible_v<T, item_reference<Range>>);

/// What an item is made of.
template <class T, class Range>
using item_source =
    std::conditional_t<moves_items<T, Range>, std::remove_reference_t<item_reference<Range>>&&, item_reference<Range>>;

/// Whether items can be made of those of a range, which is given as an lvalue, or as an rvalue.
template <class T, class Range>
concept range_of_items = requires(Range& range) { end_of(range); } && std::is_constructible_v<T, item_source<T, Range>>;

/// A store with the lock that guards it, and all that is done to the two.
///
/// Invariant  The user's code runs under the lock only where it moves or compares items: an item that is copied or made of
///            what stays whole is made before, items are destroyed and memory is allocated and freed without it.
template <class T, class Store>
class queue_body {
public:
  template <class... Args>
  explicit queue_body(std::size_t maxsize, Args&&... args) : core_(maxsize), store_(std::forward<Args>(args)...) {}
  queue_body(const queue_body&) = delete;
  queue_body& operator=(const queue_body&) = delete;
  ~queue_body() { store_.destroy_items(); }

  queue_core& core() noexcept { return core_; }
  const queue_core& core() const noexcept { return core_; }

  /// Puts an item made of args.      Returns  false, the args whole, if it gave up.
  /// Throws  the args whole, too, save where a comparison throws that needed the item made of them.
  template <class Wait, class... Args>
  bool insert(Wait wait, Args&&... args);

  template <class... Args>
  bool try_insert(Args&&... args) {
    if (core_.full() && !core_.is_shutdown()) return false;  // nothing to prepare
    return insert(wait_not{}, std::forward<Args>(args)...);
  }

  template <class Range>
  void insert_many(Range&& items);

  T take() {
    queue_taking<T, Store> it(core_, store_, wait_always{});
    return T(std::move(it.item()));
  }

  template <class Wait>
  std::optional<T> take_if(Wait wait) {
    queue_taking<T, Store> it(core_, store_, wait);
    if (!it) return std::nullopt;
    return std::optional<T>(std::in_place, std::move(it.item()));
  }

  template <class Out>
  std::size_t take_many(Out& out, std::size_t max) {
    if (max == 0)
      throw std::invalid_argument("spool::queue: get_many(out, max) got a max of 0: let it take at least one item");
    return queue_delivery<T, Store>(core_, store_, max).hand_out(out);
  }

  void shutdown(bool immediate) noexcept {
    queue_store<T, typename Store::entry> left;
    core_.shutdown(immediate, [&]() noexcept { store_.give_all(left); }, [&]() noexcept { left.destroy_items(); });
  }

private:
  template <class Wait>
  bool lock_with_room(Wait&& wait, std::size_t wanted);
  void grow(std::size_t capacity);
  void insert_trivial(const T* first, std::size_t n);
  void insert_one_by_one(const T* first, std::size_t n);

  queue_core core_;
  Store store_;  // guarded by core_'s lock
};

template <class T, class Store>
template <class Wait, class... Args>
bool queue_body<T, Store>::insert(Wait wait, Args&&... args) {
  constexpr bool before_lock = (stays_whole<T, Args> && ...);
  queue_item<T> place;
  if constexpr (before_lock) place.fill(std::forward<Args>(args)...);
  if (!lock_with_room(wait, 1)) return false;
  try {
    if constexpr (before_lock) {
      store_.plan_push(place.value());
    } else if constexpr (std::is_same_v<void(std::remove_cvref_t<Args>...), void(T)>) {
      store_.plan_push(args...);  // by the item itself: if a comparison throws, it has not been moved from
      place.fill(std::forward<Args>(args)...);
    } else {
      place.fill(std::forward<Args>(args)...);
      store_.plan_push(place.value());
    }
  } catch (...) {
    core_.unlock_unused(queue_core::putting);
    throw;
  }
  store_.push(place.as_cell());
  place.released();
  core_.unlock_after_put(1, store_.size());
  return true;
}

/// Locks when there is a place, and memory for `wanted` items or as many as there are places.
/// Returns  false, not locked, if it gave up.
template <class T, class Store>
template <class Wait>
bool queue_body<T, Store>::lock_with_room(Wait&& wait, std::size_t wanted) {
  for (;;) {
    if (!core_.lock_when_ready(queue_core::putting, wait)) return false;
    if (wanted != 1) wanted = smaller_of(wanted, core_.places_left());
    const std::size_t needed = store_.size() + core_.may_come_back() + wanted;
    if (needed <= store_.capacity()) return true;
    core_.unlock();
    grow(std::bit_ceil(larger_of<std::size_t>(needed, 16)));
  }
}

/// Without the lock.
template <class T, class Store>
SPOOL_COLD void queue_body<T, Store>::grow(std::size_t capacity) {
  typename Store::array larger;
  try {
    larger = typename Store::array(capacity);
  } catch (...) {
    core_.lock();
    core_.unlock_unused(queue_core::putting);
    throw;
  }
  core_.lock();
  store_.adopt(larger);
  core_.unlock();
}

template <class T, class Store>
template <class Range>
void queue_body<T, Store>::insert_many(Range&& items) {
  auto it = begin_of(items);
  const auto last = end_of(items);
  if constexpr (std::contiguous_iterator<decltype(it)> &&
                std::sized_sentinel_for<std::remove_cv_t<decltype(last)>, decltype(it)> && is_its_own_cell<T> &&
                std::is_same_v<std::remove_cvref_t<item_reference<Range>>, T>) {
    insert_trivial(std::to_address(it), static_cast<std::size_t>(last - it));
  } else {
    for (; it != last; ++it) {
      if constexpr (moves_items<T, Range>) {
        insert(wait_always{}, std::move(*it));
      } else {
        insert(wait_always{}, *it);
      }
    }
  }
}

/// Items that cost nothing to copy: as many as fit under one lock.
template <class T, class Store>
void queue_body<T, Store>::insert_trivial(const T* first, std::size_t n) {
  constexpr std::size_t most = 1024;
  while (n != 0) {
    lock_with_room(wait_always{}, smaller_of(n, most));
    const std::size_t now =
        smaller_of(smaller_of(n, most),
                   smaller_of(core_.places_left(), store_.capacity() - store_.size() - core_.may_come_back()));
    if constexpr (requires { store_.push_row(first, now); }) {
      store_.push_row(first, now);
      core_.unlock_after_put(now, store_.size());
    } else {
      insert_one_by_one(first, now);
    }
    first += now;
    n -= now;
  }
}

/// Under the lock, of which it lets go.
template <class T, class Store>
void queue_body<T, Store>::insert_one_by_one(const T* first, std::size_t n) {
  std::size_t done = 0;
  try {
    for (; done != n; ++done) {
      queue_item<T> place;
      place.fill(std::move(const_cast<T&>(first[done])));
      store_.plan_push(place.value());
      store_.push(place.as_cell());
    }
  } catch (...) {
    if (done == 0) {
      core_.unlock_unused(queue_core::putting);
    } else {
      core_.unlock_after_put(done, store_.size());
    }
    throw;
  }
  core_.unlock_after_put(n, store_.size());
}

}  // namespace spool::inline SPOOL_ABI::detail
