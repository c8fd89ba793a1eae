// tests/thread_pool_deadlock_contract_test.cpp · no deadlock by waiting: what the contract says of tasks that wait
// SPDX-License-Identifier: MIT
//
// Every test here hangs, and is ended by the test runner's timeout, if a wait that must end does not. The threads keep
// a record of which task runs on top of which: a worker that waits may run on its stack only what it waits for.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;
using steady = std::chrono::steady_clock;

namespace {

// ── who runs on top of whom ──

/// A task while it runs, on the stack of its thread.
class frame {
public:
  explicit frame(int id) : below_(top) {
    if (below_ != nullptr && !below_->waits_for(id)) ++strangers;
    top = this;
  }
  ~frame() { top = below_; }
  frame(const frame&) = delete;
  frame& operator=(const frame&) = delete;

  /// While it lives, the task on top of this thread's stack waits for those.
  class waiting {
  public:
    explicit waiting(std::vector<int> ids) : who_(top) {
      if (who_ != nullptr) who_->awaited_ = std::move(ids);
    }
    ~waiting() {
      if (who_ != nullptr) who_->awaited_.clear();
    }
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;

  private:
    frame* who_;
  };

  static inline std::atomic<int> strangers{0};  // tasks that ran on top of one that did not wait for them
  static inline std::atomic<int> next_id{1};
  static inline thread_local frame* top = nullptr;

private:
  bool waits_for(int id) const { return std::find(awaited_.begin(), awaited_.end(), id) != awaited_.end(); }

  frame* below_;
  std::vector<int> awaited_;
};

/// The ways in which a task may wait for one other.
enum class way {
  result,
  get,
  wait,
  wait_all,
  wait_first,
  as_completed,
  exception,
  taking,
  wait_for,
  result_until,
  stop_token
};
constexpr std::initializer_list<way> ways{way::result,     way::get,          way::wait,      way::wait_all,
                                          way::wait_first, way::as_completed, way::exception, way::taking,
                                          way::wait_for,   way::result_until, way::stop_token};

int wait_by(way w, future<int> f) {
  switch (w) {
    case way::result:
      return f.result();
    case way::get:
      return f.get();
    case way::wait:
      f.wait();
      return f.result();
    case way::wait_all:
      return spool::wait(std::vector{f}).done.at(0).result();
    case way::wait_first:
      return spool::wait(std::vector{f}, spool::first_completed).done.at(0).result();
    case way::as_completed:
      for (auto&& g : spool::as_completed(std::vector{f})) return g.result();
      return -1;
    case way::exception:
      return f.exception() ? -1 : f.result();
    case way::taking:
      return std::move(f).result();
    case way::wait_for:
      return f.wait_for(1h) ? f.result() : -1;
    case way::result_until:
      return f.result_until(steady::now() + 1h);
    case way::stop_token:
      return f.wait(std::stop_token{}) ? f.result() : -1;
  }
  return -1;
}

const char* name(way w) {
  constexpr const char* names[] = {"result",    "get",    "wait",     "wait_all",     "wait_first", "as_completed",
                                   "exception", "taking", "wait_for", "result_until", "stop_token"};
  return names[static_cast<int>(w)];
}

/// depth, counted by a chain of tasks each of which submits the next and waits for it.
int descend(thread_pool& pool, way w, int depth) {
  if (depth == 0) return 0;
  return 1 + wait_by(w, pool.submit([&pool, w, depth] { return descend(pool, w, depth - 1); }));
}

}  // namespace

// ── depth ──

TEST_CASE("a task may submit to its own pool and wait, 1,000 deep, on one worker, by result") {
  thread_pool pool(1);
  CHECK(pool.submit([&] { return descend(pool, way::result, 1'000); }).result() == 1'000);
}

TEST_CASE("a task may submit to its own pool and wait, in every way, on 1, 2 and 8 workers") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    for (const way w : ways) {
      CAPTURE(workers, name(w));
      thread_pool pool(workers);
      const int depth = CONTRACT_UNDER_TSAN ? 60 : 200;
      CHECK(pool.submit([&] { return descend(pool, w, depth); }).result() == depth);
    }
  }
}

TEST_CASE("a task may wait 1,000 deep by wait and by as_completed on one worker") {
  for (const way w : {way::wait, way::wait_all, way::as_completed}) {
    CAPTURE(name(w));
    thread_pool pool(1);
    const int depth = CONTRACT_UNDER_TSAN || CONTRACT_UNDER_ASAN ? 300 : 1'000;
    CHECK(pool.submit([&] { return descend(pool, w, depth); }).result() == depth);
  }
}

TEST_CASE("many chains of waiting tasks at once") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    thread_pool pool(workers);
    std::vector<future<int>> chains;
    int sum = 0;
    for (int i = 0; i < 40; ++i) {
      const way w = *(ways.begin() + static_cast<std::size_t>(i) % ways.size());
      chains.push_back(pool.submit([&pool, w] { return descend(pool, w, 15); }));
    }
    for (auto const& f : chains) sum += f.result();
    CHECK(sum == 600);
  }
}

