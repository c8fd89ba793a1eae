// tests/support/tracked.hpp · a value that counts its living objects, and throws when told to
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <stdexcept>

/// What a tracked throws when it was told to.
struct tracked_failure : std::runtime_error {
  tracked_failure() : std::runtime_error("tracked: told to throw") {}
};

/// An int with a census. The counts belong to the process: a test calls reset() first, with none alive.
///
///     tracked::reset();
///     { ... }
///     CHECK(tracked::live() == 0);
struct tracked {
  int value = 0;

  tracked() : tracked(0) {}
  explicit tracked(int v) : value(v) { ++counts().live; }
  tracked(const tracked& other) : value(other.value) {
    throw_if_told(counts().copies_to_failure);
    ++counts().live;
    ++counts().copies;
  }
  tracked(tracked&& other) : value(other.value) {
    throw_if_told(counts().moves_to_failure);
    other.value = -1;  // a moved-from value shows
    ++counts().live;
    ++counts().moves;
  }
  tracked& operator=(const tracked& other) {
    throw_if_told(counts().copies_to_failure);
    value = other.value;
    ++counts().copies;
    return *this;
  }
  tracked& operator=(tracked&& other) {
    throw_if_told(counts().moves_to_failure);
    value = other.value;
    if (this != &other) other.value = -1;
    ++counts().moves;
    return *this;
  }
  ~tracked() { --counts().live; }

  friend bool operator==(const tracked& a, const tracked& b) { return a.value == b.value; }
  friend bool operator<(const tracked& a, const tracked& b) { return a.value < b.value; }

  static int live() { return counts().live; }
  static int copies() { return counts().copies; }
  static int moves() { return counts().moves; }

  /// The n-th copy (move) from now on throws tracked_failure, 1 being the next; 0: none does.
  static void fail_at_copy(int n) { counts().copies_to_failure = n; }
  static void fail_at_move(int n) { counts().moves_to_failure = n; }

  static void reset() {
    counts().live = 0;
    counts().copies = 0;
    counts().moves = 0;
    counts().copies_to_failure = 0;
    counts().moves_to_failure = 0;
  }

private:
  struct census {
    std::atomic<int> live{0}, copies{0}, moves{0}, copies_to_failure{0}, moves_to_failure{0};
  };
  static census& counts() {
    static census c;
    return c;
  }
  static void throw_if_told(std::atomic<int>& countdown) {
    if (countdown.load() > 0 && countdown.fetch_sub(1) == 1) throw tracked_failure();
  }
};
