// spool/detail/map/parallel_loop.hpp · how for_each shares a range among threads
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/base/min_max.hpp>
#include <spool/detail/base/range_access.hpp>
#include <spool/detail/map/loop_parts.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/clock.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/submitted_task.hpp>
#include <spool/detail/sync/blocking.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// f is called for that many elements where they lie in a row, before a thread looks whether to go on.
inline constexpr std::size_t in_a_row = 16;

/// Tells a thread of a loop how many elements it may take at once, though its share is less, as they cost it next to
/// nothing. It begins with one and doubles while parts are short: so a thread that meets dear elements has few of them.
class loop_pace {
public:
  /// Shape  `first_share` is the largest share of the loop: elements may be dear there, too.
  explicit loop_pace(std::size_t first_share) noexcept : most_(larger_of(first_share, in_a_row)) {}

  std::size_t cheap() const noexcept { return cheap_; }

  /// A part was done. Looks at the clock while it learns from small parts, else seldom: a look costs some 25 ns.
  void done(std::size_t count) noexcept {
    ++unseen_;
    if ((count >= in_a_row || cheap_ == most_) && unseen_ < looks_every) return;
    const std::int64_t now = steady_now_ns();
    const std::int64_t took = (now - std::exchange(last_look_, now)) / std::exchange(unseen_, 0);
    if (!std::exchange(has_looked_, true)) return;
    if (took > too_long_ns) {
      cheap_ = 1;
    } else if (took < short_ns) {
      cheap_ = smaller_of(2 * larger_of(cheap_, count), most_);
    }
  }

private:
  static constexpr std::int64_t short_ns = 250;  // for one part
  static constexpr std::int64_t too_long_ns = 1'000;
  static constexpr std::int64_t looks_every = 8;

  const std::size_t most_;
  std::size_t cheap_ = 1;
  std::int64_t unseen_ = 0;  // parts since the last look
  std::int64_t last_look_ = 0;
  bool has_looked_ = false;
};

/// What the task of a helper calls.
template <class Loop>
class helper_call {
public:
  static constexpr bool stoppable = false;
  helper_call(std::in_place_t, Loop& loop) noexcept : loop_(&loop) {}
  void operator()() { loop_->help(); }

private:
  Loop* loop_;
};

/// A task that takes part in a loop. Has two handles: the loop's, and its task's.
template <class Loop>
class loop_helper final : public submitted_task<void, helper_call<Loop>> {
public:
  loop_helper(scheduler& pool, Loop& loop) : submitted_task<void, helper_call<Loop>>(pool, loop) {}
  loop_helper* next_asked = nullptr;
};

/// One loop over a range, in which several threads take part. Lives on the stack of the caller, who ends last.
///
/// Who is asked  The caller asks for one helper before it begins, and each helper that really comes asks for two more
///               before it begins, as long as elements are left: a loop that is over soon, or whose pool is busy, costs
///               one task, and still the number of threads doubles with each round of wake-ups.
/// Invariant     A helper is in asked_ before its task can start. It asks others before it ends itself. So when all that
///               the caller has found there have ended, and it finds no more, there is none.
template <class Parts, class Iterator, class F>
class parallel_loop {
  using helper = loop_helper<parallel_loop>;

public:
  template <class Sentinel>
  parallel_loop(scheduler& pool, Iterator first, Sentinel last, F& f, std::size_t helpers)
      : parts_(std::move(first), std::move(last)),
        f_(f),
        pool_(pool),
        sharers_(4 * (helpers + 1)),
        most_asked_(parts_.size() < 2 ? 0 : smaller_of(helpers, parts_.size() - 1)) {}
  parallel_loop(const parallel_loop&) = delete;
  parallel_loop& operator=(const parallel_loop&) = delete;

  /// Throws  what a call of f threw first, or that it has ended its thread, if that was a helper's. What ends the calling
  ///         thread, once all helpers have ended.
  void run() {
    ask();
    {
      const at_scope_end nobody_is_left([this] { part_with_all(); });
      const guest_scope scope(pool_.is_here() ? nullptr : &pool_);
      // What others throw can be told to nobody then, as the caller is gone.
      work([this] { part_with_all_and_tell(); });
    }
    if (first_thrown_ != nullptr) std::rethrow_exception(std::move(first_thrown_));
  }

  /// What a helper does.
  /// Throws  what ends its thread in a call of f.
  void help() {
    for (int i = 0; i < 2 && is_worth_help() && ask(); ++i) {
    }
    work([this] { keep(ended_its_thread()); });
  }

private:
  bool is_worth_help() const noexcept { return !has_thrown_.load(memory_order_relaxed) && parts_.any_left(); }

