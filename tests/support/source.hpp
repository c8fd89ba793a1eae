// tests/support/source.hpp · a range that can be gone through once, and tells how far it was
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <stdexcept>

/// Gives 0, 1, 2 ... to whoever goes through it; without a length, for ever. Its iterator is an input iterator and no
/// more: move-only, and good for one pass.
///
///     source numbers;
///     pool.map({.buffer_size = 4}, f, numbers);
///     CHECK(numbers.taken == 4);
struct source {
  static constexpr int endless = -1;

  int length = endless;
  int fails_at = -1;  // to read this element throws
  int taken = 0;      // how often * was called
  int asked = 0;      // how often ++ was called

  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;

    explicit iterator(source& s) : of_(&s) {}
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    int operator*() const {
      if (at_ == of_->fails_at) throw std::runtime_error("the source");
      ++of_->taken;
      return at_;
    }
    iterator& operator++() {
      ++of_->asked;
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(iterator const& it, std::default_sentinel_t) { return it.at_ == it.of_->length; }

  private:
    source* of_;
    int at_ = 0;
  };

  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }
};
