// tests/system_faults_test.cpp · all of the library when the C library refuses it memory and threads, at every point
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

#include "support/eventually.hpp"
#include "support/hand.hpp"
#include "support/refusal_sweep.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;

namespace {

const std::string long_name(100, 'n');

/// Held by callables and arguments: shows whether a copy of one is left anywhere.
struct token {
  std::shared_ptr<int> shown = std::make_shared<int>(1);
  bool only_one() const { return shown.use_count() == 1; }
};

/// Two workers, one of which may not have been started; all that went in is out again when it is idle.
struct workplace {
  thread_pool pool{2};
  token mine;
  std::vector<int> data = std::vector<int>(20, 1);

  workplace() {
    pool.submit([] {}).wait();
  }
  bool is_clean() {
    pool.wait_idle();
    return pool.pending() == 0 && mine.only_one();
  }
};

template <class Range>
int sum_of(Range&& results) {
  int sum = 0;
  for (auto&& each : results) sum += each;
  return sum;
}

// ── coroutines ──

future<int> plus_one(token held, future<int> f) {
  const int got = co_await f;
  co_return got + *held.shown;
}

future<int> hops(thread_pool& pool, token held) {
  co_await pool.schedule();
  const auto call = [held](int i) { return i + *held.shown; };
  const future<int> task = pool.submit(call, 1);
  const int two = co_await task;
  const int three = co_await plus_one(held, pool.submit(call, two - 1));
  co_await pool.schedule();
  co_return three;
}

}  // namespace

TEST_CASE("a coroutine that is refused memory or a thread throws, or its future does, and nothing of it is left") {
  workplace w;
  const auto clean = [&] { return w.is_clean(); };
  CHECK(sweep({
            {"start", [&] { return plus_one(w.mine, spool::promise<int>().get_future()).valid(); }, clean},
            {"await of a promise's future",
             [&] {
               promise<int> p;
               const future<int> f = plus_one(w.mine, p.get_future());
               p.set_value(1);
               return f.result() == 2;
             },
             clean},
            {"await of tasks and hops", [&] { return hops(w.pool, w.mine).result() == 3; }, clean},
            {"hop into a pool without a worker",
             [&] {
               thread_pool fresh(2);
               return hops(fresh, w.mine).result() == 3;
             },
             clean},
        }) == std::vector<std::string>{});
  CHECK(w.is_clean());
}

// ── pools ──

TEST_CASE("what a pool is asked while memory or threads are refused it does, or throws and has not begun it") {
  workplace w;
  const auto clean = [&] { return w.is_clean(); };
  std::atomic<int> ran{0};
  const auto call = [&](int i, token const& t) {
    ++ran;
    return i + *t.shown;
  };
  const auto stoppable = [&](std::stop_token const& stop, int i, token const& t) {
    ++ran;
    return stop.stop_requested() ? 0 : i + *t.shown;
  };
  // What came through ran once; what did not, never.
  const auto counted = [&](auto act) {
    return [&ran, act] {
      ran = 0;
      return act() && ran == 1;
    };
  };
  const auto not_begun = [&] { return w.is_clean() && ran == 0; };
  CHECK(sweep({
            {"submit", counted([&] { return w.pool.submit(call, 1, w.mine).result() == 2; }), not_begun},
            {"submit with a token", counted([&] { return w.pool.submit(stoppable, 1, w.mine).result() == 2; }),
             not_begun},
            {"try_submit", counted([&] { return w.pool.try_submit(call, 1, w.mine)->result() == 2; }), not_begun},
            {"post", counted([&] {
               w.pool.post([&ran, held = w.mine] { ran += *held.shown; });
               w.pool.wait_idle();
               return true;
             }),
             not_begun},
            {"the first submit", counted([&] {
               thread_pool fresh({.max_workers = 2, .thread_name_prefix = long_name});
               return fresh.submit(call, 1, w.mine).result() == 2;
             }),
             not_begun},
            {"a pool with an initializer",
             [&] {
               std::atomic<int> initialized{0};
               {
                 thread_pool fresh(
                     {.max_workers = 1, .initializer = [&initialized, held = w.mine] { initialized += *held.shown; }});
                 if (fresh.submit(call, 1, w.mine).result() != 2) return false;
               }
               return initialized == 1;
             },
             clean},
            {"children of a task",
             [&] {
               return w.pool
                          .submit([&] {
                            const auto child = w.pool.submit(call, 1, w.mine);
                            return child.result() + w.pool.submit(call, 1, w.mine).result();
                          })
                          .result() == 4;
             },
             clean},
            {"then in a pool",
             [&] {
               promise<int> p;
               const auto next = p.get_future().then(w.pool, [held = w.mine](int i) { return i + *held.shown; });
               p.set_value(1);
               return next.result() == 2;
             },
             clean},
            {"then in a pool without a worker",
             [&] {
               thread_pool fresh(1);
               promise<int> p;
               const auto next = p.get_future().then(fresh, [held = w.mine](int i) { return i + *held.shown; });
               p.set_value(1);
               return next.result() == 2;
             },
             clean},
            {"then of a task",
             [&] {
               const auto next = [held = w.mine](int i) { return i + *held.shown; };
               return w.pool.submit(call, 1, w.mine).then(next).then(w.pool, next).result() == 4;
             },
             clean},
            {"a callback",
             [&] {
               int called = 0;
               promise<int> p;
               p.get_future().add_done_callback(
                   [&called, held = w.mine](future<int> const& f) { called += f.result(); });
               p.set_value(1);
               return called == 1;
             },
             clean},
        }) == std::vector<std::string>{});
  CHECK(w.is_clean());
}