  /// Asks for one more helper.      Returns  false if none is to be had, or there are enough.
  bool ask() noexcept {
    if (count_asked_.fetch_add(1, memory_order_relaxed) < most_asked_) {
      try {
        scheduler::admission admitted(pool_, deadline::passed_already());
        if (admitted) {
          auto* const h = new helper(pool_, *this);
          h->next_asked = asked_.load(memory_order_relaxed);
          while (!asked_.compare_exchange_weak(h->next_asked, h, memory_order_release, memory_order_relaxed)) {  // (A)
          }
          admitted.push(*h);
          return true;
        }
      } catch (...) {
        // Too little memory, or the pool was shut down just now: with the hands that there are.
      }
    }
    count_asked_.fetch_sub(1, memory_order_relaxed);
    return false;
  }

  /// Those who have not come yet are not needed any more; the others are waited for.
  static void part_with(helper* first) noexcept {
    for (helper* h = first; h != nullptr; h = h->next_asked) h->cancel();
    while (first != nullptr) {
      helper* const h = std::exchange(first, first->next_asked);
      h->wait(deadline::never());
      if (h->current_phase() == future_state_base::has_error) h->mark_read();  // its thread ended: the loop tells of it
      h->drop_handle();
    }
  }
  void part_with_all() noexcept {
    for (helper* h = asked_.exchange(nullptr, memory_order_acquire); h != nullptr;  // (B)
         h = asked_.exchange(nullptr, memory_order_acquire)) {
      part_with(h);
    }
  }
  void part_with_all_and_tell() {
    part_with_all();
    if (first_thrown_ != nullptr) report_unhandled(std::move(first_thrown_));
  }

  /// Takes part until nothing is left. What f throws first ends the loop for all, and so does a call that ends its thread:
  /// then before_end() is called first.
  template <class BeforeEnd>
  void work(BeforeEnd&& before_end) {
    std::exception_ptr thrown = caught_from(
        [this] {
          loop_pace pace(parts_.size() / sharers_);
          const auto call_part = [&](loop_part<Iterator>&& part) {
            call_each(part.first, part.count);
            pace.done(part.count);
          };
          while (!has_thrown_.load(memory_order_relaxed) && parts_.take(sharers_, pace.cheap(), call_part)) {
          }
        },
        [&] {
          has_thrown_.store(true, memory_order_relaxed);
          before_end();
        });
    if (thrown != nullptr) keep(std::move(thrown));
  }
  void keep(std::exception_ptr thrown) noexcept {
    has_thrown_.store(true, memory_order_relaxed);
    word_guard held(lock_);
    if (first_thrown_ == nullptr) std::swap(first_thrown_, thrown);
  }

  template <class Element>
  void call(Element&& element) {
    if constexpr (std::is_member_pointer_v<std::remove_cv_t<F>>) {
      std::apply(f_, std::forward_as_tuple(std::forward<Element>(element)));
    } else {
      static_cast<void>(f_(std::forward<Element>(element)));
    }
  }

  /// Calls f on each of a part, until one is seen to have thrown. A look at every element would keep the compiler from
  /// working on several at once, where they lie in a row: there it looks between a fixed few, which it can unroll.
  void call_each(Iterator& at, std::size_t count) {
    if constexpr (reaches_any<Iterator>) {
      for (; count >= in_a_row && !has_thrown_.load(memory_order_relaxed); count -= in_a_row) {
        for (std::size_t i = 0; i < in_a_row; ++i) {
          call(*at);
          ++at;
        }
      }
    }
    for (; count != 0 && !has_thrown_.load(memory_order_relaxed); --count) {
      call(*at);
      if (count != 1) ++at;  // a step beyond may be dear, or the user's code
    }
  }

  Parts parts_;
  F& f_;
  scheduler& pool_;
  const std::size_t sharers_;  // the larger, the smaller the parts
  const std::size_t most_asked_;
  atomic<std::size_t> count_asked_{0};
  atomic<helper*> asked_{nullptr};  // newest first; (A) pairs with (B)
  atomic<bool> has_thrown_{false};  // what has not begun when a thread sees it is skipped
  word_lock lock_;
  std::exception_ptr first_thrown_;  // guarded by lock_ while threads work
};

/// Whether for_each can run f on the elements of a range, out of their order.
template <class Range, class F>
concept loopable = requires(std::remove_reference_t<Range>& range) {
  requires multi_pass<decltype(begin_of(range))>;
  requires std::is_invocable_v<std::remove_reference_t<F>&, decltype(*begin_of(range))>;
  end_of(range);
};

/// Runs f on every element: in the calling thread, and in up to so many helpers as the pool has free.
/// Throws  what a call of f threw first.
template <class Range, class F>
void run_parallel_loop(scheduler& pool, Range& range, F& f, std::size_t helpers) {
  using iterator = decltype(begin_of(range));
  using sentinel = decltype(end_of(range));
  iterator first = begin_of(range);
  parallel_loop<loop_parts<iterator, sentinel>, iterator, F>(pool, std::move(first), end_of(range), f, helpers).run();
}

}  // namespace spool::inline SPOOL_ABI::detail