TEST_CASE("a tree of tasks, each waiting for its two children") {
  std::function<long(thread_pool&, int)> fib = [&](thread_pool& pool, int n) -> long {
    if (n < 2) return n;
    auto a = pool.submit([&, n] { return fib(pool, n - 1); });
    auto b = pool.submit([&, n] { return fib(pool, n - 2); });
    return n % 2 == 0 ? a.result() + b.result() : b.result() + a.result();
  };
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    thread_pool pool(workers);
    const int n = CONTRACT_UNDER_TSAN ? 12 : 16;
    CHECK(pool.submit([&] { return fib(pool, n); }).result() == (n == 12 ? 144 : 987));
  }
}

TEST_CASE("a task may map on its own pool, to any depth") {
  std::function<int(thread_pool&, int)> sum_up = [&](thread_pool& pool, int depth) -> int {
    if (depth == 0) return 1;
    int sum = 0;
    const std::vector<int> data{1, 2, 3};
    for (const int r : pool.map([&](int) { return sum_up(pool, depth - 1); }, data)) sum += r;
    return sum;
  };
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    thread_pool pool(workers);
    CHECK(pool.submit([&] { return sum_up(pool, 5); }).result() == 243);
  }
  thread_pool one(1);
  std::function<int(int)> chain = [&](int depth) -> int {
    if (depth == 0) return 0;
    for (const int r : one.map([&](int d) { return 1 + chain(d); }, std::vector<int>{depth - 1})) return r;
    return -1;
  };
  CHECK(one.submit([&] { return chain(100); }).result() == 100);
}

TEST_CASE("tasks that wait for many children by wait and as_completed, in all modes") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    thread_pool pool(workers);
    const auto parent = [&](int mode) {
      std::vector<future<int>> children;
      for (int i = 0; i < 30; ++i) children.push_back(pool.submit([i] { return i; }));
      int sum = 0;
      switch (mode % 4) {
        case 0:
          for (auto const& f : spool::wait(children).done) sum += f.result();
          break;
        case 1:
          for (auto&& f : spool::as_completed(children)) sum += f.result();
          break;
        case 2:
          while (!children.empty()) {
            auto [done, not_done] = spool::wait(children, spool::first_completed);
            for (auto const& f : done) sum += f.result();
            children = std::move(not_done);
          }
          break;
        default:
          for (auto const& f : spool::wait(children, spool::first_exception).done) sum += f.result();
      }
      return sum;
    };
    std::vector<future<int>> parents;
    for (int i = 0; i < rounds_of(100); ++i) parents.push_back(pool.submit(parent, i));
    CHECK(std::all_of(parents.begin(), parents.end(), [](auto const& f) { return f.result() == 435; }));
  }
}

// ── several pools ──

TEST_CASE("tasks of two pools may wait for each other's tasks, to any depth, on one worker each") {
  for (const way w : ways) {
    CAPTURE(name(w));
    thread_pool a(1), b(1);
    std::function<int(int)> hop = [&](int depth) -> int {
      if (depth == 0) return 0;
      return 1 + wait_by(w, (depth % 2 == 0 ? a : b).submit([&, depth] { return hop(depth - 1); }));
    };
    const int depth = CONTRACT_UNDER_TSAN ? 60 : 200;
    CHECK(a.submit([&] { return hop(depth); }).result() == depth);
    std::vector<future<int>> both;
    for (int i = 0; i < 10; ++i) both.push_back((i % 2 == 0 ? a : b).submit([&] { return hop(20); }));
    for (auto const& f : both) CHECK(f.result() == 20);
  }
}

TEST_CASE("tasks of five pools wait for each other's in a ring, many at once") {
  std::vector<std::unique_ptr<thread_pool>> pools;
  for (std::size_t i = 0; i < 5; ++i) pools.push_back(std::make_unique<thread_pool>(1 + i % 2));
  std::function<int(std::size_t, int)> round_trip = [&](std::size_t at, int depth) -> int {
    if (depth == 0) return 0;
    auto f = pools[(at + 1) % 5]->submit([&, at, depth] { return round_trip(at + 1, depth - 1); });
    auto g = pools[(at + 2) % 5]->submit([] { return 1; });
    int sum = 0;
    for (auto&& h : spool::as_completed(std::vector{f, g})) sum += h.result();
    return sum;
  };
  std::vector<future<int>> all;
  for (std::size_t i = 0; i < 50; ++i) all.push_back(pools[i % 5]->submit([&, i] { return round_trip(i, 12); }));
  for (auto const& f : all) CHECK(f.result() == 12);
}

