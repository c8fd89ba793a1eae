// spool/queue.hpp · floor 3 · queues between threads: first in first out, last in first out, smallest first
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>  // std::less, too
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <spool/detail/base/count.hpp>
#include <spool/detail/base/refuse.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/queue/gate.hpp>
#include <spool/detail/queue/heap.hpp>
#include <spool/detail/queue/iterator.hpp>
#include <spool/detail/queue/operations.hpp>
#include <spool/detail/queue/store.hpp>

namespace spool::inline SPOOL_ABI {

/// What queue, lifo_queue and priority_queue have in common: items that some threads put and others get.
///
///     spool::queue<job> jobs{100};
///     /* makers  */  jobs.put(next_job());  ...  jobs.shutdown();
///     /* workers */  for (job& j : jobs) j.run();        // until it is shut down and drained
///
/// Shape            At most maxsize() items, 0: as many as there is memory for. T is anything that can be moved or copied,
///                  by operations that may throw. Neither copied nor moved.
/// Blocks           put() while it is full, get() while it is empty; they spin for a few microseconds, then sleep. One
///                  put wakes one getter, one get one putter. A newcomer may be faster than who sleeps.
/// Synchronization  A put happens before the return of the get that takes its item; every task_done() before the
///                  return of the join() that it lets return. Items of one putter leave in its order (queue).
/// Throws           queue_shutdown_error: every put after shutdown(), and every get once nothing is left, and no
///                  get_many() may bring anything back. What copying, moving or comparing items throws, and
///                  std::bad_alloc. In each case nothing has changed: a move out that throws leaves the item in the
///                  queue.
/// Complexity       One lock, held for a few instructions and, in a put(), one move of the item; no system call but to
///                  sleep and to wake a sleeper. No memory is allocated in the steady state.
/// Preconditions    Under the lock items are compared, moved in (so that one that is not put stays whole), made in
///                  emplace(), and moved out where that may throw (so that such an item stays): none of this uses the
///                  same queue, nor waits for a thread that does. All else runs without it: items are destroyed, moved
///                  out where that cannot throw, copied before they are put. What get_many() assigns to does not wait
///                  for a get(), which may wait for that get_many() after shutdown().
/// Lifetime         May be destroyed as soon as the last call that waits has returned, even while the call on another
///                  thread that let it return is still running.
template <class T, class Store>
class basic_queue {
  static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>,
                "spool: queue<T> needs a T that can be moved or copied; else put a std::unique_ptr<T>");

public:
  /// What lies in it.
  using value_type = T;
  /// An input iterator that takes the items.
  using iterator = detail::queue_iterator<basic_queue>;

  basic_queue(const basic_queue&) = delete;
  basic_queue& operator=(const basic_queue&) = delete;

  // ── putting ──

  /// Puts an item, waiting for room.
  void put(const T& x)
    requires std::is_copy_constructible_v<T>
  {
    body_.insert(detail::wait_always{}, x);
  }
  /// Puts an item that is moved in, waiting for room.
  void put(T&& x) { body_.insert(detail::wait_always{}, std::move(x)); }
  SPOOL_REFUSE("spool: put(x) copies x, which cannot be copied: write put(std::move(x))",
               void put(Given&...) requires detail::uncopied<T, Given...>);

  /// Puts an item made of args, waiting for room. If it throws, the args are whole: nothing was moved from them, nor owns
  /// what they point at. Only a comparison that throws comes too late for that, unless the arg is the item itself.
  template <class... Args>
    requires std::is_constructible_v<T, Args...>
  void emplace(Args&&... args) {
    body_.insert(detail::wait_always{}, std::forward<Args>(args)...);
  }

  /// Puts an item if there is room now.      Returns  whether it did: if not, x is whole.
  [[nodiscard]] bool try_put(const T& x)
    requires std::is_copy_constructible_v<T>
  {
    return body_.try_insert(x);
  }
  /// The same, x moved in.
  [[nodiscard]] bool try_put(T&& x) { return body_.try_insert(std::move(x)); }
  SPOOL_REFUSE("spool: try_put(x) copies x, which cannot be copied: write try_put(std::move(x))",
               void try_put(Given&...) requires detail::uncopied<T, Given...>);

