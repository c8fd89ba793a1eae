// tests/flags/warnings.cpp · every public template of spool, for a compiler that is asked for many warnings
// SPDX-License-Identifier: MIT
//
// A user's program finds the headers by -I, so that they are its own code for the compiler. Here they meet small and
// floating types, results that are [[nodiscard]], callables that are noexcept, and clocks of few bits.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

namespace {

using short_time = std::chrono::duration<short, std::milli>;
using real_time = std::chrono::duration<float>;
constexpr short_time soon{1};
constexpr real_time a_little{0.001F};
auto now() { return std::chrono::system_clock::now(); }

struct [[nodiscard]] status {
  int code = 0;
};
[[nodiscard]] int important() { return 1; }
[[nodiscard]] int important_of(int x) noexcept { return x; }
[[nodiscard]] float important_of_float(float x) noexcept { return x; }

/// Moves by an operation that may throw.
struct heavy {
  heavy() = default;
  explicit heavy(int v) : value(v) {}
  heavy(const heavy&) = default;
  heavy(heavy&& other) noexcept(false) : value(other.value) {}
  heavy& operator=(const heavy&) = default;
  heavy& operator=(heavy&& other) noexcept(false) {
    value = other.value;
    return *this;
  }
  ~heavy() = default;
  friend bool operator<(const heavy& a, const heavy& b) { return a.value < b.value; }
  int value = 0;
};
struct alignas(128) wide {
  char c = 'w';
};
struct fixed {
  const short value;
};
struct method {
  [[nodiscard]] status call(int) const { return {}; }
  int member = 1;
};
struct task_object {
  [[nodiscard]] status run(char) { return {}; }
};

template <class Lock>
int use_lock(Lock& lock) {
  int taken = 0;
  if (lock.try_lock()) taken = (lock.unlock(), taken + 1);
  if (lock.try_lock_for(soon)) taken = (lock.unlock(), taken + 1);
  if (lock.try_lock_for(a_little)) taken = (lock.unlock(), taken + 1);
  if (lock.try_lock_until(now())) taken = (lock.unlock(), taken + 1);
  const std::scoped_lock<Lock> held(lock);
  return taken + (lock.locked() ? 1 : 0);
}

int use_waits() {
  spool::mutex lock;
  spool::recursive_mutex again;
  int n = use_lock(lock) + use_lock(again);
  spool::condition changed;
  std::stop_source stop;
  stop.request_stop();
  {
    std::unique_lock<spool::mutex> held(lock);
    changed.notify(1U);
    n += changed.wait_for(held, soon) ? 1 : 0;
    n += changed.wait_for(held, a_little, [] { return true; }) ? 1 : 0;
    n += changed.wait_until(held, now()) ? 1 : 0;
    n += changed.wait_until(held, now(), [] { return std::true_type(); }) ? 1 : 0;
    n += changed.wait(held, stop.get_token(), [] { return true; }) ? 1 : 0;
    changed.wait(held, [] { return true; });
  }
  {
    const std::lock_guard<spool::recursive_mutex> held(again);
    changed.wait(again, [] { return true; });
    n += changed.wait_for(again, soon) ? 1 : 0;
  }
  spool::semaphore free(2);
  spool::bounded_semaphore bounded(1);
  {
    const spool::permit a(free);
    const spool::permit b(bounded);
    n += bounded.try_acquire_for(soon) ? 1 : 0;
    n += bounded.try_acquire_until(now()) ? 1 : 0;
    n += free.acquire(stop.get_token()) ? 1 : 0;
  }
  free.release();
  spool::event happened;
  n += happened.wait_for(a_little) ? 1 : 0;
  n += happened.wait_until(now()) ? 1 : 0;
  n += happened.wait(stop.get_token()) ? 1 : 0;
  happened.set();
  spool::barrier alone(1, [] { return status{}; });
  spool::barrier plain(1);
  n += static_cast<int>(alone.wait() + alone.wait_for(soon) + alone.wait_until(now()) + plain.wait());
  return n;
}

template <class Queue, class Make>
std::size_t use_queue(Queue& q, Make make) {
  using item = typename Queue::value_type;
  std::size_t n = 0;
  q.put(make());
  q.emplace(make());
  n += q.try_put(make()) ? 1U : 0U;
  n += q.put_for(make(), soon) ? 1U : 0U;
  n += q.put_until(make(), now()) ? 1U : 0U;
  n += q.put(make(), std::stop_token()) ? 1U : 0U;
  std::list<item> chain;
  chain.push_back(make());
  q.put_many(std::move(chain));
  std::vector<item> row;
  row.push_back(make());
  q.put_many(std::move(row));
  std::vector<item> out;
  n += q.get_many(std::back_inserter(out), 2);
  const item one = q.get();
  static_cast<void>(one);
  n += q.try_get().has_value() ? 1U : 0U;
  n += q.get_for(a_little).has_value() ? 1U : 0U;
  n += q.get_until(now()).has_value() ? 1U : 0U;
  n += q.get(std::stop_token()).has_value() ? 1U : 0U;
  q.task_done();
  n += q.join_for(soon) ? 1U : 0U;
  n += q.join_until(now()) ? 1U : 0U;
  q.shutdown();
  for (item& left : q) {
    static_cast<void>(left);
    ++n;
  }
  return n + q.size() + q.maxsize() + (q.full() ? 1U : 0U) + (q.empty() ? 1U : 0U);
}

std::size_t use_queues() {
  std::size_t n = 0;
  spool::queue<char> chars(20);
  n += use_queue(chars, [] { return 'c'; });
  spool::lifo_queue<short> shorts;
  n += use_queue(shorts, [] { return short{1}; });
  spool::priority_queue<float> floats;
  n += use_queue(floats, [] { return 0.5F; });
  spool::priority_queue<double, std::greater<>> doubles;
  n += use_queue(doubles, [] { return 0.5; });
  spool::priority_queue<unsigned char> bytes;
  n += use_queue(bytes, [] { return static_cast<unsigned char>('b'); });
  spool::priority_queue<heavy> heavies;
  n += use_queue(heavies, [] { return heavy(1); });
  spool::lifo_queue<fixed> constants;
  n += use_queue(constants, [] { return fixed{1}; });
  spool::queue<std::unique_ptr<int>> owners;
  n += use_queue(owners, [] { return std::make_unique<int>(1); });
  spool::queue<bool> bits;
  n += use_queue(bits, [] { return true; });
  spool::queue<wide> wides;
  n += use_queue(wides, [] { return wide(); });
  spool::queue<std::string> strings;
  strings.put_many(std::vector<const char*>{"a", "b"});
  strings.put_many(std::array<std::string_view, 1>{"c"});
  strings.shutdown(true);
  return n;
}

int use_threads() {
  task_object object;
  spool::thread plain([](std::stop_token) { return status{}; });
  spool::thread named(spool::thread_options{.name = "named", .daemon = false}, important_of, short{1});
  spool::thread running(std::ref(object), 'r');
  spool::thread by_method(&method::call, method{}, 1);
  for (spool::thread* t : {&plain, &named, &running, &by_method}) {
    t->start();
    static_cast<void>(t->join_for(soon));
    static_cast<void>(t->join_until(now()));
    t->join();
  }
  spool::timer once(soon, important);
  spool::timer real(a_little, important_of, short{1});
  spool::periodic_timer often(soon, [](char&) noexcept { return status{}; }, 'p');
  once.start();
  real.start();
  often.start();
  static_cast<void>(once.join_for(soon));
  static_cast<void>(once.join_until(now()));
  once.join();
  real.join();
  return often.cancel() ? static_cast<int>(spool::enumerate().size() + spool::active_count()) : 0;
}

spool::future<short> add(spool::thread_pool& pool, spool::future<short> a) {
  co_await pool.schedule();
  const short value = co_await a;
  co_return static_cast<short>(value + co_await pool.submit([] { return short{1}; }));
}
spool::future<void> nothing(spool::future<short> a) { static_cast<void>(co_await std::move(a)); }

template <class T>
int use_future(spool::future<T> f) {
  int n = f.wait_for(soon) || f.wait_until(now()) || f.wait(std::stop_token()) ? 1 : 0;
  f.wait();
  static_cast<void>(f.result());
  static_cast<void>(f.result_for(a_little));
  static_cast<void>(f.result_until(now()));
  static_cast<void>(f.exception());
  static_cast<void>(f.exception_for(soon));
  static_cast<void>(f.exception_until(now()));
  f.add_done_callback([](const auto&) { return status{}; });
  n += f.cancel() || f.request_stop() || f.running() || f.cancelled() ? 1 : 0;
  n += std::hash<spool::future<T>>()(f) == 0 ? 1 : 0;
  if constexpr (!std::is_void_v<T>) static_cast<void>(spool::future<T>(f).result());
  return n;
}

int use_futures(spool::thread_pool& pool) {
  int n = use_future(pool.submit(important));
  n += use_future(pool.submit([] { return 'c'; }));
  n += use_future(pool.submit([] { return 0.5F; }));
  n += use_future(pool.submit([] { return heavy(1); }));
  n += use_future(pool.submit([] { return wide(); }));
  n += use_future(pool.submit([] { return fixed{1}; }));
  n += use_future(pool.submit([] { return status{}; }));
  n += use_future(pool.submit([]() noexcept {}));
  n += use_future(pool.submit([&n]() -> int& { return n; }));
  n += use_future(pool.submit([](std::stop_token) { return short{1}; }));
  n += use_future(pool.submit(&method::call, method{}, short{1}));
  n += use_future(pool.submit(&method::member, method{}));
  n += use_future(pool.submit([](auto... all) { return (all + ...); }, 'c', 1.5F));
  const auto text = pool.submit([](std::string_view s) { return std::string(s); }, "text");
  n += use_future(text.then([](const std::string& s) { return s.size(); }));
  n += use_future(text.then(pool, [](const std::string& s) { return s.front(); }));
  n += use_future(text.then(pool, [](std::stop_token, const std::string&) noexcept { return status{}; }));
  n += use_future(pool.submit([] { return std::make_unique<int>(1); }).then([](std::unique_ptr<int> p) { return *p; }));
  n += use_future(pool.submit([] {}).then(pool, [] { return status{}; }));
  spool::promise<float> late;
  auto early = late.get_future();
  late.set_value(0.5F);
  spool::promise<void> failed;
  failed.set_exception(std::make_exception_ptr(std::runtime_error("on purpose")));
  n += failed.get_future().exception() != nullptr ? 1 : 0;
  spool::promise<int&> referring;
  referring.set_value(n);
  n += use_future(early) + referring.get_future().result();
  auto sum = add(pool, pool.submit([] { return short{1}; }));
  nothing(pool.submit([] { return short{1}; })).wait();
  const std::vector<spool::future<short>> both{sum, pool.submit([] { return short{2}; })};
  n += static_cast<int>(spool::wait(both).done.size());
  n += static_cast<int>(spool::wait_for(both, a_little, spool::first_completed).done.size());
  n += static_cast<int>(spool::wait_until(both, now(), spool::first_exception).done.size());
  for (auto& f : spool::as_completed(both)) n += f.result();
  for (auto& f : spool::as_completed_for(both, soon)) n += f.result();
  for (auto& f : spool::as_completed_until(both, now())) n += f.result();
  return n;
}

int use_maps(spool::thread_pool& pool) {
  int n = 0;
  std::vector<char> chars{'a', 'b'};
  const std::array<short, 2> shorts{1, 2};
  std::list<float> floats{0.5F, 1.5F};
  std::vector<bool> bits{true, false};
  std::vector<heavy> heavies(2);
  for (const char& c : pool.map([](char x) { return x; }, chars)) n += c;
  for (status& s : pool.map([](char, short, float, bool) { return status{}; }, chars, shorts, floats, bits))
    n += s.code;
  for (status& s : pool.map_unordered(
           {.chunk_size = 2, .buffer_size = 2, .timeout = a_little * 10000},
           [](std::stop_token, const heavy&) { return status{}; }, heavies)) {
    n += s.code;
  }
  auto wides = pool.map([](float) noexcept { return wide(); }, floats);
  for (const int& i : pool.map([](const wide& w) { return int{w.c}; }, wides)) n += i;
  auto nothings = pool.map_unordered([](int) {}, std::vector<int>{1});
  for (auto it = nothings.begin(); it != nothings.end(); ++it) *it;
  pool.for_each(chars, [](char) { return status{}; });
  pool.for_each(shorts, [](short) noexcept { return 1.5F; });
  pool.for_each(floats, important_of_float);
  pool.for_each(bits, [](bool) {});
  const std::vector<method> methods(2);
  pool.for_each(methods, &method::member);
  return n;
}

int use_pool() {
  spool::thread_pool pool(spool::pool_options{
      .max_workers = 2, .thread_name_prefix = "w", .initializer = [] { return status{}; }, .max_pending = 100});
  pool.post([] { return status{}; });
  pool.post(important);
  pool.post(important_of, short{1});
  pool.post([](std::stop_token) { return status{}; });
  pool.post(&method::call, method{}, 1);
  int n = pool.try_submit(important).has_value() ? 1 : 0;
  n += use_futures(pool) + use_maps(pool);
  n += pool.wait_idle_for(a_little) || pool.wait_idle_until(now()) ? 1 : 0;
  n += static_cast<int>(pool.max_workers() + pool.worker_count() + pool.pending());
  n += pool.shutdown_for(soon, {.cancel_pending = true}) || pool.shutdown_until(now()) ? 1 : 0;
  pool.shutdown({.wait = true, .cancel_pending = false, .request_stop = true});
  return n;
}

}  // namespace

int main() {
  const auto before = spool::set_excepthook([](const spool::thread_info&, std::exception_ptr) { return status{}; });
  const auto n = static_cast<std::size_t>(use_waits() + use_threads() + use_pool()) + use_queues();
  static_cast<void>(spool::set_excepthook(before));
  std::printf("%zu, without a warning\n", n);
}
