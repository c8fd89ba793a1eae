// tests/model/pool_ending_scenarios.cpp · what is seen first when a pool breaks, and when its threads end
// SPDX-License-Identifier: MIT
#include <atomic>
#include <stdexcept>
#include <thread>

#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/thread_pool.hpp>

#include <support.hpp>

using namespace model;

namespace {

/// A pool whose initializer throws, with a hook that only says that it was called.
struct broken_pool {
  std::atomic<bool> told{false};
  spool::excepthook_handler before =
      spool::set_excepthook([this](spool::thread_info const&, std::exception_ptr) { told.store(true); });
  spool::thread_pool pool;

  explicit broken_pool(std::size_t workers)
      : pool({.max_workers = workers,
              .thread_name_prefix = "w",
              .initializer = [] { throw std::runtime_error("no"); },
              .max_pending = 0}) {}
  ~broken_pool() {
    pool.shutdown();
    spool::set_excepthook(std::move(before));
  }
};

}  // namespace

MODEL_SCENARIO(pool_tells_of_its_break_before_a_submit_is_refused, .timeouts_may_rescue = false) {
  broken_pool s(1);
  s.pool.post([] {});
  begin_contest();
  try {
    s.pool.post([] {});
  } catch (spool::broken_pool_error const&) {
    MODEL_CHECK(s.told.load());
  }
}

MODEL_SCENARIO(pool_tells_of_its_break_before_a_result_is_broken, .timeouts_may_rescue = false) {
  broken_pool s(2);
  const auto see = [&] {
    try {
      s.pool.submit([] {}).result();
      MODEL_CHECK(!"it ran");
    } catch (spool::broken_pool_error const&) {
      MODEL_CHECK(s.told.load());
    }
  };
  at_once(see, see);
}

// A hook that waits for the pool sees it broken: nothing would ever run there.
MODEL_SCENARIO(pool_hook_that_waits_for_the_pool_that_breaks, .timeouts_may_rescue = false) {
  std::atomic<bool> refused{false};
  spool::thread_pool* in_hook = nullptr;
  auto before = spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) {
    try {
      in_hook->submit([] {}).result();
    } catch (spool::broken_pool_error const&) {
      refused.store(true);
    }
  });
  {
    spool::thread_pool pool({.max_workers = 2,
                             .thread_name_prefix = "w",
                             .initializer = [] { throw std::runtime_error("no"); },
                             .max_pending = 0});
    in_hook = &pool;
    pool.post([] {});
  }
  spool::set_excepthook(std::move(before));
  MODEL_CHECK(refused.load());
}
