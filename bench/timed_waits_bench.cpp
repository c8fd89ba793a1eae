// bench/timed_waits_bench.cpp · how late every timed wait ends, and how late a waiter wakes, beside the standard's
// SPDX-License-Identifier: MIT
//
// Units: of a timed wait for what never comes, the time from its deadline to its return; of a wake-up, the time from just
// before the call that lets the waiter go to the return of its wait. The median is that of the samples' means; what is
// printed as p99 is the worst of a sample. Each row is measured on the machine as it is, and beside 16 busy threads.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

#include "support/rounds.hpp"

namespace {

using namespace std::chrono_literals;
using bench::contestant;
using bench::cost;
using bench::steady;

constexpr auto limit = 1ms;

/// Threads that keep the processors busy until its end.
class load {
public:
  explicit load(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        while (!over_.load(std::memory_order_relaxed)) benchmark::ClobberMemory();
      });
    }
  }
  ~load() {
    over_ = true;
    for (std::thread& t : threads_) t.join();
  }

private:
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;
};

double cpu_ns() { return bench::cpu_seconds(RUSAGE_THREAD) * 1e9; }

double ns_since(steady::time_point t) { return std::chrono::duration<double, std::nano>(steady::now() - t).count(); }

/// The mean and the worst of latenesses.
struct lateness_sum {
  void add(double ns, double cpu) {
    sum.wall_ns += ns;
    sum.cpu_ns += cpu;
    sum.p99_ns = std::max(sum.p99_ns, ns);
  }
  cost sum;
};

/// A row whose two contestants are measured wait by wait in turn, by the same thread: what a scheduler owes a thread, and
/// what else runs, is then the same for both. `make` gives the pair of functions that measure one lateness each.
template <class Make>
void add_paired_row(const std::string& name, const std::string& peer, int threads, int times, Make make) {
  auto rest = std::make_shared<std::vector<cost>>();  // what the contestant whose turn it is has measured for the other
  const auto sample = [=](bool of_spool) {
    if (!rest->empty()) {
      const cost other = rest->back();
      rest->pop_back();
      return other;
    }
    const auto pair = make();
    const load busy(threads);
    lateness_sum sums[2];
    for (int i = -1; i < times; ++i) {
      for (int who : {0, 1}) {
        const double cpu = cpu_ns();
        const double late = who == 0 ? pair->spool() : pair->standard();
        if (i >= 0) sums[who].add(late, cpu_ns() - cpu);
      }
    }
    for (lateness_sum& s : sums) {
      s.sum.wall_ns /= times;
      s.sum.cpu_ns /= times;
    }
    rest->push_back(sums[of_spool ? 1 : 0].sum);
    return sums[of_spool ? 0 : 1].sum;
  };
  bench::add_row(name, {{"spool", [=] { return sample(true); }}, {peer, [=] { return sample(false); }}},
                 bench::microseconds_each, {}, 5);
}

template <class Wait>
double lateness_of(Wait&& wait) {
  const auto end = steady::now() + limit;
  wait();
  return ns_since(end);
}

/// Waits of one kind; each leaves all as it was.
struct timed_wait {
  std::string name;
  std::function<double()> lateness;
};

/// All that the timed waits wait for, and that never comes.
struct never {
  never() {
    full.put(1);
    locked.lock();
    std::thread([this] { held_elsewhere.lock(); }).join();  // and never unlocked
    blocked.start();
    far.start();
    task = pool.submit([this] { end.wait(); });
  }
  ~never() { end.set(); }

  spool::event event;
  spool::semaphore semaphore{0};
  spool::bounded_semaphore bounded{0};
  spool::promise<int> promise;
  spool::promise<int> other;
  spool::future<int> future = promise.get_future();
  std::vector<spool::future<int>> futures{future, other.get_future()};
  spool::barrier barrier{2};
  spool::mutex mutex;
  spool::condition condition;
  spool::mutex locked;
  spool::recursive_mutex held_elsewhere;
  spool::queue<int> empty;
  spool::queue<int> full{1};
  spool::event end;
  spool::thread blocked{[this] { end.wait(); }};
  spool::timer far{1h, [] {}};
  std::vector<int> inputs{1, 2};
  spool::thread_pool pool{1};
  spool::future<void> task;
};

template <class Error, class Wait>
double lateness_until_thrown(Wait&& wait) {
  return lateness_of([&] {
    try {
      wait();
    } catch (const Error&) {
    }
  });
}

