// bench/queue_bench.cpp · the queues beside a mutex with conditions, TBB's, Boost's and moodycamel's
// SPDX-License-Identifier: MIT
//
// Unit: an item; of ping-pong, a round trip. N = 200,000 items, all threads held before the clock, until all have joined.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <numeric>
#include <queue>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/queue.hpp>

#include "support/rounds.hpp"

#if SPOOL_BENCH_TBB
#include <tbb/concurrent_queue.h>
#endif
#if SPOOL_BENCH_CONCURRENTQUEUE
#include <concurrentqueue/blockingconcurrentqueue.h>
#endif
#if SPOOL_BENCH_BOOST_THREAD
#define BOOST_THREAD_VERSION 4
#include <boost/thread/concurrent_queues/sync_bounded_queue.hpp>
#endif

namespace {

using bench::cost;

constexpr std::size_t items = 200'000;
constexpr std::size_t trips = 5'000;
constexpr std::size_t bound = 1024;

template <class Q>
struct spool_like {
  using value_type = typename Q::value_type;
  Q q;
  explicit spool_like(std::size_t maxsize) : q(maxsize) {}
  void put(value_type x) { q.put(std::move(x)); }
  value_type get() { return q.get(); }
};

/// The forms that give up after a second.
template <class Q>
struct timed_like {
  using value_type = typename Q::value_type;
  Q q;
  explicit timed_like(std::size_t maxsize) : q(maxsize) {}
  void put(value_type x) {
    while (!q.put_for(std::move(x), std::chrono::seconds(1))) continue;
  }
  value_type get() {
    for (;;) {
      if (auto x = q.get_for(std::chrono::seconds(1))) return std::move(*x);
    }
  }
};

template <class T>
using heap_of = std::priority_queue<T, std::vector<T>, std::greater<T>>;

/// With counted waiters, so that nobody is notified in vain.
template <class T, class Items>
struct mutex_queue {
  using value_type = T;
  std::mutex m;
  std::condition_variable not_empty, not_full;
  std::size_t getters = 0, putters = 0;
  Items q;
  std::size_t maxsize;
  explicit mutex_queue(std::size_t n) : maxsize(n) {}
  void put(T x) {
    std::unique_lock held(m);
    while (maxsize != 0 && q.size() >= maxsize) {
      ++putters;
      not_full.wait(held);
      --putters;
    }
    push(q, std::move(x));
    const bool wake = getters != 0;
    held.unlock();
    if (wake) not_empty.notify_one();
  }
  T get() {
    std::unique_lock held(m);
    while (q.empty()) {
      ++getters;
      not_empty.wait(held);
      --getters;
    }
    T x = pop(q);
    const bool wake = putters != 0;
    held.unlock();
    if (wake) not_full.notify_one();
    return x;
  }
  static void push(std::deque<T>& to, T x) { to.push_back(std::move(x)); }
  static T pop(std::deque<T>& from) {
    T x = std::move(from.front());
    from.pop_front();
    return x;
  }
  static void push(std::vector<T>& to, T x) { to.push_back(std::move(x)); }
  static T pop(std::vector<T>& from) {
    T x = std::move(from.back());
    from.pop_back();
    return x;
  }
  static void push(heap_of<T>& to, T x) { to.push(std::move(x)); }
  static T pop(heap_of<T>& from) {
    T x = from.top();
    from.pop();
    return x;
  }
};

#if SPOOL_BENCH_TBB
template <class T>
struct tbb_queue {
  using value_type = T;
  tbb::concurrent_bounded_queue<T> q;
  explicit tbb_queue(std::size_t maxsize) {
    if (maxsize != 0) q.set_capacity(static_cast<std::ptrdiff_t>(maxsize));
  }
  void put(T x) { q.push(std::move(x)); }
  T get() {
    T x{};
    q.pop(x);
    return x;
  }
};
#endif
#if SPOOL_BENCH_BOOST_THREAD
template <class T>
struct boost_queue {
  using value_type = T;
  boost::sync_bounded_queue<T> q;
  explicit boost_queue(std::size_t maxsize) : q(maxsize != 0 ? maxsize : 2 * items) {}
  void put(T x) { q.push_back(std::move(x)); }
  T get() {
    T x{};
    q.pull_front(x);
    return x;
  }
};
#endif
#if SPOOL_BENCH_CONCURRENTQUEUE
/// Unbounded.
template <class T>
struct moodycamel_queue {
  using value_type = T;
  moodycamel::BlockingConcurrentQueue<T> q;
  explicit moodycamel_queue(std::size_t) {}
  void put(T x) { q.enqueue(std::move(x)); }
  T get() {
    T x{};
    q.wait_dequeue(x);
    return x;
  }
};
#endif

template <class T>
T made(std::size_t i) {
  if constexpr (std::is_same_v<T, int>) {
    return static_cast<int>(i);
  } else {
    T x(32, ' ');
    for (std::size_t digit = 32; i != 0; i /= 10) x[--digit] = static_cast<char>('0' + i % 10);
    return x;
  }
}
std::uint64_t read(int x) { return static_cast<std::uint64_t>(x); }
std::uint64_t read(const std::string& x) { return std::strtoull(x.c_str(), nullptr, 10); }

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "wrong contents: %s\n", what);
  std::abort();
}