TEST_CASE("a map that is refused memory or threads gives every result, or throws and nothing of it goes on") {
  workplace w;
  const auto clean = [&] { return w.is_clean(); };
  const auto call = [held = std::cref(w.mine)](int i) { return i + *held.get().shown; };
  const int all = 2 * static_cast<int>(w.data.size());
  const spool::map_options chunks{.chunk_size = 3};
  const spool::map_options window{.chunk_size = 2, .buffer_size = 5};
  CHECK(
      sweep({
          {"map", [&] { return sum_of(w.pool.map(call, w.data)) == all; }, clean},
          {"map in chunks", [&] { return sum_of(w.pool.map(chunks, call, w.data)) == all; }, clean},
          {"map through a window", [&] { return sum_of(w.pool.map(window, call, w.data)) == all; }, clean},
          {"map_unordered", [&] { return sum_of(w.pool.map_unordered(call, w.data)) == all; }, clean},
          {"map_unordered in chunks", [&] { return sum_of(w.pool.map_unordered(chunks, call, w.data)) == all; }, clean},
          {"map_unordered through a window", [&] { return sum_of(w.pool.map_unordered(window, call, w.data)) == all; },
           clean},
          {"map on a pool without a worker",
           [&] {
             thread_pool fresh(2);
             return sum_of(fresh.map(call, w.data)) == all;
           },
           clean},
          {"map in a task",
           [&] { return w.pool.submit([&] { return sum_of(w.pool.map(call, w.data)); }).result() == all; }, clean},
          {"a map that is left early",
           [&] {
             auto results = w.pool.map(call, w.data);
             return *results.begin() == 2;
           },
           clean},
      }) == std::vector<std::string>{});
  CHECK(w.is_clean());
}

TEST_CASE("for_each visits every element once, whatever memory and threads are refused") {
  workplace w;
  const auto visits_all = [](thread_pool& pool) {
    std::array<std::atomic<int>, 40> visits{};
    pool.for_each(visits, [](std::atomic<int>& each) { ++each; });
    return std::all_of(visits.begin(), visits.end(), [](std::atomic<int>& each) { return each == 1; });
  };
  CHECK(sweep({
            {"for_each", [&] { return visits_all(w.pool); }, [] { return false; }},
            {"for_each in a task",
             [&] {
               bool all = false;
               w.pool.submit([&] { all = visits_all(w.pool); }).wait();
               return all;
             },
             [&] { return w.is_clean(); }},
            {"for_each on a pool without a worker",
             [&] {
               thread_pool fresh(2);
               return visits_all(fresh);
             },
             [] { return true; }},
        }) == std::vector<std::string>{});
  CHECK(w.is_clean());
}

