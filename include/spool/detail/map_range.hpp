// spool/detail/map_range.hpp · floor 6 · the range that map gives: results in the order of the inputs
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/detail/bound_call.hpp>
#include <spool/detail/future_state.hpp>
#include <spool/future.hpp>

namespace spool::detail {

/// A range given to map: an lvalue is referred to, an rvalue is kept.
template <class Range>
using kept_range = std::conditional_t<std::is_lvalue_reference_v<Range>, Range, std::remove_cvref_t<Range>>;

template <class Range>
using iterator_of = decltype(std::begin(std::declval<std::remove_reference_t<Range>&>()));

/// What a task holds of an element until it runs: a reference, if the iterator gives one that outlives the next ++;
/// else a value. And what f gets: the element as the iterator gives it.
template <class Iterator>
struct element {
  using given = std::iter_reference_t<Iterator>;
  static constexpr bool by_reference = std::forward_iterator<Iterator> && std::is_lvalue_reference_v<given>;
  using held = std::conditional_t<by_reference, given, std::remove_cvref_t<given>>;
  using passed = std::conditional_t<by_reference, given, std::remove_cvref_t<given>&&>;
};

/// Everything that the tasks of one map refer to: it stays in place until the last of them has ended.
template <class F, class... Ranges>
class map_state {
public:
  static constexpr bool stoppable = takes_stop_token<F&, typename element<iterator_of<Ranges>>::passed...>;
  using raw_result = call_result<F&, typename element<iterator_of<Ranges>>::passed...>;
  using result =
      std::conditional_t<std::is_lvalue_reference_v<raw_result>, raw_result, std::remove_cvref_t<raw_result>>;

  template <class G, class... Rs>
  explicit map_state(G&& f, Rs&&... ranges) : f_(std::forward<G>(f)), ranges_(std::forward<Rs>(ranges)...) {}
  map_state(const map_state&) = delete;
  map_state& operator=(const map_state&) = delete;

  /// Cancels what has not started, asks what runs to stop, and waits for it.
  ~map_state() {
    for (std::size_t i = next_; i < futures_.size(); ++i) {
      if (!futures_[i].cancel()) futures_[i].request_stop();
    }
    for (std::size_t i = next_; i < futures_.size(); ++i) {
      future_access::state(futures_[i]).wait_settled();
      future_access::state(futures_[i]).mark_read();  // of a dropped map nobody wants to hear
    }
  }

  template <class Pool>
  void submit_all(Pool& pool) {
    std::apply([&](auto&... range) { submit_from(pool, std::make_tuple(std::begin(range)...), std::tie(range...)); },
               ranges_);
  }

  bool at_end() const noexcept { return next_ == futures_.size(); }
  const future<result>& current() const noexcept { return futures_[next_]; }
  /// Goes on; what was yielded is destroyed.
  void advance() {
    futures_[next_] = {};
    ++next_;
  }

private:
  template <class Pool, class Iterators, class Kept>
  void submit_from(Pool& pool, Iterators at, Kept ranges) {
    submit_while(pool, at, ranges, std::index_sequence_for<Ranges...>());
  }
  template <class Pool, class Iterators, class Kept, std::size_t... I>
  void submit_while(Pool& pool, Iterators& at, Kept& ranges, std::index_sequence<I...>) {
    for (; ((std::get<I>(at) != std::end(std::get<I>(ranges))) && ...); (++std::get<I>(at), ...)) {
      std::tuple<typename element<iterator_of<Ranges>>::held...> elements(*std::get<I>(at)...);
      // Room first: a task that was submitted is never without its handle.
      if (futures_.size() == futures_.capacity()) futures_.reserve(2 * futures_.size() + 16);
      if constexpr (stoppable) {
        futures_.push_back(pool.submit([this, held = std::move(elements)](std::stop_token token) mutable -> raw_result {
          return f_(std::move(token),
                    std::forward<typename element<iterator_of<Ranges>>::passed>(std::get<I>(held))...);
        }));
      } else {
        futures_.push_back(pool.submit([this, held = std::move(elements)]() mutable -> raw_result {
          return call_with(f_, std::forward<typename element<iterator_of<Ranges>>::passed>(std::get<I>(held))...);
        }));
      }
    }
  }

  /// A call of anything invocable, pointers to members too.
  template <class... Elements>
  static raw_result call_with(F& f, Elements&&... elements) {
    return std::apply(f, std::forward_as_tuple(std::forward<Elements>(elements)...));
  }

  F f_;
  std::tuple<kept_range<Ranges>...> ranges_;
  std::vector<future<result>> futures_;
  std::size_t next_ = 0;  // the one that the iterator stands on
};

/// An input range of results: *it waits for its item and throws what that threw; ++it goes on past it.
template <class F, class... Ranges>
class map_range {
  using state = map_state<F, Ranges...>;
  using result = typename state::result;

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
    reference operator*() const {
      const future<result>& f = state_->current();
      if constexpr (std::is_void_v<result>) {
        f.result();
      } else if constexpr (std::is_reference_v<result>) {
        return f.result();
      } else {
        static_cast<void>(f.result());  // waits and throws
        return future_access::state(f).value();
      }
    }
    iterator& operator++() {
      state_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.at_end(); }

  private:
    friend class map_range;
    explicit iterator(state& s) noexcept : state_(&s) {}
    bool at_end() const noexcept { return state_ == nullptr || state_->at_end(); }
    state* state_ = nullptr;
  };

  template <class Pool, class G, class... Rs>
  map_range(Pool& pool, G&& f, Rs&&... ranges)
      : state_(std::make_unique<state>(std::forward<G>(f), std::forward<Rs>(ranges)...)) {
    state_->submit_all(pool);
  }

  iterator begin() noexcept { return iterator(*state_); }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  std::unique_ptr<state> state_;
};

}  // namespace spool::detail