namespace {

constexpr std::initializer_list<way> ways_for_all{way::result,    way::get,    way::wait,      way::wait_all,
                                                  way::exception, way::taking, way::stop_token};
constexpr std::initializer_list<way> ways_for_first{way::wait_first, way::as_completed};
constexpr std::initializer_list<way> ways_timed{way::wait_for, way::result_until};

}  // namespace

// ── locks held while waiting, and strangers ──

TEST_CASE("tasks that wait for their children, in every way, while each holds its own mutex") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    CAPTURE(workers);
    thread_pool pool(workers);
    constexpr std::size_t n = 66;
    std::array<std::mutex, n> own;
    std::vector<future<int>> all;
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(pool.submit([&, i] {
        const std::lock_guard held(own[i]);
        const way w = *(ways.begin() + i % ways.size());
        return wait_by(w, pool.submit([&, w] { return 1 + wait_by(w, pool.submit([] { return 1; })); }));
      }));
    }
    int sum = 0;
    for (auto const& f : all) sum += f.result();
    CHECK(sum == 2 * static_cast<int>(n));
  }
}

namespace {

/// Tasks that hold the mutex that every other task wants, and wait for a child by w: how many came to their end.
/// A worker that waits and took any other task would lock the mutex that it holds itself.
int wait_with_the_common_lock(way w, std::size_t workers, int n) {
  thread_pool pool(workers);
  std::mutex common;
  int counted = 0;  // guarded by common
  std::vector<future<int>> all;
  for (int i = 0; i < n; ++i) {
    all.push_back(pool.submit([&] {
      const std::lock_guard held(common);
      ++counted;
      return wait_by(w, pool.submit([] { return 1; }));
    }));
    all.push_back(pool.submit([&] {
      const std::lock_guard held(common);
      ++counted;
      return 1;
    }));
  }
  int sum = 0;
  for (auto const& f : all) sum += f.result();
  return sum == counted ? sum : -1;
}

void check_with_the_common_lock(std::initializer_list<way> by) {
  const int n = rounds_of(50);
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    for (const way w : by) {
      CAPTURE(workers, name(w));
      CHECK(wait_with_the_common_lock(w, workers, n) == 2 * n);
    }
  }
}

}  // namespace

TEST_CASE("tasks that wait for a child while they hold the mutex that every other task wants: for all") {
  check_with_the_common_lock(ways_for_all);
}

TEST_CASE("tasks that wait for a child while they hold the mutex that every other task wants: for the first") {
  check_with_the_common_lock(ways_for_first);
}

TEST_CASE("tasks that wait for a child while they hold the mutex that every other task wants: timed") {
  check_with_the_common_lock(ways_timed);
}

TEST_CASE("a task that waits a second time while it holds the mutex that all others are blocked by comes to its end") {
  const std::size_t workers = GENERATE(1u, 2u);
  CAPTURE(workers);
  thread_pool pool(workers);
  std::mutex common;
  std::vector<promise<void>> blocked(workers);
  const auto f = pool.submit([&] {
    const std::lock_guard held(common);
    for (auto& each : blocked) each.get_future().wait();  // meanwhile others stand in, and take the tasks behind
    return wait_by(workers == 1 ? way::as_completed : way::wait_for, pool.submit([] { return 1; }));
  });
  for (auto& each : blocked) {
    pool.post([&] {
      each.set_value();
      const std::lock_guard held(common);
    });
  }
  CHECK(f.result() == 1);
}

TEST_CASE("tasks that map while they hold the mutex that every other task wants") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    CAPTURE(workers);
    thread_pool pool(workers);
    std::mutex common;
    std::vector<future<int>> all;
    for (int i = 0; i < rounds_of(50); ++i) {
      all.push_back(pool.submit([&] {
        const std::lock_guard held(common);
        int sum = 0;
        for (const int r : pool.map([](int k) { return k; }, std::vector<int>{1, 2, 3})) sum += r;
        return sum;
      }));
      pool.post([&] { const std::lock_guard held(common); });
    }
    for (auto const& f : all) CHECK(f.result() == 6);
  }
}