TEST_CASE("a wait for many futures that is refused memory or threads leaves nothing behind on them") {
  workplace w;
  const auto clean = [&] { return w.is_clean(); };
  const auto call = [](int i, token const& t) { return i + *t.shown; };
  const auto tasks = [&](thread_pool& pool) {
    std::vector<future<int>> all;
    for (int i = 0; i < 5; ++i) all.push_back(pool.submit(call, i, w.mine));
    return all;
  };
  const auto sum_as_completed = [](auto&& range) {
    int sum = 0;
    for (auto& f : range) sum += f.result();
    return sum;
  };
  CHECK(sweep({
            {"wait", [&] { return spool::wait(tasks(w.pool)).done.size() == 5; }, clean},
            {"wait for the first", [&] { return !spool::wait(tasks(w.pool), spool::first_completed).done.empty(); },
             clean},
            {"wait for an exception",
             [&] { return spool::wait(tasks(w.pool), spool::first_exception).done.size() == 5; }, clean},
            {"wait with a limit", [&] { return spool::wait_for(tasks(w.pool), 1h).done.size() == 5; }, clean},
            {"as_completed", [&] { return sum_as_completed(spool::as_completed(tasks(w.pool))) == 15; }, clean},
            {"as_completed with a limit",
             [&] { return sum_as_completed(spool::as_completed_for(tasks(w.pool), 1h)) == 15; }, clean},
            {"as_completed in a task",
             [&] {
               return w.pool.submit([&] { return sum_as_completed(spool::as_completed(tasks(w.pool))); }).result() ==
                      15;
             },
             clean},
        }) == std::vector<std::string>{});
  CHECK(w.is_clean());
}

TEST_CASE("a pool that was refused memory and threads ends, and every future with it") {
  token mine;
  const auto call = [](int i, token const& t) { return i + *t.shown; };
  CHECK(sweep({
            {"shutdown",
             [&] {
               thread_pool pool(2);
               const auto f = pool.submit(call, 1, mine);
               pool.shutdown();
               return f.result() == 2;
             },
             [&] { return mine.only_one(); }},
            {"shutdown that cancels",
             [&] {
               future<int> f, g;
               {
                 thread_pool pool(1);
                 f = pool.submit(call, 1, mine);
                 g = f.then(pool, [mine](int i) { return i + *mine.shown; });
                 pool.shutdown({.cancel_pending = true, .request_stop = true});
               }
               return f.done() && g.done();
             },
             [&] { return mine.only_one(); }},
        }) == std::vector<std::string>{});
  CHECK(mine.only_one());
}

// ── waits and queues ──

TEST_CASE("a wait with a limit or a stop token that is refused memory loses nothing that comes meanwhile") {
  hand other;
  spool::queue<std::string> q, full(1);
  int put = 0, taken = 0;  // by the other, by the caller
  spool::mutex m;
  spool::condition c;
  spool::semaphore s(0);
  spool::event e;
  spool::barrier b(2);
  bool told = false;
  std::stop_source* stop = nullptr;
  const auto put_one = [&] {
    other.await_idle();
    other.tell([&] { q.put(long_name), ++put; });
  };
  const auto take = [&](std::optional<std::string> x) {
    if (!x) return false;
    ++taken;
    return *x == long_name;
  };
  const auto nothing_lost = [&] {
    other.await_idle();
    while (q.try_get()) ++taken;
    return put == taken;
  };
  const auto make_room = [&] {
    other.await_idle();
    if (!full.full()) full.put("x");
    other.tell([&] { full.get(); });
  };
  const auto room_left = [&] {
    other.await_idle();
    return full.empty();
  };
  CHECK(sweep({
            {"get_for", [&] { return put_one(), take(q.get_for(1h)); }, nothing_lost, true},
            {"get with a stop token",
             [&] {
               const std::stop_source mine;
               return put_one(), take(q.get(mine.get_token()));
             },
             nothing_lost, true},
            {"get that is stopped",
             [&] {
               std::stop_source mine;
               stop = &mine;
               other.await_idle();
               other.tell([&] { stop->request_stop(); });
               const bool none = !q.get(mine.get_token());
               other.await_idle();
               return none;
             },
             nothing_lost, true},
            {"get", [&] { return put_one(), take(q.get()); }, nothing_lost, true},
            {"get_many",
             [&] {
               put_one();
               std::vector<std::string> out;
               out.reserve(3);
               const std::size_t n = q.get_many(std::back_inserter(out), 3);
               taken += static_cast<int>(n);
               return n == 1 && out.front() == long_name;
             },
             nothing_lost, true},
            {"put_for", [&] { return make_room(), full.put_for(long_name, 1h) && full.get() == long_name; }, room_left,
             true},
            {"put with a stop token",
             [&] {
               const std::stop_source mine;
               return make_room(), full.put(long_name, mine.get_token()) && full.get() == long_name;
             },
             room_left, true},
        }) == std::vector<std::string>{});

  // These need no memory for themselves, only their stop sources do.
  const auto set_told = [&] {
    const std::scoped_lock held(m);
    told = true;
    c.notify_all();
  };
  CHECK(sweep({
            {"condition with a stop token",
             [&] {
               const std::stop_source mine;
               std::unique_lock held(m);
               told = false;
               other.await_idle();
               other.tell([&] { set_told(); });
               const bool saw = c.wait(held, mine.get_token(), [&] { return told; });
               held.unlock();
               other.await_idle();
               return saw;
             }},
            {"condition that is stopped",
             [&] {
               std::stop_source mine;
               stop = &mine;
               std::unique_lock held(m);
               other.await_idle();
               other.tell([&] { stop->request_stop(); });
               const bool saw = c.wait(held, mine.get_token(), [] { return false; });
               held.unlock();
               other.await_idle();
               return !saw;
             }},
            {"semaphore with a stop token",
             [&] {
               const std::stop_source mine;
               other.await_idle();
               other.tell([&] { s.release(); });
               return s.acquire(mine.get_token());
             }},
            {"event with a stop token",
             [&] {
               const std::stop_source mine;
               e.clear();
               other.await_idle();
               other.tell([&] { e.set(); });
               const bool seen = e.wait(mine.get_token());
               other.await_idle();
               return seen;
             }},
            {"barrier, and a promise's future with a stop token",
             [&] {
               promise<int> p;
               const std::stop_source mine;
               other.await_idle();
               other.tell([&] { b.wait(); });
               const auto mine_of_two = b.wait_for(1h);
               other.await_idle();
               p.set_value(1);
               return mine_of_two < 2 && p.get_future().wait(mine.get_token());
             }},
        }) == std::vector<std::string>{});
}

