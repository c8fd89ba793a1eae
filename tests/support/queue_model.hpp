// tests/support/queue_model.hpp · a queue beside a plain list: whatever is called, both say the same
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/choices.hpp"

namespace queue_model {

/// What an item is known by: equal keys are equals to a priority_queue, tags count up.
struct label {
  int key = 0;
  int tag = 0;
  friend bool operator==(const label&, const label&) = default;
};

/// Thrown by an item when it was told to.
struct item_failure {};

/// The n-th fallible step from now on fails, 1 being the next; 0: none.
inline int steps_to_failure = 0;
inline void fallible_step() {
  if (steps_to_failure > 0 && --steps_to_failure == 0) throw item_failure();
}

/// Lies in a block of its own; copying, moving and comparing may throw.
struct brittle {
  label name;
  inline static int alive = 0;

  explicit brittle(label l) : name(l) { ++alive; }
  brittle(int key, int tag) : brittle(label{key, tag}) {}
  brittle(const brittle& other) : name(other.name) {
    fallible_step();
    ++alive;
  }
  brittle(brittle&& other) : name(other.name) {
    fallible_step();
    other.name = label{-1, -1};
    ++alive;
  }
  ~brittle() { --alive; }
  friend bool operator<(const brittle& a, const brittle& b) {
    fallible_step();
    return a.name.key < b.name.key;
  }
};

/// Lies in the store itself; only comparing may throw.
struct plain {
  label name;
  plain(int key, int tag) : name{key, tag} {}
  explicit plain(label l) : name(l) {}
  friend bool operator<(const plain& a, const plain& b) {
    fallible_step();
    return a.name.key < b.name.key;
  }
};

inline label label_of(const brittle& x) { return x.name; }
inline label label_of(const plain& x) { return x.name; }
inline label label_of(int x) { return {x / 10'000, x % 10'000}; }
template <class Item>
Item made(label l) {
  if constexpr (std::is_same_v<Item, int>) {
    return l.key * 10'000 + l.tag;
  } else {
    return Item(l);
  }
}

enum class order { fifo, lifo, smallest };

/// One run: a queue, and the list that says what it must do.
template <class Queue>
class run {
  using item = typename Queue::value_type;

public:
  /// Throws  mismatch.
  static void follow(order o, std::span<const std::uint8_t> bytes) {
    brittle::alive = 0;
    {
      choices c(bytes);
      run r(o, c);
      while (!c.over()) r.step();
    }
    require(brittle::alive == 0, "every item is destroyed");
  }

private:
  run(order o, choices& c)
      : c_(c), order_(o), maxsize_(c.below(2) != 0 ? 1 + c.below(12) : 0), q_(maxsize_), stopped_(requested()) {}

  static std::stop_token requested() {
    std::stop_source source;
    source.request_stop();
    return source.get_token();
  }

  void step() {
    steps_to_failure = 0;
    switch (c_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        put_one();
        break;
      case 4:
      case 5:
        put_many();
        break;
      case 6:
      case 7:
      case 8:
        get_one();
        break;
      case 9:
      case 10:
        get_many();
        break;
      case 11:
        iterate();
        break;
      case 12:
      case 13:
        task_done();
        break;
      case 14:
        join();
        break;
      default:
        if (c_.below(6) == 0) shut_down();
    }
    steps_to_failure = 0;
    require(q_.size() == list_.size(), "size");
    require(q_.empty() == list_.empty(), "empty");
    require(q_.full() == full(), "full");
    require(q_.maxsize() == maxsize_, "maxsize");
    require(q_.is_shutdown() == shut_, "is_shutdown");
    require(q_.join_for(std::chrono::seconds(0)) == (unfinished_ == 0), "unfinished");
    require(!std::is_same_v<item, brittle> || brittle::alive == static_cast<int>(list_.size()), "nothing is kept");
  }

