// tests/fuzz/barrier/model.hpp · what a barrier must answer to whom, with no thread in sight
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace barrier_model {

/// Who waits: the thread that leads the run is number 0.
using who = std::size_t;
constexpr who leader = 0;
constexpr std::size_t threads = 7;

enum class answer { none, passed, sent_away, action_threw };

/// What a thread in wait() must get, now or later.
struct due {
  answer what = answer::none;
  std::size_t round = 0;  // in which it passed
};

class model {
public:
  model(std::size_t parties, bool with_action) : parties_(parties), with_action_(with_action) {}

  std::size_t parties() const { return parties_; }
  bool broken() const { return broken_; }
  std::size_t waiting() const { return filling_.size(); }
  bool acting() const { return acting_.has_value(); }
  who actor() const { return acting_->last; }
  std::array<due, threads>& answers() { return due_; }
  bool inside(who t) const { return inside_[t]; }
  /// Whether the next one to come waits for nobody but perhaps an action.
  bool last_is_missing() const { return filling_.size() + 1 == parties_; }

  /// A thread comes. If it gives up at once, unless it is the last of its round, `polls`.
  void arrive(who t, bool polls) {
    inside_[t] = true;
    if (broken_) return let_go(t, {answer::sent_away});
    if (!last_is_missing()) {
      filling_.push_back(t);
      if (polls) {
        broken_ = true;
        send_away(filling_);
      }
      return;
    }
    round full{std::exchange(filling_, {}), t, ++rounds_};
    if (!with_action_) {
      pass(full);
    } else if (acting_) {
      full_.push_back(std::move(full));
    } else {
      acting_ = std::move(full);
    }
  }

  /// reset() and abort().
  void send_all_away(bool breaks) {
    broken_ = breaks;
    send_away(filling_);
    if (acting_) {
      send_away(acting_->others);
      acting_->sent_away = true;
    }
    for (round& r : full_) {
      r.others.push_back(r.last);
      send_away(r.others);
    }
    full_.clear();
  }

  /// The action has come to its end.      Returns  whether another round's begins.
  bool end_action(bool threw) {
    if (threw) send_all_away(true);
    const round ended = *std::exchange(acting_, std::nullopt);
    if (threw) {
      let_go(ended.last, {answer::action_threw});
    } else if (ended.sent_away) {
      let_go(ended.last, {answer::sent_away});
    } else {
      pass(ended);
    }
    if (full_.empty()) return false;
    acting_ = std::move(full_.front());
    full_.pop_front();
    return true;
  }

private:
  struct round {
    std::vector<who> others;
    who last;
    std::size_t number;
    bool sent_away = false;
  };

  void let_go(who t, due d) {
    inside_[t] = false;
    due_[t] = d;
  }
  void send_away(std::vector<who>& some) {
    for (const who t : std::exchange(some, {})) let_go(t, {answer::sent_away});
  }
  void pass(const round& r) {
    for (const who t : r.others) let_go(t, {answer::passed, r.number});
    let_go(r.last, {answer::passed, r.number});
  }

  const std::size_t parties_;
  const bool with_action_;
  bool broken_ = false;
  std::size_t rounds_ = 0;
  std::vector<who> filling_;
  std::optional<round> acting_;
  std::deque<round> full_;  // their actions wait for the one that runs
  std::array<bool, threads> inside_{};
  std::array<due, threads> due_{};
};

}  // namespace barrier_model
