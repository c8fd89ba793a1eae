// spool/detail/queue/take.hpp · how items leave a queue, so that none is lost if that throws
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

#include <spool/detail/base/min_max.hpp>
#include <spool/detail/queue/batch.hpp>
#include <spool/detail/queue/gate.hpp>
#include <spool/detail/queue/item.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Exchanges the array of a store for a smaller one, if that is sparse; `gone` of the items on loan will not come back. If
/// there is no memory for that, the larger one stays.
/// Preconditions  locked.      Returns  false, still locked, if there is nothing to do; else it is not locked any more.
template <class Store>
SPOOL_COLD bool shrink_and_unlock(queue_core& core, Store& store, std::size_t gone) noexcept {
  const std::size_t on_loan = core.may_come_back() - gone;
  if (!store.is_sparse(on_loan)) return false;
  const std::size_t capacity = store.better_capacity(on_loan);
  core.unlock();
  typename Store::array smaller;
  try {
    smaller = typename Store::array(capacity);
  } catch (...) {
    // The larger one will do.
  }
  core.lock();
  store.adopt_smaller(smaller, core.may_come_back() - gone);
  core.unlock();
  return true;
}

/// An item that is taken out. Where moving it cannot throw it has left the queue, and the lock is let go, before a result
/// is made of it: so that runs none of the user's code under the lock. Else the lock is held on it until the end of the
/// scope, which takes it out: if making the result throws the item stays.
template <class T, class Store>
class queue_taking {
  static constexpr bool leaves_first = std::is_nothrow_move_constructible_v<T> && !is_its_own_cell<T>;
  struct nothing {};
  using entry = std::conditional_t<leaves_first, typename Store::entry, nothing>;

public:
  template <class Wait>
  queue_taking(queue_core& core, Store& store, Wait&& wait)
      : core_(core), store_(store), has_item_(lock_on_item(core, store, wait)) {
    if (!has_item_) return;
    if constexpr (!std::is_nothrow_move_constructible_v<T>) exceptions_ = std::uncaught_exceptions();
    try {
      store_.plan_pop();
    } catch (...) {
      core_.unlock_unused(queue_core::getting);
      throw;
    }
    if constexpr (leaves_first) taken_ = pop_and_unlock();
  }
  queue_taking(const queue_taking&) = delete;
  queue_taking& operator=(const queue_taking&) = delete;

  ~queue_taking() {
    if (!has_item_) return;
    if constexpr (leaves_first) {
      queue_item<T>::destroy(Store::cell_of(taken_));
    } else {
      if constexpr (!std::is_nothrow_move_constructible_v<T>) {
        if (std::uncaught_exceptions() != exceptions_) {
          core_.unlock_unused(queue_core::getting);
          return;
        }
      }
      auto taken = pop_and_unlock();
      queue_item<T>::destroy(Store::cell_of(taken));
    }
  }

  explicit operator bool() const noexcept { return has_item_; }
  T& item() noexcept {
    if constexpr (leaves_first) {
      return queue_item<T>::value_of(Store::cell_of(taken_));
    } else {
      return store_.next();
    }
  }

private:
  /// Waiting without a limit ends with an item or an exception: here compilers see that it does not end without.
  template <class Wait>
  static bool lock_on_item(queue_core& core, Store& store, Wait& wait) {
    const bool locked =
        core.lock_when_ready(queue_core::getting, wait) && (!store.is_sparse(0) || lock_shrunk(core, store, wait));
    return locked || std::is_same_v<Wait, wait_always>;
  }

  auto pop_and_unlock() noexcept {
    auto taken = store_.pop();
    typename Store::array surplus;
    if (store_.has_surplus() && core_.may_come_back() == 0) store_.shed(surplus);
    core_.unlock_after_get(1, store_.size());
    return taken;
  }

  /// Memory is given back before an item is taken: after that, whoever waited for its place may destroy the queue. No
  /// member, as the fast path then keeps this object in registers.
  /// Preconditions  locked.      Returns  false, not locked, if the item has gone meanwhile and waiting gave up.
  template <class Wait>
  SPOOL_COLD static bool lock_shrunk(queue_core& core, Store& store, Wait& wait) {
    while (shrink_and_unlock(core, store, 0)) {
      if (!core.lock_when_ready(queue_core::getting, wait)) return false;
    }
    return true;
  }

  queue_core& core_;
  Store& store_;
  const bool has_item_;
  int exceptions_ = 0;                   // under way when it began
  [[no_unique_address]] entry taken_{};  // where it leaves first
};

/// Items that have left the queue together; those that are not handed out by the end of the scope go back.
template <class T, class Store>
class queue_delivery {
public:
  queue_delivery(queue_core& core, Store& store, std::size_t max) : core_(core), store_(store) {
    for (;;) {
      core_.lock_when_ready(queue_core::getting, wait_always{});
      const std::size_t n = smaller_of(max, store_.size());
      if (n <= items_.capacity()) {
        take(n);
        return;
      }
      core_.unlock();
      try {
        items_.make_room(n);
      } catch (...) {
        core_.lock();
        core_.unlock_unused(queue_core::getting);
        throw;
      }
    }
  }
  queue_delivery(const queue_delivery&) = delete;
  queue_delivery& operator=(const queue_delivery&) = delete;

  ~queue_delivery() {
    core_.lock();
    while (store_.is_sparse(0) && shrink_and_unlock(core_, store_, handed_out_)) core_.lock();
    if (core_.discards()) {
      core_.unlock();
      for (std::size_t i = handed_out_; i != items_.size(); ++i)
        destroy(i);  // before a join() that waits for them returns
      core_.lock();
    } else {
      for (std::size_t i = items_.size(); i != handed_out_; --i) store_.push_back_in(items_.data()[i - 1]);
    }
    core_.unlock_after_returning(handed_out_, items_.size() - handed_out_, store_.size());
  }

  template <class Out>
  std::size_t hand_out(Out& out) {
    const std::size_t n = items_.size();
    for (auto* item = items_.data(); handed_out_ != n; ++item) {
      *out = std::move(queue_item<T>::value_of(Store::cell_of(*item)));
      queue_item<T>::destroy(Store::cell_of(*item));
      ++handed_out_;
      ++out;
    }
    return n;
  }

private:
  void take(std::size_t n) {
    if constexpr (requires(Store& s) { s.pop_row(items_.data(), n); }) {
      store_.pop_row(items_.data(), n);
      items_.filled(n);
      core_.unlock_after_borrowing(n, store_.size());
    } else {
      take_one_by_one(n);
    }
  }
  void take_one_by_one(std::size_t n) {
    try {
      while (items_.size() != n) {
        store_.plan_pop();
        items_.push_back(store_.pop());
      }
    } catch (...) {
      if (items_.size() == 0) {
        core_.unlock_unused(queue_core::getting);
        throw;
      }
    }
    core_.unlock_after_borrowing(items_.size(), store_.size());
  }
  void destroy(std::size_t i) noexcept { queue_item<T>::destroy(Store::cell_of(items_.data()[i])); }

  queue_core& core_;
  Store& store_;
  queue_batch<typename Store::entry> items_;
  std::size_t handed_out_ = 0;
};

}  // namespace spool::inline SPOOL_ABI::detail