TEST_CASE("a waiting worker never runs a stranger's task on its stack") {
  frame::strangers = 0;
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    CAPTURE(workers);
    thread_pool pool(workers), other(1);
    std::function<int(int, int, unsigned)> work = [&](int id, int depth, unsigned seed) -> int {
      const frame here(id);
      if (depth == 0) return 1;
      int sum = 1;
      std::vector<future<int>> children;
      std::vector<int> ids;
      for (unsigned i = 0; i < 1 + seed % 3; ++i) {
        const int child = frame::next_id++;
        thread_pool& where = (seed + i) % 5 == 0 ? other : pool;
        children.push_back(
            where.submit([&, child, depth, seed, i] { return work(child, depth - 1, seed * 31 + i * 7 + 1); }));
        ids.push_back(child);
        pool.post([] { const frame stranger(frame::next_id++); });
      }
      switch (seed % 4) {
        case 0: {
          const frame::waiting for_these(ids);
          for (auto&& f : spool::as_completed(children)) sum += f.result();
          break;
        }
        case 1: {
          const frame::waiting for_these(ids);
          for (auto const& f : spool::wait(children).done) sum += f.result();
          break;
        }
        default:
          for (std::size_t i = 0; i < children.size(); ++i) {
            const std::size_t k = seed % 2 == 0 ? i : children.size() - 1 - i;
            const frame::waiting for_this({ids[k]});
            sum += wait_by(*(ways.begin() + (seed / 4 + i) % ways.size()), children[k]);
          }
      }
      return sum;
    };
    std::vector<future<int>> all;
    for (unsigned i = 0; i < static_cast<unsigned>(rounds_of(100)); ++i) {
      const int id = frame::next_id++;
      all.push_back(pool.submit([&, id, i] { return work(id, 4, i); }));
    }
    int sum = 0;
    for (auto const& f : all) sum += f.result();
    CHECK(sum > rounds_of(100));
    pool.wait_idle();
  }
  CHECK(frame::strangers == 0);
}

TEST_CASE("a worker that waits in a map runs only items of that map on its stack") {
  frame::strangers = 0;
  thread_pool pool(2);
  std::vector<future<int>> all;
  for (int i = 0; i < rounds_of(100); ++i) {
    all.push_back(pool.submit([&] {
      const frame here(frame::next_id++);
      std::vector<int> ids;
      for (int k = 0; k < 8; ++k) ids.push_back(frame::next_id++);
      const frame::waiting for_these(ids);
      int sum = 0;
      for (const int r : pool.map(
               [](int id) {
                 const frame item(id);
                 return 1;
               },
               ids)) {
        sum += r;
      }
      return sum;
    }));
    pool.post([] { const frame stranger(frame::next_id++); });
  }
  for (auto const& f : all) CHECK(f.result() == 8);
  pool.wait_idle();
  CHECK(frame::strangers == 0);
}

TEST_CASE("nobody runs a task on the stack of a thread that is no worker") {
  thread_pool pool(1);
  const auto here = std::this_thread::get_id();
  int wrong = 0;
  for (int i = 0; i < rounds_of(500); ++i) {
    auto f = pool.submit([] { return std::this_thread::get_id(); });
    if (i % 2 == 0) {
      wrong += f.result() == here ? 1 : 0;
    } else {
      for (auto&& g : spool::as_completed(std::vector{f})) wrong += g.result() == here ? 1 : 0;
    }
  }
  CHECK(wrong == 0);
}

// ── waits that the awaited task alone cannot end ──

TEST_CASE("a task may wait for what a task behind it in the queue will do, on one worker: another thread stands in") {
  for (const way w : ways) {
    CAPTURE(name(w));
    thread_pool pool(1);
    promise<int> p;
    std::thread::id waiter, setter;
    auto first = std::make_unique<busy>(pool);
    const auto waits = pool.submit([&] {
      waiter = std::this_thread::get_id();
      return wait_by(w, p.get_future());
    });
    const auto sets = pool.submit([&] {
      setter = std::this_thread::get_id();
      p.set_value(4);
    });
    first.reset();
    CHECK(waits.result() == 4);
    sets.wait();
    CHECK(waiter != setter);
  }
}

TEST_CASE("a chain of tasks, each waiting for a promise that the next one sets, on 1, 2 and 8 workers") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    CAPTURE(workers);
    thread_pool pool(workers);
    const std::size_t n = CONTRACT_UNDER_TSAN ? 40 : 150;
    std::vector<promise<int>> chain(n + 1);
    std::vector<future<int>> links;
    for (auto& p : chain) links.push_back(p.get_future());
    {
      const busy first(pool);
      for (std::size_t i = 0; i < n; ++i) {
        pool.post([&, i] { chain[i].set_value(1 + wait_by(*(ways.begin() + i % 4), links[i + 1])); });
      }
      pool.post([&] { chain[n].set_value(0); });
    }
    CHECK(links[0].result() == static_cast<int>(n));
    pool.wait_idle();
    pool.submit([] {}).result();
    eventually([&] { return pool.worker_count() <= workers; });  // those that stood in have gone
  }
}

