// tests/fuzz/future/play.hpp · real futures beside their model, and what must hold between them
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <vector>

#include "fuzz/future/items.hpp"
#include "fuzz/future/model.hpp"
#include "fuzz/future/reality.hpp"
#include "support/choices.hpp"

namespace future_model {

template <class T>
class play {
protected:
  using handle = spool::future<T>;
  static constexpr bool takeable = std::is_object_v<T>;
  static constexpr std::size_t most_nodes = 24;
  static constexpr std::chrono::steady_clock::time_point past{};

  explicit play(choices& c) : c_(c), model_(!std::is_void_v<T>, takeable) {}

  // ── which one ──

  std::size_t some_node() { return c_.below(model_.nodes.size()); }
  bool reachable(std::size_t n) const { return n < model_.nodes.size() && model_.nodes[n].handles != 0; }
  handle& some_handle(std::size_t n) {
    auto& all = real_.nodes[n].handles;
    return all[c_.below(all.size())];
  }
  std::vector<std::size_t> some_nodes() {
    std::vector<std::size_t> some;
    for (unsigned i = c_.below(6); i > 0; --i) {
      const std::size_t n = some_node();
      if (reachable(n)) some.push_back(n);
    }
    return some;
  }
  std::vector<handle> handles_of(const std::vector<std::size_t>& some) {
    std::vector<handle> all;
    for (const std::size_t n : some) all.push_back(real_.nodes[n].handles.front());
    return all;
  }
  static std::vector<std::size_t> distinct(const std::vector<std::size_t>& some) {
    std::vector<std::size_t> once;
    for (const std::size_t n : some) {
      if (std::find(once.begin(), once.end(), n) == once.end()) once.push_back(n);
    }
    return once;
  }
  deed some_deed() {
    const auto what = static_cast<deed::kind>(c_.below(deed::kinds));
    if (what == deed::nothing || what == deed::throws) return {what, 0, 0};
    return {what, some_node(), fresh_name()};
  }
  int fresh_name() { return names_ = (names_ + 1) % 100; }

  // ── what must hold after each step ──

  void compare() {
    require(real_.log == model_.log, "callables run in order and see what is there");
    real_.log.clear();
    model_.log.clear();
    std::sort(real_.lost.begin(), real_.lost.end());
    std::sort(model_.lost.begin(), model_.lost.end());
    require(real_.lost == model_.lost, "what nobody can catch comes to the excepthook, and nothing else");
    real_.lost.clear();
    model_.lost.clear();
    require(real_.callables == model_.callables, "callables live until they are spent");
    int values = 0;
    for (std::size_t n = 0; n < model_.nodes.size(); ++n) {
      const auto& m = model_.nodes[n];
      values += m.now.what == fate::value && m.handles + m.others != 0 ? 1 : 0;
      if (m.handles == 0) continue;
      const handle& f = real_.nodes[n].handles.front();
      require(f.valid(), "valid");
      require(f.done() == is_done(m.now.what), "done");
      require(f.running() == (m.now.what == fate::running), "running");
      require(f.cancelled() == (m.now.what == fate::cancelled), "cancelled");
      const handle& last = real_.nodes[n].handles.back();
      require(f == last && std::hash<handle>()(f) == std::hash<handle>()(last), "handles to one result are equal");
      const std::size_t other = n + 1;
      require(!reachable(other) || !(f == real_.nodes[other].handles.front()), "handles to two are not");
    }
    require(!std::is_same_v<T, brittle> || brittle::alive == values, "values live as long as a handle");
  }

  choices& c_;
  model model_;
  reality<T> real_;
  int names_ = 0;
};

}  // namespace future_model