  /// Puts an item, waiting for room no longer than d.      Returns  whether it did: if not, x is whole.
  /// Units  any duration, on the steady clock; d <= 0 tries once, the largest d never ends.
  template <class Rep, class Period>
  [[nodiscard]] bool put_for(const T& x, std::chrono::duration<Rep, Period> d)
    requires std::is_copy_constructible_v<T>
  {
    return body_.insert(detail::wait_so_long<decltype(d)>{d}, x);
  }
  /// The same, x moved in.
  template <class Rep, class Period>
  [[nodiscard]] bool put_for(T&& x, std::chrono::duration<Rep, Period> d) {
    return body_.insert(detail::wait_so_long<decltype(d)>{d}, std::move(x));
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  [[nodiscard]] bool put_until(const T& x, std::chrono::time_point<Clock, Duration> t)
    requires std::is_copy_constructible_v<T>
  {
    return body_.insert(detail::wait_until_then<decltype(t)>{t}, x);
  }
  /// The same, x moved in.
  template <class Clock, class Duration>
  [[nodiscard]] bool put_until(T&& x, std::chrono::time_point<Clock, Duration> t) {
    return body_.insert(detail::wait_until_then<decltype(t)>{t}, std::move(x));
  }

  /// Puts an item, waiting for room until a stop is requested.
  /// Returns  whether it did: if there is room it does, even if a stop was requested before.
  [[nodiscard]] bool put(const T& x, std::stop_token stop)
    requires std::is_copy_constructible_v<T>
  {
    return body_.insert(detail::wait_unless_stopped{stop}, x);
  }
  /// The same, x moved in.
  [[nodiscard]] bool put(T&& x, std::stop_token stop) {
    return body_.insert(detail::wait_unless_stopped{stop}, std::move(x));
  }

  /// Puts the items of a range one by one, waiting for room for each; moves them if it is an rvalue that owns them.
  /// Throws  as put(), for items made of another type as emplace(): those before are put then.
  template <class Range>
    requires detail::range_of_items<T, Range>
  void put_many(Range&& items) {
    body_.insert_many(std::forward<Range>(items));
  }
  SPOOL_REFUSE("spool: put_many(r) needs a range to make items of; if these cannot be copied, put_many(std::move(r))",
               void put_many(Given&&...));

  // ── getting ──

  /// Takes the next item, waiting for one.
  T get() { return body_.take(); }

  /// Takes the next item if there is one now.
  std::optional<T> try_get() { return body_.take_if(detail::wait_not{}); }

  /// Takes the next item, waiting no longer than d.      Returns  nothing if none came.
  /// Units  as put_for().
  template <class Rep, class Period>
  std::optional<T> get_for(std::chrono::duration<Rep, Period> d) {
    return body_.take_if(detail::wait_so_long<decltype(d)>{d});
  }
  /// The same until t of any clock.
  template <class Clock, class Duration>
  std::optional<T> get_until(std::chrono::time_point<Clock, Duration> t) {
    return body_.take_if(detail::wait_until_then<decltype(t)>{t});
  }

  /// Takes the next item, waiting until a stop is requested.
  /// Returns  nothing if it was; an item that is there is taken, even if a stop was requested before.
  std::optional<T> get(std::stop_token stop) { return body_.take_if(detail::wait_unless_stopped{stop}); }

  /// Takes what is there, at least one item and at most `max`, in one go, waiting for the first; assigns them to *out++.
  /// Returns  how many.
  /// Throws   std::invalid_argument if max is 0 or negative. If `out` throws, those not yet assigned come back into the queue, even
  ///          if it has been filled meanwhile.
  template <class Out>
  std::size_t get_many(Out out, detail::count max) {
    static_assert(
        detail::takes_items<Out, T>,
        "spool: get_many(out, max) needs an output iterator for the items, such as std::back_inserter(vector)");
    if constexpr (detail::takes_items<Out, T>) return body_.take_many(out, max);
    return 0;
  }

  /// Takes items until the queue is shut down and drained; each lives until the next is taken. An input range: the
  /// items are shared among all who take from it.
  iterator begin() { return iterator(*this); }
  /// Where it is shut down and drained.
  std::default_sentinel_t end() const noexcept { return {}; }

  // ── looking: true of the past only ──

  /// How many items lie in it.
  std::size_t size() const noexcept { return body_.core().size(); }
  /// Whether none does.
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// Whether there is room for none; never of an unbounded one.
  bool full() const noexcept { return body_.core().full(); }
  /// How many it may hold; 0: no bound.
  std::size_t maxsize() const noexcept { return body_.core().maxsize(); }

  // ── counting what is done, and the end ──

  /// Says that an item that was taken has been dealt with.
  /// Throws  usage_error if called more often than items were put.
  void task_done() { body_.core().task_done(); }

  /// Waits until every item that was put is task_done.
  void join() noexcept { body_.core().join(detail::deadline::never()); }

  /// The same, but gives up after d.      Returns  whether all was done.
  /// Units  as put_for().
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> d) {
    return body_.core().join(detail::deadline::after(d));
  }
  /// The same, but gives up at t of any clock.
  template <class Clock, class Duration>
  bool join_until(std::chrono::time_point<Clock, Duration> t) {
    return body_.core().join(detail::deadline::at(t));
  }