TEST_CASE("a task may wait for a task submitted later, and for one submitted before") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}}) {
    thread_pool pool(workers);
    constexpr std::size_t n = 100;
    std::vector<future<int>> all(n);
    auto first = std::make_unique<busy>(pool);
    std::unique_ptr<busy> second;
    if (workers == 2) second = std::make_unique<busy>(pool);
    for (std::size_t i = 0; i < n; ++i) {
      all[i] = pool.submit([&, i]() -> int {
        if (i + 1 == n) return 1;
        return 1 + all[i + 1].result();
      });
    }
    first.reset();
    second.reset();
    CHECK(all[0].result() == static_cast<int>(n));
    std::vector<future<int>> back(n);
    first = std::make_unique<busy>(pool);
    if (workers == 2) second = std::make_unique<busy>(pool);
    for (std::size_t i = 0; i < n; ++i) {
      back[i] = pool.submit([&, i]() -> int { return i == 0 ? 1 : 1 + back[i - 1].result(); });
    }
    first.reset();
    second.reset();
    CHECK(back[n - 1].result() == static_cast<int>(n));
  }
}

TEST_CASE("several tasks may wait for the same one, which runs once") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    CAPTURE(workers);
    thread_pool pool(workers);
    for (int round = 0; round < rounds_of(100); ++round) {
      std::atomic<int> runs{0};
      future<int> shared;
      gate given;
      std::vector<future<int>> all;
      {
        const busy first(pool);
        for (std::size_t i = 0; i < 6; ++i) {
          all.push_back(pool.submit([&, w = *(ways.begin() + i)] {
            given.wait();
            return wait_by(w, future<int>(shared));
          }));
        }
        shared = pool.submit([&] { return ++runs; });
        given.open();
      }
      for (auto const& f : all) CHECK(f.result() == 1);
      CHECK(runs == 1);
      pool.wait_idle();
    }
  }
}

TEST_CASE("a timed wait in a task gives up in time, though what it waits for goes on until the task has gone on") {
  // Had the waiter begun to run the other task on its own stack, it could not give up.
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}}) {
    for (const int kind : {0, 1, 2, 3, 4, 5}) {
      CAPTURE(workers, kind);
      thread_pool pool(workers);
      gate go;
      const auto seen = pool.submit([&] {
        const auto other = pool.submit([&] {
          go.wait();
          return 1;
        });
        bool gave_up = false;
        const auto begin = steady::now();
        switch (kind) {
          case 0:
            gave_up = !other.wait_for(2ms);
            break;
          case 1:
            gave_up = !other.wait_until(begin + 2ms);
            break;
          case 2:
            try {
              static_cast<void>(other.result_for(2ms));
            } catch (spool::timeout_error const&) {
              gave_up = true;
            }
            break;
          case 3:
            gave_up = spool::wait_for(std::vector{other}, 2ms).done.empty();
            break;
          case 4:
            try {
              for (auto&& f : spool::as_completed_for(std::vector{other}, 2ms)) static_cast<void>(f);
            } catch (spool::timeout_error const&) {
              gave_up = true;
            }
            break;
          default: {
            std::stop_source stop;
            crew stopper(1, [&] { stop.request_stop(); });
            gave_up = !other.wait(stop.get_token());
          }
        }
        const bool early = kind != 5 && steady::now() - begin < 2ms;
        go.open();
        return (gave_up ? 10 : 0) + (early ? 100 : 0) + other.result();
      });
      CHECK(seen.result() == 11);
    }
  }
}

TEST_CASE("a poll in a task does not run what it looks at") {
  thread_pool pool(1);
  const bool none_ran = pool.submit([&] {
                              std::atomic<bool> ran{false};
                              const auto other = pool.submit([&] { ran = true; });
                              bool looked =
                                  other.done() || other.running() || other.wait_for(0s) || other.wait_for(-1s);
                              looked = looked || !spool::wait_for(std::vector{other}, 0s).done.empty();
                              const bool result = !looked && !ran;
                              other.wait();
                              return result && ran;
                            })
                            .result();
  CHECK(none_ran);
}

TEST_CASE("a task that waits for the first of two is not held up by the other, which waits for it") {
  // first waits for what the parent does after its wait: run on the parent's stack it would never end.
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}}) {
    for (const bool by_range : {false, true}) {
      CAPTURE(workers, by_range);
      thread_pool pool(workers);
      const auto sum = pool.submit([&] {
        promise<int> p;
        const auto first = pool.submit([&] { return p.get_future().result(); });
        const auto second = pool.submit([] { return 1; });
        int seen = 0;
        if (by_range) {
          for (auto&& f : spool::as_completed(std::vector{first, second})) {
            if (f == second) p.set_value(10);
            seen += f.result();
          }
        } else {
          const auto result = spool::wait(std::vector{first, second}, spool::first_completed);
          if (result.done == std::vector{second}) seen = 1;
          p.set_value(10);
          seen += first.result();
        }
        return seen;
      });
      CHECK(sum.result() == 11);
    }
  }
}