TEST_CASE("what is put into a queue while memory is refused is there, or is not and the queue as before") {
  spool::queue<std::string> q;
  spool::lifo_queue<std::string> lifo;
  spool::priority_queue<std::string> smallest;
  const std::vector<std::string> several{"a", "b", long_name};
  const auto put_and_get = [](auto& queue) { return queue.put(long_name), queue.get() == long_name; };
  const auto drained = [](auto& queue) {
    while (queue.try_get()) continue;
    return queue.empty();
  };
  CHECK(sweep({
            {"put", [&] { return put_and_get(q); }, [&] { return q.size() <= 1 && drained(q); }},
            {"put, last in first out", [&] { return put_and_get(lifo); },
             [&] { return lifo.size() <= 1 && drained(lifo); }},
            {"put, smallest first", [&] { return put_and_get(smallest); },
             [&] { return smallest.size() <= 1 && drained(smallest); }},
            {"put_many", [&] { return q.put_many(several), q.size() == 3 && drained(q); },
             [&] { return q.size() <= 3 && drained(q); }},
            {"join",
             [&] {
               spool::queue<std::string> mine;
               mine.put(long_name);
               static_cast<void>(mine.get());
               mine.task_done();
               return mine.join_for(1h);
             }},
            {"iteration",
             [&] {
               spool::queue<std::string> mine;
               mine.put(long_name);
               mine.put("b");
               mine.shutdown();
               int n = 0;
               for (const std::string& each : mine) n += each.empty() ? 0 : 1;
               return n == 2;
             }},
        }) == std::vector<std::string>{});
}

// ── threads, timers, the excepthook ──

TEST_CASE("a thread that is refused memory or itself says so, is as before, and can be started again") {
  token mine;
  std::atomic<int> ran{0};
  const std::size_t before = spool::active_count();
  const auto as_before = [&] { return mine.only_one() && spool::active_count() == before && ran == 0; };
  const auto body = [&ran](token const& t) { ran += *t.shown; };
  CHECK(sweep({
            {"a thread",
             [&] {
               ran = 0;
               spool::thread t(body, mine);
               t.start();
               t.join();
               return ran.exchange(0) == 1;
             },
             as_before},
            {"a named thread",
             [&] {
               ran = 0;
               spool::thread t(spool::thread_options{.name = long_name}, body, mine);
               t.start();
               t.join();
               return t.name() == long_name && ran == 1;
             },
             [&] { return (ran = 0), as_before(); }},
            {"names, and the list of threads",
             [&] {
               spool::event go;
               spool::thread t(spool::thread_options{.name = "t"}, [&go](token const&) { go.wait(); }, mine);
               t.start();
               const auto end = std::unique_ptr<spool::event, void (*)(spool::event*)>(
                   &go, [](spool::event* waited_for) { waited_for->set(); });
               t.set_name(long_name);
               const auto all = spool::enumerate();
               return std::any_of(all.begin(), all.end(), [](auto const& info) { return info.name == long_name; });
             },
             [&] { return (ran = 0), as_before(); }},
            {"who is calling", [&] { return spool::current_thread().name.starts_with("Dummy-"); }, as_before},
            {"a thread's stop token",
             [&] {
               spool::thread t([](std::stop_token stop) { spool::event().wait(stop); });
               t.start();
               t.request_stop();
               return t.join_for(1h);
             },
             [&] { return spool::active_count() == before; }},
        }) == std::vector<std::string>{});
  CHECK(mine.only_one());
}