template <class Q>
cost through(std::size_t maxsize, std::size_t putters, std::size_t getters) {
  Q q(maxsize);
  std::atomic<std::uint64_t> sum{0};
  std::barrier together(static_cast<std::ptrdiff_t>(putters + getters + 1));
  std::vector<std::thread> crew;
  for (std::size_t p = 0; p < putters; ++p) {
    crew.emplace_back([&, p] {
      together.arrive_and_wait();  // all are up; the clock starts
      together.arrive_and_wait();
      for (std::size_t i = p; i < items; i += putters) q.put(made<typename Q::value_type>(i));
    });
  }
  for (std::size_t g = 0; g < getters; ++g) {
    crew.emplace_back([&] {
      together.arrive_and_wait();
      together.arrive_and_wait();
      std::uint64_t mine = 0;
      for (std::size_t i = 0; i < items / getters; ++i) mine += read(q.get());
      sum += mine;
    });
  }
  together.arrive_and_wait();
  const bench::stopwatch watch;
  together.arrive_and_wait();
  for (std::thread& t : crew) t.join();
  const cost took = watch.per_unit(items);
  if (sum != std::uint64_t{items} * (items - 1) / 2) wrong("sum");
  return took;
}

template <class Q>
cost ping() {
  Q there(0), back(0);
  std::barrier together(2);
  std::thread other([&] {
    together.arrive_and_wait();
    together.arrive_and_wait();
    for (std::size_t i = 0; i < trips; ++i) back.put(there.get());
  });
  together.arrive_and_wait();
  bench::latencies each(trips);
  together.arrive_and_wait();
  each.start();
  for (std::size_t i = 0; i < trips; ++i) {
    there.put(static_cast<int>(i));
    if (back.get() != static_cast<int>(i)) wrong("ping");
    each.stop();
  }
  other.join();
  return each.summary();
}

template <class Q>
cost solo() {
  Q q(0);
  std::uint64_t sum = 0;
  const bench::stopwatch watch;
  for (std::size_t i = 0; i < items; ++i) {
    q.put(static_cast<int>(i));
    sum += read(q.get());
  }
  const cost took = watch.per_unit(items);
  if (sum != std::uint64_t{items} * (items - 1) / 2) wrong("solo");
  return took;
}