TEST_CASE("a task that waits is released by a cancel of what it waits for") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}}) {
    thread_pool pool(workers);
    for (int round = 0; round < rounds_of(100); ++round) {
      promise<int> never;
      auto f = never.get_future();
      const auto waits = pool.submit([f] {
        try {
          return f.result();
        } catch (spool::cancelled_error const&) {
          return 5;
        }
      });
      if (round % 2 == 0) static_cast<void>(waits.wait_for(20us));
      CHECK(f.cancel());
      CHECK(waits.result() == 5);
    }
  }
}

TEST_CASE("cancel against a worker that waits for the task") {
  thread_pool pool(1);
  std::atomic<int> ran{0};
  future<int> child, parent;
  bool cancelled = false;
  int wrong = 0;
  std::optional<gate> given;
  duel(
      rounds_of(2'000),
      [&] {
        ran = 0;
        given.emplace();
        parent = pool.submit([&] {
          given->wait();
          try {
            return future<int>(child).result();
          } catch (spool::cancelled_error const&) {
            return -1;
          }
        });
        child = pool.submit([&] { return ++ran; });
      },
      [&] {
        const int seen = parent.result();
        if (seen != (cancelled ? -1 : 1) || ran != (cancelled ? 0 : 1)) ++wrong;
        pool.wait_idle();
      },
      [&] { cancelled = future<int>(child).cancel(); }, [&] { given->open(); });
  CHECK(wrong == 0);
}

TEST_CASE("an exception of a task comes through the waits of others, to any depth") {
  thread_pool pool(1);
  std::function<int(int)> descend_and_throw = [&](int depth) -> int {
    if (depth == 0) throw std::runtime_error("from below");
    return pool.submit([&, depth] { return descend_and_throw(depth - 1); }).result();
  };
  CHECK_THROWS_WITH(pool.submit([&] { return descend_and_throw(30); }).result(), "from below");
}

TEST_CASE("callbacks, destructors of callables and copies may wait, too, in a worker") {
  thread_pool pool(1);
  std::atomic<int> sum{0};
  {
    const busy first(pool);
    auto f = pool.submit([] { return 1; });
    f.add_done_callback([&](future<int> const& g) { sum += g.result() + pool.submit([] { return 10; }).result(); });
    pool.post([end = at_end_of_life([&] { sum += pool.submit([] { return 100; }).result(); })] {});
  }
  eventually([&] { return sum == 111; });
  pool.wait_idle();
  CHECK(sum == 111);
}

TEST_CASE("a callback run by the completing task's own thread may wait for other tasks of a full pool") {
  thread_pool pool(1);
  std::atomic<int> got{0};
  pool.submit([&] {
        promise<int> p;
        p.get_future().add_done_callback([&](future<int> const&) { got = pool.submit([] { return 3; }).result(); });
        p.set_value(1);
      })
      .result();
  CHECK(got == 3);
}

// ── bounds, order, shutdown ──

TEST_CASE("max_workers bounds the tasks that do not wait, while others wait for promises") {
  thread_pool pool(2);
  std::vector<promise<void>> gates(20);
  std::atomic<int> waiting{0}, running{0}, most{0};
  std::vector<future<void>> waiters;
  for (auto& p : gates) {
    waiters.push_back(pool.submit([&, f = p.get_future()] {
      ++waiting;
      f.wait();
    }));
  }
  eventually([&] { return waiting == 20; });  // though there are two workers only
  CHECK(pool.worker_count() >= 20);
  for (int i = 0; i < rounds_of(500); ++i) {
    pool.post([&] {
      const int now = ++running;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::yield();
      --running;
    });
  }
  static_cast<void>(pool.submit([] {}).wait_for(1h));
  eventually([&] { return pool.pending() == 0 && running == 0; });
  CHECK(most <= 2);
  for (auto& p : gates) p.set_value();
  for (auto& f : waiters) f.wait();
  pool.wait_idle();
  eventually([&] { return pool.worker_count() <= 2; });
  CHECK(pool.submit([] { return 1; }).result() == 1);
}

TEST_CASE("blocking tasks find their workers again after others have stood in") {
  thread_pool pool(3);
  for (int round = 0; round < rounds_of(100); ++round) {
    promise<int> p;
    std::vector<future<int>> waiters;
    for (int i = 0; i < 5; ++i) {
      waiters.push_back(pool.submit([f = p.get_future()] { return f.result(); }));
    }
    pool.post([&] { p.set_value(1); });
    for (auto const& f : waiters) CHECK(f.result() == 1);
    meeting all(3);
    for (int i = 0; i < 3; ++i) pool.post([&] { all.arrive_and_wait(); });
    pool.wait_idle();
  }
}

TEST_CASE("with one worker, tasks start in the order submitted from outside, also when the running task waits") {
  thread_pool pool(1);
  for (int round = 0; round < rounds_of(100); ++round) {
    for (const bool for_child : {false, true}) {
      std::mutex mutex;
      std::vector<int> order;
      const auto note = [&](int i) {
        const std::lock_guard held(mutex);
        order.push_back(i);
      };
      promise<void> p;
      gate started, go;
      const auto waits = pool.submit([&] {
        note(0);
        started.open();
        go.wait();
        if (for_child) {
          pool.submit([] {}).result();
          static_cast<void>(pool.submit([] { return 1; }).result_for(1h));
        }
        p.get_future().wait();
      });
      started.wait();
      for (int i = 1; i <= 20; ++i) {
        pool.post([&, i] {
          note(i);
          if (i % 5 == 0) pool.submit([] {}).result();  // and these wait, too
          if (i == 20) p.set_value();
        });
      }
      go.open();
      waits.result();
      pool.wait_idle();
      CHECK(order.size() == 21);
      CHECK(std::is_sorted(order.begin(), order.end()));
    }
  }
}

TEST_CASE("with one worker, a task that waits for the last in the queue does not make it start before the others") {
  thread_pool pool(1);
  int out_of_order = 0;
  for (int round = 0; round < rounds_of(100); ++round) {
    std::mutex mutex;
    std::vector<int> order;
    future<void> last;
    gate started, go;
    const auto waits = pool.submit([&] {
      started.open();
      go.wait();
      future<void>(last).result();
    });
    started.wait();
    for (int i = 1; i <= 10; ++i) {
      last = pool.submit([&, i] {
        const std::lock_guard held(mutex);
        order.push_back(i);
      });
    }
    go.open();
    waits.result();
    pool.wait_idle();
    out_of_order += std::is_sorted(order.begin(), order.end()) ? 0 : 1;
  }
  CHECK(out_of_order == 0);
}

TEST_CASE(
    "shutdown drains tasks that wait for their children, and cancel_pending releases those whose children are gone") {
  for (const std::size_t workers : {std::size_t{1}, std::size_t{2}}) {
    for (int round = 0; round < rounds_of(60); ++round) {
      std::vector<future<int>> all;
      std::atomic<int> cancelled{0};
      {
        thread_pool pool(workers);
        for (int i = 0; i < 5; ++i) {
          all.push_back(pool.submit([&] {
            try {
              return descend(pool, way::result, 5);
            } catch (spool::cancelled_error const&) {
              ++cancelled;
            } catch (spool::pool_shutdown_error const&) {
              ++cancelled;
            }
            return 5;
          }));
        }
        if (round % 3 == 0) pool.shutdown({.cancel_pending = true});
        if (round % 3 == 1) pool.shutdown();
      }
      for (auto const& f : all) {
        REQUIRE(f.done());
        if (!f.cancelled()) CHECK(f.result() == 5);
      }
      if (round % 3 != 0) CHECK(cancelled == 0);
    }
  }
}

TEST_CASE(
    "a task that waits for its queued child gets cancelled_error when the pool is shut down with cancel_pending") {
  thread_pool pool(2);
  gate submitted, shut;
  std::string seen;
  promise<int> never;
  const auto parent = pool.submit([&] {
    const auto blocker = pool.submit([&] { shut.wait(); });  // takes the other worker
    while (!blocker.running()) std::this_thread::yield();
    auto child = pool.submit([] { return 1; });
    submitted.open();
    shut.wait();
    try {
      static_cast<void>(child.result());
      seen = "ran";
    } catch (spool::cancelled_error const&) {
      seen = "cancelled_error";
    }
    blocker.wait();
  });
  submitted.wait();
  pool.shutdown({.wait = false, .cancel_pending = true});
  shut.open();
  parent.result();
  CHECK(seen == "cancelled_error");
}

TEST_CASE("wait_idle waits for tasks that wait, and for those that stand in") {
  thread_pool pool(1);
  for (int round = 0; round < rounds_of(100); ++round) {
    std::atomic<int> ended{0};
    promise<int> p;
    for (int i = 0; i < 4; ++i) {
      pool.post([&] {
        static_cast<void>(p.get_future().wait_for(1h));
        ++ended;
      });
    }
    pool.post([&] { p.set_value(1); });
    pool.wait_idle();
    CHECK(ended == 4);
  }
}

TEST_CASE("the initializer has run in whatever thread a task runs") {
  static thread_local int initialized = 0;
  std::atomic<int> wrong{0};
  thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [] { ++initialized; }});
  for (int round = 0; round < rounds_of(50); ++round) {
    promise<int> p;
    for (int i = 0; i < 3; ++i) {
      pool.post([&] {
        wrong += initialized == 1 ? 0 : 1;
        p.get_future().wait();
        static_cast<void>(pool.submit([&] { return wrong += initialized == 1 ? 0 : 1; }).result());
      });
    }
    pool.post([&] {
      wrong += initialized == 1 ? 0 : 1;
      p.set_value(1);
    });
    pool.wait_idle();
  }
  CHECK(wrong == 0);
}

