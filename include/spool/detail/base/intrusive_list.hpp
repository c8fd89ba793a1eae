// spool/detail/base/intrusive_list.hpp · list of nodes that live on their owners' stacks
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a type derives from to stand in an intrusive_list; in one list at a time.
struct list_node {
  list_node* previous = nullptr;
  list_node* next = nullptr;

  bool linked() const noexcept { return next != nullptr; }
};

/// A ring of T, oldest first; owns nothing and allocates nothing. Guarded by its owner's lock.
///
/// Complexity  Every operation is O(1), erase from the middle included.
/// Lifetime    Neither copied nor moved: its nodes point at it.
template <class T>
class intrusive_list {
public:
  constexpr intrusive_list() noexcept : head_{&head_, &head_} {}
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;

  bool empty() const noexcept { return head_.next == &head_; }

  /// Preconditions  not empty().
  T& front() noexcept { return static_cast<T&>(*head_.next); }

  /// Preconditions  not empty().
  T& back() noexcept { return static_cast<T&>(*head_.previous); }

  void push_back(T& item) noexcept {
    list_node& n = item;
    n.previous = head_.previous;
    n.next = &head_;
    head_.previous->next = &n;
    head_.previous = &n;
  }

  void push_front(T& item) noexcept {
    list_node& n = item;
    n.previous = &head_;
    n.next = head_.next;
    head_.next->previous = &n;
    head_.next = &n;
  }

  /// Preconditions  the item is in this list.
  void erase(T& item) noexcept {
    list_node& n = item;
    n.previous->next = n.next;
    n.next->previous = n.previous;
    n.previous = n.next = nullptr;
  }

  /// Takes the oldest out.      Returns  null if there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& item = front();
    erase(item);
    return &item;
  }

  /// Takes the newest out.      Returns  null if there is none.
  T* pop_back() noexcept {
    if (empty()) return nullptr;
    T& item = back();
    erase(item);
    return &item;
  }

  /// The item after this one, null after the last.
  T* after(T& item) noexcept {
    list_node* n = static_cast<list_node&>(item).next;
    return n == &head_ ? nullptr : static_cast<T*>(n);
  }

private:
  list_node head_;
};

}  // namespace spool::inline SPOOL_ABI::detail
