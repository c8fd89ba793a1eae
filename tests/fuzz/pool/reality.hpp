// tests/fuzz/pool/reality.hpp · a real pool whose workers can be held, what its tasks do, and what they see
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "fuzz/counted_among.hpp"
#include "fuzz/pool/model.hpp"
#include "support/choices.hpp"

namespace pool_model {

/// An exception of the user's.
struct failure {
  int label;
};

/// What f gives, or what it throws.
template <class F>
outcome seen_by(F&& f) {
  try {
    return {fate::value, f()};
  } catch (failure const& e) {
    return {fate::failure, e.label};
  } catch (spool::cancelled_error const&) {
    return {fate::cancelled, 0};
  } catch (spool::pool_shutdown_error const&) {
    return {fate::shut_down, 0};
  }
}

/// What the tasks refer to. While workers run, the thread that leads the run waits for them.
class reality {
public:
  explicit reality(spool::pool_options options)
      : before_(spool::set_excepthook([this](spool::thread_info const&, std::exception_ptr e) {
          const outcome o = seen_by([&]() -> int { std::rethrow_exception(e); });
          const std::lock_guard held(mutex_);
          lost.push_back(o);
        })),
        workers_(options.max_workers),
        pool(std::in_place, std::move(options)) {}
  ~reality() { spool::set_excepthook(before_); }
  reality(const reality&) = delete;
  reality& operator=(const reality&) = delete;

private:
  spool::excepthook_handler before_;
  std::mutex mutex_;  // guards log, lost and children while workers run
  const std::size_t workers_;

  struct gate {
    std::atomic<std::size_t> inside{0};
    std::atomic<bool> open{false};
  };
  std::shared_ptr<gate> gate_;

public:
  std::deque<spool::future<int>> futures;  // of the model's tasks; empty for those that were posted
  std::deque<std::optional<spool::promise<int>>> promises;
  std::vector<record> log;
  std::vector<outcome> lost;
  std::vector<spool::future<int>> children;
  std::size_t last = none;  // the model's
  std::atomic<int> callables{0};
  std::atomic<int> posted_children{0};
  std::optional<spool::thread_pool> pool;  // last: its tasks use the others

  /// Keeps all workers busy, until released.
  void hold() {
    gate_ = std::make_shared<gate>();
    for (std::size_t i = 0; i < workers_; ++i) {
      pool->post([g = gate_] {
        ++g->inside;
        g->inside.notify_all();
        g->open.wait(false);
      });
    }
    for (std::size_t n = gate_->inside; n != workers_; n = gate_->inside) gate_->inside.wait(n);
  }
  void release() {
    gate_->open = true;
    gate_->open.notify_all();
  }

  void note(record r) {
    const std::lock_guard held(mutex_);
    log.push_back(r);
  }

  using counted = counted_among<std::atomic<int>>;

  struct job {
    reality* to;
    std::size_t id;
    duty does;
    counted one = counted(to->callables);
    int operator()() const { return to->run(id, static_cast<int>(id), does); }
    int operator()(int const& from) const { return to->run(id, from + 1, does); }
  };
  struct stoppable_job {
    reality* to;
    std::size_t id;
    counted one = counted(to->callables);
    int operator()(std::stop_token const& stop) const {
      to->note({record::started, id, {}});
      return stop.stop_requested() ? 1 : 0;
    }
  };

private:
  int run(std::size_t id, int label, duty d) {
    note({record::started, id, {}});
    const auto child = [label] { return 1'000 + label; };
    switch (d.what) {
      case duty::throws:
        throw failure{label};
      case duty::cancels:
        note({record::cancel_said, d.target, {fate::unset, futures[d.target].cancel()}});
        break;
      case duty::asks_stop:
        note({record::stop_said, d.target, {fate::unset, futures[d.target].request_stop()}});
        break;
      case duty::misuses:
        note({record::misuse_said, id, {fate::unset, misuses()}});
        break;
      case duty::shuts_down:
      case duty::discards:
        pool->shutdown({.wait = false, .cancel_pending = d.what == duty::discards});
        break;
      case duty::makes_child: {
        auto f = pool->submit(child);
        const std::lock_guard held(mutex_);
        children.push_back(std::move(f));
        break;
      }
      case duty::posts_child:
        pool->post([this] { ++posted_children; });
        break;
      case duty::waits_for_child:
        return pool->submit(child).result();
      case duty::waits_for_other:
        return futures[d.target].result();
      case duty::waits_for_last:
        return last == none || last < id ? label : futures[last].result();
      case duty::loops: {
        std::vector<int> some(20, 1);
        std::atomic<int> sum{0};
        pool->for_each(some, [&](int x) { sum += x; });
        require(sum == 20, "for_each in a task");
        break;
      }
      case duty::maps: {
        std::vector<int> some(7, 1);
        int sum = 0;
        for (const int x : pool->map({.chunk_size = 2, .buffer_size = 4}, [](int x) { return 2 * x; }, some)) sum += x;
        require(sum == 14, "map in a task");
        break;
      }
      default:
        break;
    }
    return label;
  }

  /// How many of the ways to wait for one's own pool are refused.
  int misuses() {
    int refused = 0;
    const auto refuses = [&](auto&& f) {
      try {
        f();
      } catch (spool::usage_error const&) {
        ++refused;
      }
    };
    refuses([this] { pool->wait_idle(); });
    refuses([this] { pool->wait_idle_for(std::chrono::seconds(0)); });
    refuses([this] { pool->shutdown(); });
    refuses([this] { pool->shutdown_for(std::chrono::seconds(0)); });
    return refused;
  }
};

}  // namespace pool_model
