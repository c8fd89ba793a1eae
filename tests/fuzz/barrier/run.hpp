// tests/fuzz/barrier/run.hpp · a barrier, six threads that wait at it as they are told, and its model
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

#include <spool/barrier.hpp>
#include <spool/errors.hpp>

#include "fuzz/barrier/model.hpp"
#include "support/choices.hpp"
#include "support/hand.hpp"

namespace barrier_model {

struct action_failure {};

/// The threads of all runs.
using hands = std::array<hand, threads - 1>;

/// One run. At any time one thread leads it: the one that follows the bytes, or, while an action runs, the thread of
/// that action. Whoever is told to wait is seen to wait before the next step.
class run {
public:
  /// Throws  mismatch.
  static void follow(hands& others, std::span<const std::uint8_t> bytes) {
    choices c(bytes);
    const std::size_t parties = 1 + c.below(4);
    run r(c, others, parties, c.below(6));
    while (!c.over()) r.step();
    r.leave();
  }

private:
  run(choices& c, hands& others, std::size_t parties, unsigned kind_of_action)
      : c_(c), others_(others), model_(parties, kind_of_action > 2) {
    const auto action = [this] { act(); };
    if (kind_of_action == 0) {
      barrier_.emplace(parties);
    } else if (kind_of_action == 1) {
      barrier_.emplace(parties, nullptr);
    } else if (kind_of_action == 2) {
      barrier_.emplace(parties, std::function<void()>());
    } else {
      barrier_.emplace(parties, action);
    }
  }

  void step() {
    switch (c_.below(9)) {
      case 0:
      case 1:
      case 2:
      case 3:
        send_other();
        break;
      case 4:
      case 5:
        if (model_.broken() || model_.last_is_missing()) come(false);
        break;
      case 6:
        come(true);
        break;
      default:
        change();
    }
    hear_all();
  }

  /// Nobody may need the barrier when the last wait() has returned.
  void leave() {
    barrier_->abort();
    model_.send_all_away(true);
    hear_others();
    barrier_.reset();
    hear_all();
  }

  // ── what an action does ──

  void act() {
    require(model_.acting(), "an action runs only when a round is full");
    const auto here = std::this_thread::get_id();
    hear_others();  // those of the round before, if its action ended just now
    bool throws = false;
    for (bool over = false; !over && !c_.over();) {
      switch (c_.below(8)) {
        case 0:
          throws = c_.below(2) != 0;
          [[fallthrough]];
        case 1:
          over = true;
          break;
        case 2:
          change();
          break;
        case 3:
          require(usage_error([&] { barrier_->wait_for(std::chrono::hours(c_.below(2))); }), "an action may not wait");
          break;
        default:
          if (model_.parties() > 1) send_other();
      }
      require(std::this_thread::get_id() == here, "an action stays in its thread");
      hear_others();
      observe();
    }
    const bool another = model_.end_action(throws);
    if (!another) {
      led_by_action_.store(false, std::memory_order_release);
      led_by_action_.notify_all();
    }
    if (throws) throw action_failure();
  }
  template <class F>
  static bool usage_error(F f) {
    try {
      f();
      return false;
    } catch (spool::usage_error const&) {
      return true;
    }
  }

  // ── who waits ──

  struct reply {
    answer what = answer::none;
    std::size_t index = 0;
  };

  reply wait(unsigned form, bool polls) {
    using namespace std::chrono;
    spool::barrier& b = *barrier_;
    try {
      if (polls) {
        return {answer::passed, form == 0   ? b.wait_for(nanoseconds(0))
                                : form == 1 ? b.wait_for(nanoseconds::min())
                                            : b.wait_until(system_clock::time_point())};
      }
      return {answer::passed, form == 0   ? b.wait()
                              : form == 1 ? b.wait_for(nanoseconds::max())
                                          : b.wait_until(system_clock::time_point::max())};
    } catch (spool::broken_barrier_error const&) {
      return {answer::sent_away};
    } catch (action_failure const&) {
      return {answer::action_threw};
    }
  }

  void send_other() {
    const who t = 1 + c_.below(threads - 1);
    if (model_.inside(t)) return;
    const unsigned form = c_.below(3);
    const bool polls = c_.one_in(5);
    const bool inside_action = model_.acting();
    model_.arrive(t, polls);
    if (!inside_action && model_.acting()) led_by_action_.store(true, std::memory_order_relaxed);
    others_[t - 1].tell([this, t, form, polls] { replies_[t] = wait(form, polls); });
    if (!inside_action) led_by_action_.wait(true, std::memory_order_acquire);
    // A round that is full has nobody in it who waits to be seen: all have come when the next one begins.
    if (model_.answers()[t].what == answer::none) await_waiting();
  }
  void await_waiting() {
    while (barrier_->waiting() != model_.waiting()) std::this_thread::yield();
  }

  /// This thread waits, where it need not wait for others.
  void come(bool polls) {
    const unsigned form = c_.below(3);
    model_.arrive(leader, polls);
    if (model_.acting()) led_by_action_.store(true, std::memory_order_relaxed);
    replies_[leader] = wait(form, polls);
    led_by_action_.wait(true, std::memory_order_acquire);
  }

  void change() {
    switch (c_.below(4)) {
      case 0:
        barrier_->abort();
        model_.send_all_away(true);
        break;
      case 1:
      case 2:
        barrier_->reset();
        model_.send_all_away(false);
        break;
      default:
        observe();
    }
  }

  // ── what must hold ──

  void observe() {
    require(barrier_->parties() == model_.parties(), "parties");
    require(barrier_->broken() == model_.broken(), "broken");
    require(barrier_->waiting() == model_.waiting(), "waiting");
  }

  void hear_all() {
    hear_others();
    hear(leader);
    if (barrier_) observe();
    for (const auto& [round, indices] : indices_) {
      require(indices.size() == model_.parties() && *indices.rbegin() + 1 == model_.parties(),
              "each index once a round");
    }
    indices_.clear();
  }
  /// Waits for what they must get; who must get nothing yet is still away.
  void hear_others() {
    for (who t = 1; t < threads; ++t) {
      if (model_.inside(t)) {
        require(!others_[t - 1].idle(), "nobody is let go before");
      } else if (model_.answers()[t].what != answer::none) {
        others_[t - 1].await_idle();
        hear(t);
      }
    }
  }
  void hear(who t) {
    const due expected = std::exchange(model_.answers()[t], {});
    const reply got = std::exchange(replies_[t], {});
    require(got.what == expected.what, "the answer of a wait");
    if (got.what == answer::passed) indices_[expected.round].insert(got.index);
  }

  choices& c_;
  hands& others_;
  model model_;
  std::optional<spool::barrier> barrier_;
  std::array<reply, threads> replies_{};
  std::map<std::size_t, std::set<std::size_t>> indices_;  // of each round, of those that have passed
  std::atomic<bool> led_by_action_{false};
};

}  // namespace barrier_model