std::vector<timed_wait> timed_waits(never& n) {
  std::vector<timed_wait> all;
  const auto add = [&all](const char* name, auto wait) { all.push_back({name, [wait] { return lateness_of(wait); }}); };
  add("event", [&n] { n.event.wait_for(limit); });
  add("semaphore", [&n] { static_cast<void>(n.semaphore.try_acquire_for(limit)); });
  add("bounded_semaphore", [&n] { static_cast<void>(n.bounded.try_acquire_for(limit)); });
  add("future wait", [&n] { n.future.wait_for(limit); });
  all.push_back({"future result",
                 [&n] { return lateness_until_thrown<spool::timeout_error>([&n] { n.future.result_for(limit); }); }});
  add("wait", [&n] { spool::wait_for(n.futures, limit); });
  all.push_back({"as_completed", [&n] {
                   return lateness_until_thrown<spool::timeout_error>([&n] {
                     for (auto& f : spool::as_completed_for(n.futures, limit)) benchmark::DoNotOptimize(&f);
                   });
                 }});
  all.push_back({"barrier", [&n] {
                   const double late =
                       lateness_until_thrown<spool::broken_barrier_error>([&n] { n.barrier.wait_for(limit); });
                   n.barrier.reset();
                   return late;
                 }});
  add("condition", [&n] {
    std::unique_lock held(n.mutex);
    n.condition.wait_for(held, limit);
  });
  add("mutex", [&n] { static_cast<void>(n.locked.try_lock_for(limit)); });
  add("recursive_mutex", [&n] { static_cast<void>(n.held_elsewhere.try_lock_for(limit)); });
  add("queue get", [&n] { n.empty.get_for(limit); });
  add("queue put", [&n] { static_cast<void>(n.full.put_for(2, limit)); });
  add("queue join", [&n] { n.full.join_for(limit); });
  add("thread join", [&n] { n.blocked.join_for(limit); });
  add("timer join", [&n] { n.far.join_for(limit); });
  add("pool wait_idle", [&n] { n.pool.wait_idle_for(limit); });
  add("pool shutdown", [&n] { n.pool.shutdown_for(limit); });
  all.push_back({"map", [&n] {
                   auto results = n.pool.map({.timeout = limit}, [](int x) { return x; }, n.inputs);
                   return lateness_until_thrown<spool::timeout_error>(
                       [&results] { benchmark::DoNotOptimize(*results.begin()); });
                 }});
  return all;
}

struct timed_pair {
  explicit timed_pair(std::size_t wait) : spool(timed_waits(objects)[wait].lateness) {}
  double standard() {
    std::unique_lock held(mutex);
    return lateness_of([&] { changed.wait_for(held, limit); });
  }
  never objects;
  std::function<double()> spool;
  std::mutex mutex;
  std::condition_variable changed;
};

void add_timed_waits(int threads, const std::string& machine) {
  never nothing;
  const std::vector<timed_wait> all = timed_waits(nothing);
  for (std::size_t i = 0; i < all.size(); ++i) {
    add_paired_row(all[i].name + machine, "std::condition_variable", threads, 16,
                   [i] { return std::make_shared<timed_pair>(i); });
  }
}

// ── wake-ups: the waiter has long been asleep when it is let go ──

/// Stands for what a thread waits for; let go again and again.
struct condvar_event {
  void set() {
    {
      const std::lock_guard held(mutex);
      up = true;
    }
    changed.notify_one();
  }
  void wait() {
    std::unique_lock held(mutex);
    changed.wait(held, [this] { return up; });
    up = false;
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool up = false;
};
struct spool_event {
  void set() { event.set(); }
  void wait() {
    event.wait();
    event.clear();
  }
  spool::event event;
};
struct spool_semaphore {
  void set() { semaphore.release(); }
  void wait() { semaphore.acquire(); }
  spool::semaphore semaphore{0};
};
struct spool_queue {
  void set() { queue.put(1); }
  void wait() { queue.get(); }
  spool::queue<int> queue;
};
struct spool_barrier {
  void set() { barrier.wait(); }
  void wait() { barrier.wait(); }
  spool::barrier barrier{2};
};
struct spool_future {
  void set() { std::exchange(promise, spool::promise<int>()).set_value(1); }
  void wait() {
    next.wait();
    next = promise.get_future();
  }
  spool::promise<int> promise;
  spool::future<int> next = promise.get_future();
};

/// A thread that waits, again and again.
template <class Event>
class waiter {
public:
  ~waiter() {
    over_ = true;
    go_.set();
    thread_.join();
  }
  /// How long it takes to wake it.
  double latency() {
    while (begun_.load() <= round_) std::this_thread::sleep_for(100us);
    std::this_thread::sleep_for(2ms);  // asleep by now
    const auto before = steady::now();
    go_.set();
    ++round_;
    while (begun_.load() <= round_) std::this_thread::sleep_for(100us);
    return std::chrono::duration<double, std::nano>(woken_ - before).count();
  }

private:
  void work() {
    while (!over_) {
      begun_.fetch_add(1);
      go_.wait();
      woken_ = steady::now();
    }
  }
  Event go_;
  std::atomic<bool> over_{false};
  std::atomic<int> begun_{0};
  int round_ = 0;
  steady::time_point woken_;
  std::thread thread_{[this] { work(); }};
};

template <class Event>
struct wake_up_pair {
  double spool() { return of_spool.latency(); }
  double standard() { return of_standard.latency(); }
  waiter<Event> of_spool;
  waiter<condvar_event> of_standard;
};

void add_wake_ups(int threads, const std::string& machine) {
  const auto row = [&]<class Event>(const char* name, Event*) {
    add_paired_row(std::string("wake-up, ") + name + machine, "std::condition_variable", threads, 16,
                   [] { return std::make_shared<wake_up_pair<Event>>(); });
  };
  row("event", static_cast<spool_event*>(nullptr));
  row("semaphore", static_cast<spool_semaphore*>(nullptr));
  row("queue", static_cast<spool_queue*>(nullptr));
  row("barrier", static_cast<spool_barrier*>(nullptr));
  row("future", static_cast<spool_future*>(nullptr));
}

void add_rows() {
  for (int threads : {0, 16}) {
    const std::string machine = threads == 0 ? "" : ", " + std::to_string(threads) + " busy threads";
    add_timed_waits(threads, machine);
    add_wake_ups(threads, machine);
  }
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "timed_waits", add_rows); }