  bool full() const { return maxsize_ != 0 && list_.size() >= maxsize_; }
  label fresh() { return {static_cast<int>(c_.below(5)), tags_ = (tags_ + 1) % 10'000}; }
  /// Makes a step of an item fail, now and then.
  void arm() { steps_to_failure = c_.below(3) == 0 ? 1 + static_cast<int>(c_.below(8)) : 0; }

  void added(label l) {
    list_.push_back(l);
    ++unfinished_;
  }
  /// Where the next to leave lies.
  std::deque<label>::iterator next() {
    if (order_ == order::fifo) return list_.begin();
    if (order_ == order::lifo) return list_.end() - 1;
    return std::min_element(list_.begin(), list_.end(), [](label a, label b) { return a.key < b.key; });
  }
  void taken(label l) {
    require(!list_.empty(), "nothing is invented");
    const auto it = next();
    require(*it == l, "order");
    list_.erase(it);
  }

  void put_one() {
    using std::chrono::nanoseconds;
    const label l = fresh();
    item x = made<item>(l);
    bool done = false;
    bool refused = false;
    const bool may_block = shut_ || !full();
    const unsigned form = c_.below(may_block ? 13 : 8);
    arm();
    try {
      switch (form) {
        case 0:
          done = q_.try_put(std::as_const(x));
          break;
        case 1:
          done = q_.try_put(std::move(x));
          break;
        case 2:
          done = q_.put_for(std::as_const(x), nanoseconds(0));
          break;
        case 3:
          done = q_.put_for(std::move(x), nanoseconds::min());
          break;
        case 4:
          done = q_.put_until(std::as_const(x), std::chrono::steady_clock::time_point::min());
          break;
        case 5:
          done = q_.put_until(std::move(x), std::chrono::system_clock::time_point());
          break;
        case 6:
          done = q_.put(std::as_const(x), stopped_);
          break;
        case 7:
          done = q_.put(std::move(x), stopped_);
          break;
        case 8:
          q_.put(std::as_const(x));
          done = true;
          break;
        case 9:
          q_.put(std::move(x));
          done = true;
          break;
        case 10:
          done = q_.put_for(std::move(x), nanoseconds::max());
          break;
        case 11:
          done = q_.put_until(std::as_const(x), std::chrono::system_clock::time_point::max());
          break;
        default:
          if constexpr (std::is_same_v<item, int>) {
            q_.emplace(x);
          } else {
            q_.emplace(l.key, l.tag);
          }
          done = true;
      }
      require(done == !full() && !shut_, "whether it was put");
    } catch (spool::queue_shutdown_error const&) {
      refused = true;
      require(shut_, "refused only after shutdown");
    } catch (item_failure const&) {
      require(!done, "put, or thrown");
    }
    require(refused || !done || !shut_, "nothing is put after shutdown");
    if (done) {
      added(l);
    } else {
      require(label_of(x) == l, "an item that is not put stays whole");
    }
  }

  void put_many() {
    const std::size_t room = maxsize_ == 0 ? 20 : maxsize_ - std::min(maxsize_, list_.size());
    std::vector<item> some;
    std::vector<label> names;
    const std::size_t n = c_.below((shut_ ? 5 : room) + 1);
    some.reserve(n);
    for (std::size_t i = 0; i < n; ++i) some.push_back(made<item>(names.emplace_back(fresh())));
    const bool moved = c_.below(2) != 0;
    std::size_t done = n;
    arm();
    try {
      moved ? q_.put_many(std::move(some)) : q_.put_many(std::as_const(some));
      require(!shut_ || n == 0, "nothing is put after shutdown");
    } catch (spool::queue_shutdown_error const&) {
      require(shut_, "refused only after shutdown");
      done = 0;
    } catch (item_failure const&) {
      done = q_.size() - list_.size();
      require(done < n, "an exception leaves one out");
    }
    for (std::size_t i = 0; i < done; ++i) added(names[i]);
    for (std::size_t i = moved ? done : 0; i < n; ++i) require(label_of(some[i]) == names[i], "the rest stays whole");
  }

  void get_one() {
    using std::chrono::nanoseconds;
    bool threw = false;
    std::optional<label> got;
    const auto note = [&](const std::optional<item>& x) {
      if (x) got = label_of(*x);
    };
    const unsigned form = c_.below(shut_ || !list_.empty() ? 7 : 4);
    arm();
    try {
      switch (form) {
        case 0:
          note(q_.try_get());
          break;
        case 1:
          note(q_.get_for(nanoseconds::min()));
          break;
        case 2:
          note(q_.get_until(std::chrono::system_clock::time_point()));
          break;
        case 3:
          note(q_.get(stopped_));
          break;
        case 4:
          note(q_.get_for(std::chrono::duration<double>::max()));
          break;
        case 5:
          note(q_.get_until(std::chrono::steady_clock::time_point::max()));
          break;
        default: {
          const item& x = q_.get();
          got = label_of(x);
        }
      }
      require(got.has_value() == !list_.empty(), "whether there was one");
    } catch (spool::queue_shutdown_error const&) {
      threw = true;
      require(shut_ && list_.empty(), "the end only after shutdown, once drained");
    } catch (item_failure const&) {
      threw = true;
    }
    require(threw || got || !shut_, "after shutdown an empty queue throws");
    if (got) taken(*got);
  }

  /// Takes at most so many, then throws.
  struct limited_out {
    using difference_type = std::ptrdiff_t;
    std::vector<label>* to;
    std::size_t left;
    limited_out& operator*() { return *this; }
    limited_out& operator++() { return *this; }
    void operator=(item&& x) {
      if (left-- == 0) throw item_failure();
      to->push_back(label_of(x));
    }
  };

  void get_many() {
    if (list_.empty() && !shut_) return;
    const std::size_t max = c_.below(20) == 19 ? std::numeric_limits<std::size_t>::max() : 1 + c_.below(14);
    const std::size_t expected = std::min(max, list_.size());
    const bool out_fails = c_.below(3) == 0;
    const std::size_t accepted = out_fails ? c_.below(expected + 1) : expected;
    std::vector<label> got;
    got.reserve(expected);
    if (!out_fails) arm();  // a comparison that fails on the way back may cost the order
    const bool armed = steps_to_failure != 0;
    try {
      const std::size_t n = q_.get_many(limited_out{&got, accepted}, max);
      require(n == got.size(), "how many");
      require(n != 0, "at least one");
      require(n == expected || (armed && steps_to_failure == 0 && order_ == order::smallest), "all that is there");
    } catch (spool::queue_shutdown_error const&) {
      require(shut_ && list_.empty(), "the end only after shutdown, once drained");
    } catch (item_failure const&) {
      require(out_fails || got.empty(), "thrown before any was taken");
    }
    for (const label l : got) taken(l);
  }

  void iterate() {
    const std::size_t limit = shut_ ? list_.size() + 1 : c_.below(list_.size() + 1);
    if (limit == 0) return;
    std::size_t n = 0;
    arm();
    try {
      for (const item& x : q_) {
        taken(label_of(x));
        if (++n == limit) return;
      }
      require(shut_ && list_.empty(), "ends only after shutdown, once drained");
    } catch (item_failure const&) {
    }
  }

  void task_done() {
    bool threw = false;
    try {
      q_.task_done();
    } catch (spool::usage_error const&) {
      threw = true;
    }
    require(threw == (unfinished_ == 0), "task_done more often than put");
    if (!threw) --unfinished_;
  }

  void join() {
    require(q_.join_until(std::chrono::system_clock::time_point()) == (unfinished_ == 0), "join_until");
    if (unfinished_ == 0) q_.join();
  }

  void shut_down() {
    const bool immediate = c_.below(2) != 0;
    q_.shutdown(immediate);
    shut_ = true;
    if (!immediate) return;
    unfinished_ -= std::min(unfinished_, list_.size());  // task_done() may have been called for some of them before
    list_.clear();
  }

  choices& c_;
  const order order_;
  const std::size_t maxsize_;
  Queue q_;
  const std::stop_token stopped_;

  std::deque<label> list_;  // in the order put
  std::size_t unfinished_ = 0;
  bool shut_ = false;
  int tags_ = 0;
};

/// Follows one of all kinds of queues, as the first byte says.
inline void follow(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  const auto rest = bytes.subspan(1);
  switch (bytes[0] % 9) {
    case 0:
      return run<spool::queue<int>>::follow(order::fifo, rest);
    case 1:
      return run<spool::queue<plain>>::follow(order::fifo, rest);
    case 2:
      return run<spool::queue<brittle>>::follow(order::fifo, rest);
    case 3:
      return run<spool::lifo_queue<int>>::follow(order::lifo, rest);
    case 4:
      return run<spool::lifo_queue<plain>>::follow(order::lifo, rest);
    case 5:
      return run<spool::lifo_queue<brittle>>::follow(order::lifo, rest);
    case 6:
      return run<spool::priority_queue<int>>::follow(order::smallest, rest);
    case 7:
      return run<spool::priority_queue<plain>>::follow(order::smallest, rest);
    default:
      return run<spool::priority_queue<brittle>>::follow(order::smallest, rest);
  }
}

}  // namespace queue_model
