// bench/timer_bench.cpp · timer beside Boost.Asio's steady_timer, and a thread for each timer
// SPDX-License-Identifier: MIT
//
// Unit: a timer, made and armed; the destruction of the objects is not timed. Asio's io_context is run by the one thread
// that arms, which is the fastest that it can be used. Of a cancelled timer Asio's handler runs nevertheless, to be told
// so: once with that counted, once without.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <spool/timer.hpp>

#include "support/rounds.hpp"

#if SPOOL_BENCH_BOOST
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#endif

namespace {

using bench::cost;
using bench::steady;
using bench::stopwatch;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr std::size_t many = 100'000;
constexpr std::size_t some = 200;

/// Delays from 10 to 70 s.
const std::vector<microseconds>& far_delays() {
  static const std::vector<microseconds> delays = [] {
    std::mt19937 random(1);
    std::vector<microseconds> all(many);
    for (microseconds& d : all) d = microseconds(10'000'000 + random() % 60'000'000);
    return all;
  }();
  return delays;
}
const std::vector<microseconds>& equal_delays() {
  static const std::vector<microseconds> delays(many, std::chrono::seconds(30));
  return delays;
}
/// Delays from 1 to 100 ms.
const std::vector<microseconds>& near_delays() {
  static const std::vector<microseconds> delays = [] {
    std::mt19937 random(2);
    std::vector<microseconds> all(some);
    for (microseconds& d : all) d = microseconds(1'000 + random() % 99'000);
    return all;
  }();
  return delays;
}
/// In which order the timers are cancelled.
const std::vector<std::size_t>& another_order() {
  static const std::vector<std::size_t> order = [] {
    std::vector<std::size_t> all(many);
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::shuffle(all.begin(), all.end(), std::mt19937(3));
    return all;
  }();
  return order;
}

/// What each timer noted: how long after its deadline it fired.
cost lateness_of(const std::vector<std::int64_t>& late) {
  bench::latencies all(late.size());
  for (const std::int64_t ns : late) all.add(static_cast<double>(ns));
  return all.summary();
}
std::int64_t ns_since(steady::time_point t) { return nanoseconds(steady::now() - t).count(); }

// ── spool ──

cost spool_schedule_cancel(const std::vector<microseconds>& delays) {
  std::deque<spool::timer> timers;
  const stopwatch watch;
  for (const microseconds d : delays) timers.emplace_back(d, [] {}).start();
  for (const std::size_t i : another_order()) benchmark::DoNotOptimize(timers[i].cancel());
  return watch.per_unit(many);
}

cost spool_fire() {
  std::deque<spool::timer> timers;
  std::size_t fired = 0;  // only one callback at a time, as none blocks
  const stopwatch watch;
  for (std::size_t i = 0; i < many; ++i) timers.emplace_back(microseconds(0), [&fired] { ++fired; }).start();
  timers.back().join();
  const cost c = watch.per_unit(many);
  for (const spool::timer& t : timers) t.join();
  benchmark::DoNotOptimize(fired);
  return c;
}

cost spool_lateness() {
  std::vector<std::int64_t> late(some);
  std::deque<spool::timer> timers;
  for (std::size_t i = 0; i < some; ++i) {
    const steady::time_point due = steady::now() + near_delays()[i];
    timers.emplace_back(near_delays()[i], [&late, i, due] { late[i] = ns_since(due); }).start();
  }
  for (const spool::timer& t : timers) t.join();
  return lateness_of(late);
}

// ── Asio ──

#if SPOOL_BENCH_BOOST
namespace asio = boost::asio;

cost asio_schedule_cancel(const std::vector<microseconds>& delays, bool with_handlers) {
  asio::io_context context;
  std::deque<asio::steady_timer> timers;
  const stopwatch watch;
  for (const microseconds d : delays) {
    timers.emplace_back(context, d).async_wait([](const boost::system::error_code&) {});
  }
  for (const std::size_t i : another_order()) benchmark::DoNotOptimize(timers[i].cancel());
  if (with_handlers) context.run();
  const cost c = watch.per_unit(many);
  context.run();
  return c;
}

cost asio_fire() {
  asio::io_context context;
  std::deque<asio::steady_timer> timers;
  std::size_t fired = 0;
  const stopwatch watch;
  for (std::size_t i = 0; i < many; ++i) {
    timers.emplace_back(context, microseconds(0)).async_wait([&fired](const boost::system::error_code&) { ++fired; });
  }
  context.run();
  const cost c = watch.per_unit(many);
  benchmark::DoNotOptimize(fired);
  return c;
}

cost asio_lateness() {
  asio::io_context context;
  std::vector<std::int64_t> late(some);
  std::deque<asio::steady_timer> timers;
  for (std::size_t i = 0; i < some; ++i) {
    const steady::time_point due = steady::now() + near_delays()[i];
    timers.emplace_back(context, due).async_wait([&late, i, due](const boost::system::error_code&) {
      late[i] = ns_since(due);
    });
  }
  context.run();
  return lateness_of(late);
}
#endif

// ── a thread for each ──

class thread_timer {
public:
  template <class F>
  thread_timer(microseconds delay, F f)
      : thread_([this, until = steady::now() + delay, f] {
          std::unique_lock held(mutex_);
          if (!changed_.wait_until(held, until, [this] { return cancelled_; })) f();
        }) {}
  ~thread_timer() { thread_.join(); }
  thread_timer(const thread_timer&) = delete;
  thread_timer& operator=(const thread_timer&) = delete;
  void cancel() {
    const std::lock_guard held(mutex_);
    cancelled_ = true;
    changed_.notify_one();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;  // guarded by mutex_
  std::thread thread_;
};

cost thread_schedule_cancel() {
  std::deque<thread_timer> timers;
  const stopwatch watch;
  for (std::size_t i = 0; i < some; ++i) timers.emplace_back(far_delays()[i], [] {});
  for (thread_timer& t : timers) t.cancel();
  timers.clear();
  return watch.per_unit(some);
}
cost thread_fire() {
  std::deque<thread_timer> timers;
  const stopwatch watch;
  for (std::size_t i = 0; i < some; ++i) timers.emplace_back(microseconds(0), [] {});
  timers.clear();
  return watch.per_unit(some);
}
cost thread_lateness() {
  std::vector<std::int64_t> late(some);
  std::deque<thread_timer> timers;
  for (std::size_t i = 0; i < some; ++i) {
    const steady::time_point due = steady::now() + near_delays()[i];
    timers.emplace_back(near_delays()[i], [&late, i, due] { late[i] = ns_since(due); });
  }
  timers.clear();
  return lateness_of(late);
}

void add_rows() {
  std::vector<bench::contestant> far{{"spool", [] { return spool_schedule_cancel(far_delays()); }}};
  std::vector<bench::contestant> equal{{"spool", [] { return spool_schedule_cancel(equal_delays()); }}};
  std::vector<bench::contestant> fire{{"spool", spool_fire}};
  std::vector<bench::contestant> lateness{{"spool", spool_lateness}};
#if SPOOL_BENCH_BOOST
  far.push_back({"asio", [] { return asio_schedule_cancel(far_delays(), true); }});
  far.push_back({"asio without handlers", [] { return asio_schedule_cancel(far_delays(), false); }});
  equal.push_back({"asio", [] { return asio_schedule_cancel(equal_delays(), true); }});
  equal.push_back({"asio without handlers", [] { return asio_schedule_cancel(equal_delays(), false); }});
  fire.push_back({"asio", asio_fire});
  lateness.push_back({"asio", asio_lateness});
#endif
  far.push_back({"thread each", thread_schedule_cancel});
  fire.push_back({"thread each", thread_fire});
  lateness.push_back({"thread each", thread_lateness});
  bench::add_row("schedule and cancel, due in 10-70 s", std::move(far), {}, {{"asio", 1.0}});
  bench::add_row("schedule and cancel, all due in 30 s", std::move(equal), {}, {{"asio", 1.0}});
  bench::add_row("fire, already due", std::move(fire), {}, {{"asio", 1.0}});
  bench::add_row("lateness, due in 1-100 ms", std::move(lateness), bench::microseconds_each, {{"asio", 1.1}});
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "timer", add_rows); }
