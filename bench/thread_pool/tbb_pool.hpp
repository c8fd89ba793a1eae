// bench/thread_pool/tbb_pool.hpp · oneTBB as contestants: an arena's enqueue(), and a task_group
// SPDX-License-Identifier: MIT
#pragma once

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace bench {

/// TBB starts no more threads than there are processors, unless told.
inline void allow_tbb_threads() { static tbb::global_control many(tbb::global_control::max_allowed_parallelism, 80); }

struct tbb_arena {
  static constexpr const char* name = "tbb arena";

  explicit tbb_arena(unsigned workers) : arena((allow_tbb_threads(), static_cast<int>(workers)), 0) {}
  template <class F>
  void post(F f) {
    arena.enqueue(std::move(f));
  }
  template <class F>
  auto submit(F f) {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(f));
    auto result = task->get_future();
    post([task = std::move(task)] { (*task)(); });
    return result;
  }

  tbb::task_arena arena;
};

/// The thread outside belongs to the arena, in a place of its own, and works too while it waits.
struct tbb_group {
  static constexpr const char* name = "tbb group";

  explicit tbb_group(unsigned workers) : arena((allow_tbb_threads(), static_cast<int>(workers) + 1), 1) {}
  ~tbb_group() {
    arena.execute([this] { group.wait(); });
  }
  template <class Body>
  void inside(Body body) {
    arena.execute(body);
  }
  template <class F>
  void post(F f) {
    group.run(std::move(f));
  }
  void drain() { group.wait(); }

  tbb::task_arena arena;
  tbb::task_group group;
};

}  // namespace bench