/// One put and one get while `filling` others lie there.
template <class Q>
cost solo_with(std::size_t filling) {
  using item = typename Q::value_type;
  Q q(0);
  std::uint32_t random = 1;
  const auto next = [&random] {
    random = random * 1664525u + 1013904223u;
    return made<item>((random >> 8) % 100'000u);
  };
  std::vector<item> all;
  for (std::size_t i = 0; i < filling; ++i) q.put(next());
  for (std::size_t i = 0; i < items / 4; ++i) all.push_back(next());
  std::uint64_t last = 0;
  const bench::stopwatch watch;
  for (item& x : all) {
    q.put(std::move(x));
    last = read(q.get());
  }
  const cost took = watch.per_unit(items / 4);
  for (std::size_t i = 0; i < filling; ++i) {
    if (const std::uint64_t now = read(q.get()); now < std::exchange(last, now) && i != 0) wrong("order");
  }
  return took;
}

cost many_through() {
  spool::queue<int> q(bound);
  std::barrier together(2);
  std::thread putter([&] {
    std::vector<int> some(64);
    together.arrive_and_wait();
    together.arrive_and_wait();
    for (std::size_t i = 0; i < items; i += some.size()) {
      std::iota(some.begin(), some.end(), static_cast<int>(i));
      q.put_many(some);
    }
  });
  std::vector<int> some(64);
  std::uint64_t sum = 0;
  together.arrive_and_wait();
  const bench::stopwatch watch;
  together.arrive_and_wait();
  for (std::size_t left = items; left != 0;) {
    const std::size_t n = q.get_many(some.begin(), some.size());
    for (std::size_t i = 0; i < n; ++i) sum += read(some[i]);
    left -= n;
  }
  const cost took = watch.per_unit(items);
  putter.join();
  if (sum != std::uint64_t{items} * (items - 1) / 2) wrong("many");
  return took;
}

std::string crews(std::size_t n) { return std::to_string(n) + "P" + std::to_string(n) + "C"; }

template <class T>
void add_through(const char* type) {
  for (std::size_t maxsize : {bound, std::size_t{0}}) {
    for (std::size_t n : {1, 2, 4}) {
      std::vector<bench::contestant> all;
      const auto add = [&](const char* name, auto f) { all.push_back({name, [=] { return f(maxsize, n, n); }}); };
      add("spool", through<spool_like<spool::queue<T>>>);
      add("mutex", through<mutex_queue<T, std::deque<T>>>);
#if SPOOL_BENCH_TBB
      add("tbb", through<tbb_queue<T>>);
#endif
#if SPOOL_BENCH_BOOST_THREAD
      if (maxsize != 0) add("boost", through<boost_queue<T>>);
#endif
#if SPOOL_BENCH_CONCURRENTQUEUE
      if (maxsize == 0) add("moodycamel", through<moodycamel_queue<T>>);
#endif
      const std::string row = std::string(type) + (maxsize != 0 ? ", bounded, " : ", unbounded, ") + crews(n);
      std::vector<bench::target> targets;
      if (std::is_same_v<T, int>) {
        targets = maxsize != 0 ? std::vector<bench::target>{{"tbb", 0.5}, {"boost", 0.5}}
                               : std::vector<bench::target>{{"moodycamel", 0.9}};
      }
      bench::add_row(row, std::move(all), {}, std::move(targets));
    }
  }
}

void add_rows() {
  add_through<int>("int");
  add_through<std::string>("string");
  std::vector<bench::contestant> pings{{"spool", ping<spool_like<spool::queue<int>>>},
                                       {"mutex", ping<mutex_queue<int, std::deque<int>>>}};
  std::vector<bench::contestant> solos{{"spool", solo<spool_like<spool::queue<int>>>},
                                       {"mutex", solo<mutex_queue<int, std::deque<int>>>}};
#if SPOOL_BENCH_TBB
  pings.push_back({"tbb", ping<tbb_queue<int>>});
  solos.push_back({"tbb", solo<tbb_queue<int>>});
#endif
#if SPOOL_BENCH_CONCURRENTQUEUE
  pings.push_back({"moodycamel", ping<moodycamel_queue<int>>});
  solos.push_back({"moodycamel", solo<moodycamel_queue<int>>});
#endif
  bench::add_row("ping-pong", std::move(pings), {}, {{"moodycamel", 1.0}});
  bench::add_row("solo", std::move(solos), {}, {{"mutex", 1.0}});
  bench::add_row("solo, timed",
                 {{"timed", solo<timed_like<spool::queue<int>>>}, {"untimed", solo<spool_like<spool::queue<int>>>}}, {},
                 {{"untimed", 1.5}});
  for (std::size_t n : {1, 2, 4}) {
    bench::add_row("int, bounded, " + crews(n) + ", timed",
                   {{"timed", [n] { return through<timed_like<spool::queue<int>>>(bound, n, n); }},
                    {"untimed", [n] { return through<spool_like<spool::queue<int>>>(bound, n, n); }}},
                   {}, {{"untimed", 1.5}});
    bench::add_row("lifo_queue, bounded, " + crews(n),
                   {{"spool", [n] { return through<spool_like<spool::lifo_queue<int>>>(bound, n, n); }},
                    {"mutex", [n] { return through<mutex_queue<int, std::vector<int>>>(bound, n, n); }}},
                   {}, {{"mutex", 1.0}});
    bench::add_row("priority_queue, bounded, " + crews(n),
                   {{"spool", [n] { return through<spool_like<spool::priority_queue<int>>>(bound, n, n); }},
                    {"mutex", [n] { return through<mutex_queue<int, heap_of<int>>>(bound, n, n); }}},
                   {}, {{"mutex", 1.0}});
  }
  for (std::size_t n : {0, 512}) {
    const std::string filled = ", solo, " + std::to_string(n) + " others in it";
    bench::add_row("priority_queue of int" + filled,
                   {{"spool", [n] { return solo_with<spool_like<spool::priority_queue<int>>>(n); }},
                    {"mutex", [n] { return solo_with<mutex_queue<int, heap_of<int>>>(n); }}},
                   {}, {{"mutex", 1.0}});
    bench::add_row("priority_queue of string" + filled,
                   {{"spool", [n] { return solo_with<spool_like<spool::priority_queue<std::string>>>(n); }},
                    {"mutex", [n] { return solo_with<mutex_queue<std::string, heap_of<std::string>>>(n); }}},
                   {}, {{"mutex", 1.0}});
  }
  bench::add_row(
      "put_many and get_many, 64 at a time",
      {{"spool", many_through}, {"one by one", [] { return through<spool_like<spool::queue<int>>>(bound, 1, 1); }}});
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "queue", add_rows); }