TEST_CASE("a timer that is refused memory or its thread says so, never fires, and can be started again") {
  token mine;
  std::atomic<int> fired{0};
  const auto as_before = [&] { return mine.only_one() && fired == 0; };
  const auto call = [&fired](token const& t) { fired += *t.shown; };
  CHECK(sweep({
            {"a timer",
             [&] {
               spool::timer t(0s, call, mine);
               t.start();
               t.join();
               return fired.exchange(0) == 1;
             },
             as_before},
            {"a timer that is cancelled",
             [&] {
               spool::timer t(1h, call, mine);
               t.start();
               return t.cancel() && fired == 0;
             },
             as_before},
            {"a periodic timer",
             [&] {
               spool::semaphore rounds(0);
               spool::periodic_timer t(1us, [&rounds, held = mine] { rounds.release(*held.shown); });
               t.start();
               rounds.acquire();
               rounds.acquire();
               t.cancel();
               return t.join_for(1h);
             },
             as_before},
            {"many timers",
             [&] {
               std::optional<spool::timer> all[70];
               for (auto& each : all) each.emplace(1h, call, mine);
               for (auto& each : all) each->start();
               return fired == 0;
             },
             as_before},
        }) == std::vector<std::string>{});

  // The service thread stays for a moment: once it has gone a start asks for another.
  const refusable cold{"a timer without a service thread",
                       [&] {
                         eventually([] { return spool::active_count() == 1; });
                         spool::timer t(0s, call, mine);
                         t.start();
                         t.join();
                         return fired.exchange(0) == 1;
                       },
                       as_before};
  using of = failing_system;
  for (const of::request what : {of::request::memory, of::request::thread}) {
    std::string wrong;
    CHECK(sweep_one(cold, {what, of::to::caller, of::lasting::once}, wrong) > 0);
    CHECK(wrong == "");
  }
  CHECK(mine.only_one());
}

TEST_CASE("an exception that nobody can catch comes to the excepthook once, whatever memory is refused") {
  static std::atomic<int> came{0};
  const auto before = spool::set_excepthook([](spool::thread_info const&, std::exception_ptr const&) { ++came; });
  workplace w;
  const auto comes_once = [](auto lose) {
    return [lose] {
      came = 0;
      lose();
      return came == 1;
    };
  };
  const auto none_came = [&] { return w.is_clean() && came == 0; };
  token mine;
  CHECK(sweep({
            {"an unread future", comes_once([] {
               promise<int> p;
               static_cast<void>(p.get_future());
               p.set_exception(std::make_exception_ptr(std::runtime_error("boom")));
             }),
             none_came},
            {"a posted task", comes_once([&] {
               w.pool.post([held = w.mine] { throw std::runtime_error("boom"); });
               w.pool.wait_idle();
             }),
             none_came},
            {"a callback", comes_once([] {
               promise<int> p;
               p.get_future().add_done_callback([](auto const&) { throw std::runtime_error("boom"); });
               p.set_value(1);
             }),
             none_came},
            {"a thread", comes_once([] {
               spool::thread t([] { throw std::runtime_error("boom"); });
               t.start();
               t.join();
             }),
             none_came},
            {"a timer", comes_once([] {
               spool::timer t(0s, [] { throw std::runtime_error("boom"); });
               t.start();
               t.join();
             }),
             none_came},
        }) == std::vector<std::string>{});
  CHECK(sweep({{"set_excepthook",
                [&] {
                  const auto mine_before = spool::set_excepthook(
                      [mine](spool::thread_info const&, std::exception_ptr const&) { came += *mine.shown; });
                  spool::set_excepthook(mine_before);
                  return true;
                },
                [&] { return mine.only_one(); }}}) == std::vector<std::string>{});
  spool::set_excepthook(before);
}

#endif
