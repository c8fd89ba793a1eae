// tests/fuzz/future/run.hpp · futures and promises beside their model: whatever is called, both say the same
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/wait.hpp>

#include "fuzz/future/single_steps.hpp"

namespace future_model {

/// One run. Nothing in it waits: what is not done is only polled.
template <class T>
class run : single_steps<T> {
  using typename play<T>::handle;
  using play<T>::c_;
  using play<T>::compare;
  using play<T>::fresh_name;
  using play<T>::model_;
  using play<T>::past;
  using play<T>::reachable;
  using play<T>::real_;
  using play<T>::some_handle;
  using play<T>::some_node;
  using play<T>::handles_of;
  using play<T>::some_nodes;

public:
  /// Throws  mismatch.
  static void follow(std::span<const std::uint8_t> bytes) {
    brittle::alive = 0;
    next_step_fails = false;
    {
      choices c(bytes);
      run r(c);
      while (!c.over()) r.step();
      r.leave();
    }
    require(brittle::alive == 0, "every value is destroyed");
  }

private:
  using single_steps<T>::single_steps;

  void step() {
    switch (c_.below(20)) {
      case 0:
        return this->add_promise();
      case 1:
      case 2:
        return this->copy_or_drop();
      case 3:
      case 4:
        return this->set();
      case 5:
        return this->start();
      case 6:
        return this->break_promise();
      case 7:
        return this->cancel();
      case 8:
      case 9:
        return this->read();
      case 10:
        return this->wait_one();
      case 11:
      case 12:
        return this->add_callback();
      case 13:
      case 14:
      case 15:
        return this->go_on();
      case 16:
        return wait_many();
      case 17:
        return begin_range();
      case 18:
        return advance_range();
      default:
        return misuse();
    }
  }

  void leave() {
    for (std::size_t i = 0; i < model_.ranges.size(); ++i) {
      model_.drop_range(model_.ranges[i]);
      real_.ranges[i].reset();
    }
    for (std::size_t n = 0; n < model_.nodes.size(); ++n) {
      if (model_.nodes[n].has_promise) {
        model_.drop_promise(n);
        const auto dropped = std::exchange(real_.nodes[n].promise, std::nullopt);
      }
    }
    compare();
    for (std::size_t n = 0; n < model_.nodes.size(); ++n) {
      model_.drop_handles(n);
      real_.nodes[n].handles.clear();
    }
    compare();
    require(real_.callables == 0, "every callable is destroyed");
  }

  void wait_many() {
    using std::chrono::nanoseconds;
    const std::vector<std::size_t> some = some_nodes();
    const auto when = static_cast<spool::return_when>(c_.below(3));
    std::vector<std::size_t> done, rest;
    bool error = false;
    for (const std::size_t n : play<T>::distinct(some)) {
      const fate now = model_.nodes[n].now.what;
      (is_done(now) ? done : rest).push_back(n);
      error = error || is_error(now);
    }
    const bool over =
        rest.empty() || (when == spool::first_completed && !done.empty()) || (when == spool::first_exception && error);
    const auto given = handles_of(some);
    const unsigned form = c_.below(over ? 4 : 2);
    const spool::wait_result<T> seen = form == 0   ? spool::wait_for(given, nanoseconds(0), when)
                                       : form == 1 ? spool::wait_until(given, past, when)
                                       : form == 2 ? spool::wait(given, when)
                                                   : spool::wait_for(handles_of(some), nanoseconds::max(), when);
    require(seen.done == handles_of(done), "what is done, in the order given");
    require(seen.not_done == handles_of(rest), "what is not done, in the order given");
    compare();
  }

  void begin_range() {
    if (model_.ranges.size() >= 4) return;
    const auto some = some_nodes();
    model_.begin_range(play<T>::distinct(some));
    auto& made = real_.ranges.emplace_back();
    made.emplace(typename reality<T>::going{spool::as_completed_for(handles_of(some), std::chrono::seconds(0)), {}});
    compare();
  }

  void advance_range() {
    const std::size_t i = c_.below(model_.ranges.size());
    if (i >= model_.ranges.size() || !real_.ranges[i]) return;
    auto& m = model_.ranges[i];
    auto& r = *real_.ranges[i];
    if (m.at_end || c_.one_in(8)) {
      require(!m.at_end || !r.at || *r.at == r.of.end(), "the range is at its end");
      model_.drop_range(m);
      real_.ranges[i].reset();
      return compare();
    }
    const outcome o = outcome_of([&]() -> outcome {
      if (r.at) {
        ++*r.at;
      } else {
        r.at.emplace(r.of.begin());
      }
      return {fate::value, 0};
    });
    const bool in_time = model_.advance(m);
    require(o.what == (in_time ? fate::value : fate::timeout), "when the time is over");
    if (!r.at) r.at.emplace(r.of.begin());
    require((*r.at == r.of.end()) == m.at_end, "the end of the range");
    // Nobody but the range may have a handle any more.
    if (m.current != none && reachable(m.current)) {
      require(**r.at == real_.nodes[m.current].handles.front(), "in the order of completion");
    }
    compare();
  }

  void misuse() {
    const auto refused = [](auto&& f) {
      const outcome o = outcome_of([&]() -> outcome {
        f();
        return {};
      });
      require(o.what == fate::usage_error, "an empty future is misused");
    };
    const handle empty;
    switch (c_.below(8)) {
      case 0:
        refused([&] { static_cast<void>(empty.done()); });
        break;
      case 1:
        refused([&] { static_cast<void>(empty.result()); });
        break;
      case 2:
        refused([&] { static_cast<void>(empty.cancel()); });
        break;
      case 3:
        refused([&] { empty.add_done_callback([](const handle&) {}); });
        break;
      case 4:
        refused([&] { static_cast<void>(empty.wait_for(std::chrono::seconds(0))); });
        break;
      case 5: {
        auto some = handles_of(some_nodes());
        some.emplace_back();
        refused([&] { static_cast<void>(spool::wait_for(some, std::chrono::seconds(0))); });
        refused([&] { static_cast<void>(spool::as_completed(some)); });
        break;
      }
      case 6: {
        const std::size_t n = some_node();
        if (n >= model_.nodes.size() || !model_.nodes[n].has_promise) return;
        bool threw = false;
        try {
          real_.nodes[n].promise->set_exception(nullptr);
        } catch (std::invalid_argument const&) {
          threw = true;
        }
        require(threw, "no exception is no exception");
        break;
      }
      default:
        require(!empty.valid() && empty == handle(), "empty futures are equal");
        require(std::hash<handle>()(empty) == std::hash<handle>()(handle()), "and have one hash");
    }
    compare();
  }
};

/// Follows one, of the type that the first byte says.
inline void follow(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  const auto rest = bytes.subspan(1);
  switch (bytes[0] % 5) {
    case 0:
      return run<int>::follow(rest);
    case 1:
      return run<brittle>::follow(rest);
    case 2:
      return run<only_moved>::follow(rest);
    case 3:
      return run<int&>::follow(rest);
    default:
      return run<void>::follow(rest);
  }
}

}  // namespace future_model