TEST_CASE("a pool of waiting tasks destroyed from its own task") {
  for (int round = 0; round < rounds_of(100); ++round) {
    auto pool = std::make_shared<thread_pool>(1);
    thread_pool* const raw = pool.get();
    auto parent = pool->submit([raw, mine = pool]() mutable {
      const int sum = descend(*raw, way::result, 4);
      mine.reset();
      return sum;
    });
    const std::weak_ptr<thread_pool> weak = pool;
    pool.reset();
    CHECK(parent.result() == 4);
    eventually([&] { return weak.expired(); });
  }
}

TEST_CASE("tasks of a pool make, use and destroy other pools, to any depth") {
  std::function<int(int)> inside = [&](int depth) -> int {
    if (depth == 0) return 1;
    thread_pool pool(1);
    auto a = pool.submit([&, depth] { return inside(depth - 1); });
    auto b = pool.submit([&, depth] { return inside(depth - 1); });
    return a.result() + b.result();
  };
  CHECK(inside(CONTRACT_UNDER_TSAN ? 5 : 7) == (CONTRACT_UNDER_TSAN ? 32 : 128));
}

TEST_CASE("random graphs of tasks that wait for earlier tasks, and for promises that later tasks set, all end") {
  for (unsigned seed = 1; seed <= static_cast<unsigned>(rounds_of(30)); ++seed) {
    for (const std::size_t workers : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
      thread_pool pool(workers), other(1);
      constexpr std::size_t n = 60;
      std::vector<promise<int>> promises(n);
      std::vector<future<int>> outcomes;
      for (auto& p : promises) outcomes.push_back(p.get_future());
      std::vector<future<int>> tasks;
      std::uint32_t random = seed * 2654435761u;
      const auto draw = [&](std::uint32_t below) {
        random = random * 1664525u + 1013904223u;
        return (random >> 8) % below;
      };
      // Node i depends only on nodes that come earlier in a random order: no cycle, whatever the order of submission.
      std::vector<std::size_t> rank(n);
      std::iota(rank.begin(), rank.end(), std::size_t{0});
      for (std::size_t i = n - 1; i > 0; --i) std::swap(rank[i], rank[draw(static_cast<std::uint32_t>(i + 1))]);
      auto first = std::make_unique<busy>(pool);
      for (std::size_t i = 0; i < n; ++i) {
        std::vector<future<int>> needed;
        for (int k = 0; k < 3; ++k) {
          const std::size_t j = draw(n);
          if (rank[j] < rank[i]) needed.push_back(outcomes[j]);
        }
        for (std::size_t k = 0; k < tasks.size(); ++k) {
          if (rank[k] < rank[i] && draw(20) == 0) needed.push_back(tasks[k]);
        }
        const std::uint32_t how = draw(1000);
        tasks.push_back((draw(4) == 0 ? other : pool).submit([&, i, how, needed = std::move(needed)] {
          int sum = 1;
          if (how % 3 == 0) {
            for (auto&& f : spool::as_completed(needed)) sum += f.result() > 0 ? 1 : 100'000;
          } else {
            for (auto const& f : needed) sum += wait_by(*(ways.begin() + how % 7), f) > 0 ? 1 : 100'000;
          }
          promises[i].set_value(sum);
          return sum;
        }));
      }
      first.reset();
      int sum = 0;
      for (auto const& f : tasks) sum += f.result();
      CHECK(sum < 100'000);
      CHECK(sum >= static_cast<int>(n));
      pool.wait_idle();
      other.wait_idle();
    }
  }
}

TEST_CASE("a task that waits in vain 10,000 times leaves no threads behind that stood in for it") {
  thread_pool pool(1);
  promise<int> never;
  std::atomic<std::size_t> most{0};
  const auto waits = pool.submit([&] {
    const auto f = never.get_future();
    for (int i = 0; i < rounds_of(10'000); ++i) {
      static_cast<void>(f.wait_for(1us));
      if (i % 10 == 0) static_cast<void>(spool::wait_for(std::vector{f}, 1us));
      most = std::max(most.load(), pool.worker_count());
      if (i % 100 == 0) pool.post([] {});
    }
  });
  waits.result();
  CHECK(most <= 3);
  pool.wait_idle();
  eventually([&] { return pool.worker_count() <= 1; });
}
