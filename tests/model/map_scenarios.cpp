// tests/model/map_scenarios.cpp · the claims of map and map_unordered: order, window, chunks, and how they end
// SPDX-License-Identifier: MIT
#include <atomic>
#include <stdexcept>
#include <vector>

#include <spool/thread_pool.hpp>

#include <support.hpp>

using namespace model;

namespace {

spool::pool_options with(std::size_t workers) {
  return {.max_workers = workers, .thread_name_prefix = "w", .initializer = {}, .max_pending = 0};
}

const std::vector<int> inputs{0, 1, 2, 3};

}  // namespace

MODEL_SCENARIO(map_with_a_window_keeps_to_it, .timeouts_may_rescue = false) {
  std::atomic<int> begun{0};
  int yielded = 0;
  spool::thread_pool pool(with(2));
  for (const int x : pool.map({.buffer_size = 2}, [&](int i) { return begun.fetch_add(1), i; }, inputs)) {
    MODEL_CHECK(x == yielded);
    MODEL_CHECK(begun.load() <= ++yielded + 1);
  }
  MODEL_CHECK(yielded == 4);
}

MODEL_SCENARIO(map_in_chunks_gives_all_in_order, .timeouts_may_rescue = false) {
  int yielded = 0;
  spool::thread_pool pool(with(2));
  for (const int x : pool.map({.chunk_size = 3}, [](int i) { return i; }, inputs)) MODEL_CHECK(x == yielded++);
  MODEL_CHECK(yielded == 4);
}

MODEL_SCENARIO(map_unordered_gives_each_once, .timeouts_may_rescue = false) {
  int sum = 0;
  spool::thread_pool pool(with(2));
  for (const int x : pool.map_unordered([](int i) { return 1 << i; }, inputs)) sum += x;
  MODEL_CHECK(sum == 15);
}

MODEL_SCENARIO(map_unordered_dropped_leaves_nothing, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  auto range = pool.map_unordered([](int i) { return i; }, inputs);
  if (choose(2) == 0) MODEL_CHECK(*range.begin() >= 0);
}

// What a call throws is told at its place, and the range goes on.
MODEL_SCENARIO(map_tells_what_a_call_has_thrown, .timeouts_may_rescue = false) {
  spool::thread_pool pool(with(2));
  auto range = pool.map([](int i) { return i == 1 ? throw std::runtime_error("no") : i; }, inputs);
  int sum = 0;
  int thrown = 0;
  for (auto it = range.begin(); it != range.end(); ++it) {
    try {
      sum += *it;
    } catch (std::runtime_error const&) {
      ++thrown;
    }
  }
  MODEL_CHECK(sum == 5);
  MODEL_CHECK(thrown == 1);
}

// Nothing of the map touches the caller's data once the range is gone.
MODEL_SCENARIO(map_dropped_waits_for_what_runs, .timeouts_may_rescue = false) {
  int touched = 0;
  spool::thread_pool pool(with(1));
  {
    auto range = pool.map(
        [&](int i) {
          ++touched;
          return i;
        },
        inputs);
    if (choose(2) == 0) MODEL_CHECK(*range.begin() == 0);
  }
  const int before = touched;
  pool.wait_idle();
  MODEL_CHECK(touched == before);
}