  /// Refuses all puts from now on, those that wait included; gets still take what is left. `immediate` discards that,
  /// and counts it as done. May be called again, also to discard what is left after all.
  void shutdown(bool immediate = false) noexcept { body_.shutdown(immediate); }

  /// Whether shutdown() was called.
  bool is_shutdown() const noexcept { return body_.core().is_shutdown(); }

protected:
  template <class... Args>
  explicit basic_queue(detail::count maxsize, Args&&... args) : body_(checked(maxsize), std::forward<Args>(args)...) {}
  ~basic_queue() = default;

private:
  friend iterator;
  static std::size_t checked(detail::count maxsize) {
    if (maxsize.is_absurd())
      throw std::invalid_argument("spool::queue: its maxsize is beyond what memory can hold: give 0 for no bound");
    return maxsize;
  }
  std::optional<T> wait_and_take() { return body_.take_if(detail::wait_always{}); }

  detail::queue_body<T, Store> body_;
};

/// First in, first out; Python's Queue. See basic_queue for what all queues do.
template <class T>
class queue : public basic_queue<T, detail::fifo_store<T>> {
public:
  /// Of at most so many items; 0: no bound.      Throws  std::invalid_argument if maxsize is negative.
  explicit queue(detail::count maxsize = 0) : basic_queue<T, detail::fifo_store<T>>(maxsize) {}
};

/// Last in, first out; Python's LifoQueue. See basic_queue for what all queues do.
template <class T>
class lifo_queue : public basic_queue<T, detail::lifo_store<T>> {
public:
  /// Of at most so many items; 0: no bound.      Throws  std::invalid_argument if maxsize is negative.
  explicit lifo_queue(detail::count maxsize = 0) : basic_queue<T, detail::lifo_store<T>>(maxsize) {}
};

/// The smallest first, of equal ones the one that was put first; Python's PriorityQueue. See basic_queue for what all
/// queues do.
///
/// Shape       Compare(a, b): whether a leaves before b. It is called with the queue's lock held, and may throw.
/// Complexity  O(log n) comparisons a put, and a get.
template <class T, class Compare = std::less<T>>
class priority_queue : public basic_queue<T, detail::priority_store<T, Compare>> {
public:
  /// Of at most so many items; 0: no bound.
  /// Throws  std::invalid_argument if maxsize is negative, what copying the comparison throws.
  explicit priority_queue(detail::count maxsize = 0, Compare compare = Compare())
      : basic_queue<T, detail::priority_store<T, Compare>>(maxsize, std::move(compare)) {}
};

}  // namespace spool::inline SPOOL_ABI
