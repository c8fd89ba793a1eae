// tests/support/linearizable.hpp · whether calls that overlapped can be put into a row that explains what they returned
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

/// A call as one thread saw it: what it did and got, and a clock before and after.
template <class Op>
struct recorded_call {
  Op op;
  std::int64_t called = 0;
  std::int64_t returned = 0;
};

/// Looks for an order of the calls in which each takes effect at once, somewhere between its call and its return.
///
/// Shape   Model is what one thread would see: `bool apply(Op const&)` carries the call out, false if it would not have
///         ended like that; ordered by <. At most 64 calls.
/// Source  Wing and Gong, "Testing and verifying concurrent objects", with Lowe's memory of what was tried.
template <class Model, class Op>
class linearization {
public:
  static bool exists(const std::vector<recorded_call<Op>>& calls, const Model& start) {
    if (calls.size() > 64) throw std::invalid_argument("too many calls to try their orders");
    linearization search(calls);
    return search.goes_on(0, start);
  }

private:
  explicit linearization(const std::vector<recorded_call<Op>>& calls) : calls_(calls) {}

  /// Whether the calls that are not among `done` can follow.
  bool goes_on(std::uint64_t done, const Model& model) {
    std::int64_t first_return = std::numeric_limits<std::int64_t>::max();
    bool all = true;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if ((done >> i & 1) != 0) continue;
      all = false;
      first_return = std::min(first_return, calls_[i].returned);
    }
    if (all) return true;
    if (!tried_.emplace(done, model).second) return false;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if ((done >> i & 1) != 0 || calls_[i].called > first_return) continue;  // that one had returned before
      Model next = model;
      if (next.apply(calls_[i].op) && goes_on(done | std::uint64_t{1} << i, next)) return true;
    }
    return false;
  }

  const std::vector<recorded_call<Op>>& calls_;
  std::set<std::pair<std::uint64_t, Model>> tried_;  // and found to lead nowhere
};
