// tests/coroutine_test.cpp · co_await of futures, coroutines that return futures, and co_await pool.schedule()
// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/failing_new.hpp"
#include "support/outcome.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;

namespace {

// Coroutines take what they need as parameters: a lambda's captures would die with the lambda.

template <class T>
future<T> pass_on(future<T> f) {
  co_return co_await std::move(f);
}

template <class T>
future<void> wait_for(future<T> f) {
  static_cast<void>(co_await f);
}

future<int> add(future<int> a, future<int> b) {
  const int first = co_await a;
  const int second = co_await b;
  co_return first + second;
}

future<std::thread::id> thread_after(future<int> f) {
  co_await f;
  co_return std::this_thread::get_id();
}

future<int> fails_at_once() {
  throw std::runtime_error("at once");
  co_return 1;
}

future<int> fails_after(future<int> f) {
  co_await f;
  throw std::runtime_error("afterwards");
}

/// The worker's thread after a hop.
future<std::thread::id> hop(thread_pool& pool) {
  co_await pool.schedule();
  co_return std::this_thread::get_id();
}

constexpr int a_million = 1'000'000;

}  // namespace

// ── what co_await gives ──

TEST_CASE("co_await of an lvalue gives the very object that result gives, of an rvalue the value moved out") {
  static_assert(std::is_same_v<decltype(operator co_await(std::declval<future<int>&>()).await_resume()), int const&>);
  static_assert(std::is_same_v<decltype(operator co_await(std::declval<future<int>>()).await_resume()), int>);
  static_assert(std::is_same_v<decltype(operator co_await(std::declval<future<int&>&>()).await_resume()), int&>);
  static_assert(std::is_same_v<decltype(operator co_await(std::declval<future<int&>>()).await_resume()), int&>);
  static_assert(std::is_void_v<decltype(operator co_await(std::declval<future<void>>()).await_resume())>);

  promise<std::unique_ptr<int>> p;
  const future<std::unique_ptr<int>> f = p.get_future();
  const auto look = [](future<std::unique_ptr<int>> const& g) -> future<std::unique_ptr<int> const*> {
    co_return &co_await g;
  };
  const auto before = look(f);
  p.set_value(std::make_unique<int>(3));
  CHECK(before.result() == &f.result());
  CHECK(look(f).result() == &f.result());

  const auto take = [](future<std::unique_ptr<int>> g) -> future<std::unique_ptr<int>> {
    co_return co_await std::move(g);
  };
  CHECK(*take(f).result() == 3);
  CHECK(ending(take(f)) == "usage_error");
  CHECK(ending(look(f)) == "usage_error");
}

TEST_CASE("co_await of a void future, of a reference, of a temporary") {
  promise<void> v;
  promise<int&> r;
  promise<std::string> s;
  int object = 1;
  const auto all = [](future<void> a, future<int&> b, promise<std::string>& c) -> future<std::string> {
    co_await a;
    ++co_await b;
    co_await std::move(b) += 1;
    co_await std::move(a);
    co_return co_await c.get_future();
  };
  const auto f = all(v.get_future(), r.get_future(), s);
  v.set_value();
  r.set_value(object);
  CHECK(object == 3);
  CHECK(f.running());
  s.set_value("done");
  CHECK(f.result() == "done");
}

TEST_CASE("co_await throws what the task threw, cancelled_error, and usage_error for an empty future") {
  promise<int> failed, cancelled;
  const auto a = pass_on(failed.get_future());
  const auto b = pass_on(cancelled.get_future());
  failed.set_exception(boom("mine"));
  CHECK(cancelled.get_future().cancel());
  CHECK(ending(a) == "mine");
  CHECK(ending(b) == "cancelled_error");
  CHECK(ending(pass_on(failed.get_future())) == "mine");
  CHECK(ending(pass_on(cancelled.get_future())) == "cancelled_error");
  CHECK(ending(pass_on(future<int>())) == "usage_error");
  const auto catches = [](future<int> f) -> future<std::string> {
    try {
      co_await f;
    } catch (std::exception const& e) {
      co_return e.what();
    }
    co_return "nothing";
  };
  CHECK(catches(failed.get_future()).result() == "mine");
}

// ── a coroutine ──

TEST_CASE("a coroutine runs at once up to its first suspension, in the caller, and is running from the start") {
  promise<int> p;
  std::vector<int> steps;
  std::thread::id ran_in;
  const auto body = [](std::vector<int>& log, std::thread::id& thread, future<int> f) -> future<int> {
    log.push_back(1);
    thread = std::this_thread::get_id();
    const int got = co_await f;
    log.push_back(3);
    co_return got;
  };
  const future<int> c = body(steps, ran_in, p.get_future());
  steps.push_back(2);
  CHECK(ran_in == std::this_thread::get_id());
  CHECK(c.running());
  CHECK_FALSE(c.done());
  CHECK_FALSE(c.cancel());
  CHECK_FALSE(c.cancelled());
  CHECK_FALSE(c.request_stop());
  p.set_value(5);
  CHECK(steps == std::vector<int>{1, 2, 3});
  CHECK(c.done());
  CHECK_FALSE(c.running());
  CHECK_FALSE(c.cancel());
  CHECK(c.result() == 5);
}

TEST_CASE("a coroutine that never suspends is done when it returns") {
  const auto value = []() -> future<std::string> { co_return "here"; };
  const auto nothing = []() -> future<void> { co_return; };
  CHECK(value().done());
  CHECK(value().result() == "here");
  CHECK(nothing().done());
  nothing().result();
  CHECK(ending(fails_at_once()) == "at once");
}

TEST_CASE("a coroutine returns objects that only move, references, braced lists, and what converts") {
  const auto moves = []() -> future<std::unique_ptr<int>> { co_return std::make_unique<int>(2); };
  CHECK(*moves().result() == 2);
  int object = 0;
  const auto refers = [](int& i) -> future<int&> { co_return i; };
  CHECK(&refers(object).result() == &object);
  const auto braces = []() -> future<std::vector<int>> { co_return {1, 2, 3}; };
  CHECK(braces().result().size() == 3);
  const auto converts = []() -> future<std::string> { co_return "x"; };
  CHECK(converts().result() == "x");
  struct strict {
    explicit strict(int v) : value(v) {}
    strict(strict&&) = default;
    int value;
  };
  const auto no_default = []() -> future<strict> { co_return strict(4); };
  CHECK(no_default().result().value == 4);
}

TEST_CASE("what leaves a coroutine is in its future, before the first suspension and after it") {
  promise<int> p;
  const auto f = fails_after(p.get_future());
  p.set_value(1);
  CHECK(ending(f) == "afterwards");
  CHECK(ending(fails_at_once()) == "at once");
  const auto in_between = []() -> future<tracked> { co_return tracked(1); };
  tracked::reset();
  tracked::fail_at_move(1);
  CHECK_THROWS_AS(in_between().result(), tracked_failure);
  tracked::fail_at_move(0);
  CHECK(tracked::live() == 0);
}

TEST_CASE("a destructor that throws after co_return gives its exception to the future, and no value is left behind") {
  struct thrower {
    ~thrower() noexcept(false) { throw std::runtime_error("on the way out"); }
  };
  const auto body = [](std::shared_ptr<int> value) -> future<std::shared_ptr<int>> {
    const thrower at_end;
    co_return value;
  };
  probe seen;
  CHECK(ending(body(seen.take())) == "on the way out");
  CHECK(seen.gone());
}

TEST_CASE("a coroutine is a member function, a template, takes its arguments by value and by reference") {
  struct adder {
    int base;
    future<int> add(int const& by_reference, std::unique_ptr<int> by_value, future<int> f) {
      co_return base + by_reference + *by_value + co_await f;
    }
  };
  adder a{1000};
  promise<int> p;
  const int ten = 10;
  const auto f = a.add(ten, std::make_unique<int>(100), p.get_future());
  p.set_value(1);
  CHECK(f.result() == 1111);
}

// ── where it goes on ──

TEST_CASE("a coroutine goes on in the thread that completes what it awaits, or does not stop if that is done") {
  promise<int> p;
  const auto before = thread_after(p.get_future());
  std::thread::id setter;
  crew::run(1, [&] {
    setter = std::this_thread::get_id();
    p.set_value(1);
  });
  CHECK(before.result() == setter);
  const auto after = thread_after(p.get_future());
  CHECK(after.done());
  CHECK(after.result() == std::this_thread::get_id());
}

TEST_CASE("a coroutine goes on in its turn among the callbacks, and what follows from its end before the next") {
  promise<int> p;
  const future<int> f = p.get_future();
  std::vector<int> order;
  const auto body = [](std::vector<int>& log, future<int> g) -> future<void> {
    co_await g;
    log.push_back(2);
  };
  f.add_done_callback([&](future<int> const&) { order.push_back(1); });
  const auto c = body(order, f);
  c.add_done_callback([&](future<void> const&) { order.push_back(3); });
  f.add_done_callback([&](future<int> const&) { order.push_back(4); });
  p.set_value(1);
  CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("what the body of a coroutine completes has those that await it go on there and then") {
  promise<int> p, inner;
  bool seen = false;
  const auto waits = [](future<int> f) -> future<int> { co_return co_await f + 1; };
  const auto sets = [](future<int> f, promise<int>& to, future<int> follows, bool& done_inside) -> future<void> {
    to.set_value(co_await f);
    done_inside = follows.done();  // a wait for it here would not end otherwise
  };
  const auto follower = waits(waits(inner.get_future()));
  const auto c = sets(p.get_future(), inner, follower, seen);
  p.set_value(1);
  CHECK(seen);
  CHECK(follower.result() == 3);
  CHECK(c.done());
}

TEST_CASE("many coroutines may await one future") {
  promise<std::string> p;
  const future<std::string> f = p.get_future();
  const auto size = [](future<std::string> const& g) -> future<std::size_t> { co_return (co_await g).size(); };
  std::vector<future<std::size_t>> all;
  for (int i = 0; i < 100; ++i) all.push_back(size(f));
  p.set_value("four");
  for (auto const& c : all) CHECK(c.result() == 4);
}

TEST_CASE("coroutines call coroutines, mix with then, wait and as_completed, and with tasks of pools") {
  thread_pool pool(2);
  promise<int> p;
  const future<int> f = p.get_future();
  const auto sum = add(add(f, pool.submit([] { return 10; })), f.then([](int i) { return i; }));
  const auto doubled = sum.then(pool, [](int i) { return 2 * i; });
  const auto last = wait_for(doubled).then([] { return 100; });
  std::vector<future<int>> all{sum, doubled, last};
  p.set_value(1);
  int total = 0;
  for (auto& each : spool::as_completed(all)) total += each.result();
  CHECK(total == 12 + 24 + 100);
  CHECK(spool::wait(all).not_done.empty());
}

// ── what is destroyed when ──

TEST_CASE("the frame of a coroutine, arguments and locals included, is destroyed before its result is seen") {
  promise<int> p;
  probe argument, local;
  std::vector<bool> gone;
  const auto body = [](std::shared_ptr<int>, std::shared_ptr<int> mine, future<int> f) -> future<void> {
    const auto here = std::move(mine);
    co_await f;
  };
  const auto c = body(argument.take(), local.take(), p.get_future());
  c.add_done_callback([&](future<void> const&) { gone = {argument.gone(), local.gone()}; });
  CHECK_FALSE(argument.gone());
  CHECK_FALSE(local.gone());
  p.set_value(1);
  CHECK(gone == std::vector<bool>{true, true});
  CHECK(c.done());
}

TEST_CASE("a coroutine whose future was dropped goes on to its end, and leaves nothing behind") {
  probe seen;
  promise<int> p;
  bool ended = false;
  const auto body = [](std::shared_ptr<int> held, future<int> f, bool& end) -> future<std::shared_ptr<int>> {
    co_await f;
    end = true;
    co_return held;
  };
  body(seen.take(), p.get_future(), ended);
  CHECK_FALSE(seen.gone());
  p.set_value(1);
  CHECK(ended);
  CHECK(seen.gone());
}

TEST_CASE("a coroutine without memory throws to its caller, with its arguments as they were") {
  if (!failing_new::works) return;
  struct wide {
    std::array<char, 2000> room{};
  };
  promise<int> p;
  const auto body = [](std::shared_ptr<int> held, wide w, future<int> g) -> future<int> {
    co_return *held + w.room[0] + co_await g;
  };
  const auto mine = std::make_shared<int>(1);
  const future<int> source = p.get_future();
  int failures = 0;
  future<int> f;
  for (int n = 1; !f.valid(); ++n) {
    try {
      const failing_new none(n);
      f = body(mine, wide{}, source);
    } catch (std::bad_alloc const&) {
      ++failures;
      CHECK(mine.use_count() == 1);
    }
  }
  CHECK(failures <= 2);  // the frame, unless a compiler makes it small, and a block for the result if none lies ready
  p.set_value(1);
  CHECK(f.result() == 2);
  CHECK(mine.use_count() == 1);
}

TEST_CASE("awaiting needs no memory") {
  if (!failing_new::works) return;
  promise<int> p;
  const auto body = [](future<int> f, int& got) -> future<void> {
    const failing_new none(1);
    got = co_await f;
    got += co_await f;
  };
  int got = 0;
  const auto c = body(p.get_future(), got);
  {
    const failing_new none(1);
    p.set_value(2);
  }
  CHECK(c.done());
  CHECK(got == 4);
}

// ── what was read ──

TEST_CASE("an unread exception of a coroutine goes to the excepthook, one that was awaited does not") {
  const hook_log log;
  fails_at_once();
  CHECK(log.count("at once") == 1);
  {
    promise<int> p;
    const auto reader = [](future<int> f) -> future<void> {
      try {
        co_await f;
      } catch (std::exception const&) {
      }
    };
    reader(fails_after(p.get_future()));
    reader(p.get_future());
    pass_on(fails_after(p.get_future()));
    p.set_value(1);
  }
  CHECK(log.count("afterwards") == 1);
  CHECK(log.size() == 2);
}

TEST_CASE("errors of the library's own that leave a coroutine need no reader") {
  const hook_log log;
  {
    promise<int> broken, cancelled;
    pass_on(pass_on(broken.get_future()));
    pass_on(pass_on(cancelled.get_future()));
    cancelled.get_future().cancel();
  }
  CHECK(log.size() == 0);
}

// ── with strangers ──

namespace {

/// A coroutine of another library's: nobody waits for it.
struct detached {
  struct promise_type {
    detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

/// Another, whose frame belongs to the object, and which throws to whoever resumes it.
struct owned {
  struct promise_type {
    owned get_return_object() { return owned{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { throw; }
  };
  explicit owned(std::coroutine_handle<promise_type> h) : handle(h) {}
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  ~owned() { handle.destroy(); }
  std::coroutine_handle<promise_type> handle;
};

owned stranger(future<int> f, int& got, bool fail) {
  got = co_await f;
  if (fail) throw std::runtime_error("from a stranger");
}

detached stranger_in_pool(thread_pool& pool, promise<std::thread::id>& where) {
  co_await pool.schedule();
  where.set_value(std::this_thread::get_id());
}

/// Gives the handle away, and suspends.
struct given_away {
  std::coroutine_handle<>& to;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const noexcept { to = h; }
  void await_resume() const noexcept {}
};

}  // namespace

TEST_CASE("coroutines of other libraries may await futures and pools, and what they throw goes to the excepthook") {
  const hook_log log;
  promise<int> p;
  int first = 0, second = 0;
  const owned a = stranger(p.get_future(), first, false);
  const owned b = stranger(p.get_future(), second, true);
  p.set_value(3);
  CHECK(first == 3);
  CHECK(second == 3);
  CHECK(log.count("from a stranger") == 1);
  thread_pool pool(1);
  promise<std::thread::id> where;
  stranger_in_pool(pool, where);
  CHECK(where.get_future().result() != std::this_thread::get_id());
}

TEST_CASE("a coroutine may await what is of another library, and be resumed by it") {
  std::coroutine_handle<> handle;
  const auto body = [](std::coroutine_handle<>& to) -> future<int> {
    co_await given_away{to};
    co_return 5;
  };
  const auto c = body(handle);
  const auto follower = pass_on(c);
  CHECK(c.running());
  handle.resume();
  CHECK(c.done());
  CHECK(follower.result() == 5);
}

TEST_CASE("a coroutine that is resumed by hand in the body of another has those that await it go on there and then") {
  std::coroutine_handle<> handle;
  const auto inner = [](std::coroutine_handle<>& to) -> future<int> {
    co_await given_away{to};
    co_return 5;
  };
  const auto outer = [](future<int> f, std::coroutine_handle<> other, future<int> follows) -> future<bool> {
    co_await f;
    other.resume();
    co_return follows.done();
  };
  promise<int> p;
  const auto follower = pass_on(inner(handle));
  const auto c = outer(p.get_future(), handle, follower);
  p.set_value(1);
  CHECK(c.result());
  CHECK(follower.result() == 5);
}

TEST_CASE("the frame of a coroutine that is resumed by hand is destroyed before its result is seen, too") {
  std::coroutine_handle<> handle;
  const auto body = [](std::coroutine_handle<>& to, std::shared_ptr<int>) -> future<void> { co_await given_away{to}; };
  probe seen;
  bool gone = false;
  const auto c = body(handle, seen.take());
  c.add_done_callback([&](future<void> const&) { gone = seen.gone(); });
  handle.resume();
  CHECK(gone);
}

TEST_CASE("a coroutine that a stranger destroys before its end leaves a broken promise") {
  const hook_log log;
  std::coroutine_handle<> handle;
  const auto body = [](std::coroutine_handle<>& to, std::shared_ptr<int>) -> future<int> {
    co_await given_away{to};
    co_return 5;
  };
  probe seen;
  {
    const auto c = body(handle, seen.take());
    const auto follower = pass_on(c);
    handle.destroy();
    CHECK(seen.gone());
    CHECK(ending(c) == "broken_promise_error");
    CHECK(ending(follower) == "broken_promise_error");
  }
  body(handle, nullptr);
  handle.destroy();
  CHECK(log.size() == 0);
}

// ── pools ──

TEST_CASE("co_await pool.schedule goes on in a worker of the pool, as one task after another") {
  thread_pool one(1), other(1);
  const auto in_one = one.submit([] { return std::this_thread::get_id(); }).result();
  const auto in_other = other.submit([] { return std::this_thread::get_id(); }).result();
  CHECK(hop(one).result() == in_one);
  const auto body = [](thread_pool& a, thread_pool& b) -> future<std::vector<std::thread::id>> {
    std::vector<std::thread::id> where;
    co_await a.schedule();
    where.push_back(std::this_thread::get_id());
    co_await b.schedule();
    where.push_back(std::this_thread::get_id());
    co_await a.schedule();
    where.push_back(std::this_thread::get_id());
    co_return where;
  };
  CHECK(body(one, other).result() == std::vector{in_one, in_other, in_one});
}

TEST_CASE("a coroutine on its way into a pool is pending there, and wait_idle waits for it") {
  thread_pool pool(1);
  busy worker(pool);
  const auto c = hop(pool);
  CHECK(pool.pending() == 1);
  CHECK(c.running());
  CHECK_FALSE(c.cancel());
  worker.release();
  pool.wait_idle();
  CHECK(c.done());
  CHECK(pool.pending() == 0);
}

TEST_CASE("a coroutine on its way into a pool is run by its end, and by a shutdown that waits") {
  std::vector<future<std::thread::id>> all;
  {
    thread_pool pool(1);
    const busy worker(pool);
    for (int i = 0; i < 10; ++i) all.push_back(hop(pool));
    pool.shutdown({.wait = false});
  }
  for (auto const& c : all) CHECK(ending(c) == "fine");
}

TEST_CASE("a task of a pool that drains may still bring a coroutine into it") {
  future<std::thread::id> inner;
  {
    thread_pool pool(1);
    busy worker(pool);
    pool.post([&] { inner = hop(pool); });
    pool.shutdown({.wait = false});
    worker.release();
  }
  CHECK(ending(inner) == "fine");
}

TEST_CASE("co_await schedule of a pool that is shut down throws pool_shutdown_error, where it is") {
  thread_pool pool(1);
  pool.shutdown();
  CHECK(ending(hop(pool)) == "pool_shutdown_error");
  const auto body = [](thread_pool& p) -> future<bool> {
    const auto before = std::this_thread::get_id();
    try {
      co_await p.schedule();
    } catch (spool::pool_shutdown_error const&) {
      co_return before == std::this_thread::get_id();
    }
    co_return false;
  };
  CHECK(body(pool).result());
}

TEST_CASE("a coroutine dropped by cancel_pending resumes with cancelled_error, and may go on") {
  const hook_log log;
  thread_pool pool(1);
  busy worker(pool);
  probe seen;
  const auto dropped = hop(pool);
  hop(pool);
  const auto body = [](thread_pool& p, std::shared_ptr<int>) -> future<std::string> {
    std::string story;
    for (int i = 0; i < 2; ++i) {
      try {
        co_await p.schedule();
      } catch (spool::cancelled_error const&) {
        story += "cancelled ";
      } catch (spool::pool_shutdown_error const&) {
        story += "refused";
      }
    }
    co_return story;
  };
  const auto goes_on = body(pool, seen.take());
  const auto follower = pass_on(dropped);
  pool.shutdown({.wait = false, .cancel_pending = true});
  CHECK(ending(dropped) == "cancelled_error");
  CHECK(ending(follower) == "cancelled_error");
  CHECK(goes_on.result() == "cancelled refused");
  CHECK(seen.gone());
  CHECK(pool.pending() == 0);
  worker.release();
  pool.shutdown();
  CHECK(log.size() == 0);
}

TEST_CASE("a pool that breaks gives broken_pool_error to the coroutines that were on their way into it") {
  const hook_log log;
  {
    gate breaks;
    thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [&] {
                                           breaks.wait();
                                           throw std::runtime_error("broken");
                                         }});
    const auto c = hop(pool);
    breaks.open();
    CHECK(ending(c) == "broken_pool_error");
    CHECK(ending(hop(pool)) == "broken_pool_error");
    hop(pool);
  }
  CHECK(log.size() == 1);
  CHECK(log.count("broken") == 1);
}

TEST_CASE("a coroutine never waits for room in a pool") {
  thread_pool pool(spool::pool_options{.max_workers = 1, .max_pending = 1});
  busy worker(pool);
  std::vector<future<std::thread::id>> all;
  for (int i = 0; i < 10; ++i) all.push_back(hop(pool));
  CHECK(pool.pending() == 10);
  CHECK_FALSE(pool.try_submit([] {}).has_value());
  worker.release();
  for (auto const& c : all) CHECK(ending(c) == "fine");
  pool.wait_idle();
  CHECK(pool.try_submit([] {}).has_value());
}

TEST_CASE("awaiting from a task of a pool of one worker does not hold it up") {
  thread_pool pool(1);
  promise<int> p;
  const auto body = [](thread_pool& there, future<int> f) -> future<int> {
    co_await there.schedule();
    const int got = co_await f;
    co_await there.schedule();
    co_return got + co_await there.submit([] { return 10; });
  };
  std::vector<future<int>> all;
  for (int i = 0; i < 10; ++i) all.push_back(body(pool, p.get_future()));
  pool.wait_idle();
  CHECK(pool.submit([] { return 1; }).result() == 1);
  p.set_value(5);
  for (auto const& c : all) CHECK(c.result() == 15);
  CHECK(pool.worker_count() == 1);
}

TEST_CASE("a task may wait for a coroutine that needs its own pool, of one worker, to any depth") {
  thread_pool pool(1);
  struct deep {
    static future<int> go(thread_pool& there, int depth) {
      co_await there.schedule();
      if (depth == 0) co_return 0;
      const int below = go(there, depth - 1).result();  // waits, in a worker
      co_return below + 1;
    }
  };
  CHECK(pool.submit([&] { return deep::go(pool, 30).result(); }).result() == 30);
}

TEST_CASE("a coroutine that hops in a loop holds up nobody on one worker, neither coroutines nor tasks made inside") {
  thread_pool pool(1);
  std::vector<int> order;  // written by the one worker
  const auto hops = [](thread_pool& there, std::vector<int>& log, int id) -> future<void> {
    for (int i = 0; i < 5; ++i) {
      co_await there.schedule();
      log.push_back(id);
    }
  };
  const auto polls = [](thread_pool& there) -> future<int> {
    co_await there.schedule();
    const future<int> child = there.submit([] { return 1; });
    const future<int> other = hop(there).then([](std::thread::id) { return 2; });
    while (!child.done() || !other.done()) co_await there.schedule();
    co_return child.result() + other.result();
  };
  {
    busy worker(pool);
    const auto first = hops(pool, order, 1);
    const auto second = hops(pool, order, 2);
    worker.release();
    pool.wait_idle();
  }
  CHECK(order == std::vector<int>{1, 2, 1, 2, 1, 2, 1, 2, 1, 2});
  CHECK(polls(pool).result() == 3);
}

TEST_CASE("one awaitable of schedule may be awaited again") {
  thread_pool pool(1);
  const auto body = [](thread_pool& there) -> future<int> {
    auto again = there.schedule();
    co_await again;
    co_await again;
    co_return 2;
  };
  CHECK(body(pool).result() == 2);
}

// ── no stack ──

namespace {

future<long> await_ready_ones(int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) {
    promise<int> p;
    p.set_value(1);
    sum += co_await p.get_future();
  }
  co_return sum;
}

future<long> await_schedule(thread_pool& pool, int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) {
    co_await pool.schedule();
    ++sum;
  }
  co_return sum;
}

future<long> await_submit(thread_pool& pool, int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await pool.submit([] { return 1; });
  co_return sum;
}

future<int> done_at_once() { co_return 1; }

future<long> await_coroutines(int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await done_at_once();
  co_return sum;
}

future<long> await_hops(thread_pool& pool, int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) sum += (co_await hop(pool) == std::thread::id() ? 0 : 1);
  co_return sum;
}

future<int> chain(thread_pool& pool, int n) {
  co_await pool.schedule();
  if (n == 0) co_return 0;
  co_return 1 + co_await chain(pool, n - 1);
}

future<int> failing_chain(thread_pool& pool, int n) {
  co_await pool.schedule();
  if (n == 0) throw std::runtime_error("at the bottom");
  const future<int> below = failing_chain(pool, n - 1);
  co_await below;
  co_return 0;
}

}  // namespace

TEST_CASE("a million awaits in a loop need no stack: results that are there") {
  CHECK(await_ready_ones(a_million).result() == a_million);
  CHECK(await_coroutines(a_million).result() == a_million);
}

TEST_CASE("a million awaits in a loop need no stack: hops into a pool") {
  thread_pool one(1), two(2);
  CHECK(await_schedule(one, rounds_of(a_million)).result() == rounds_of(a_million));
  CHECK(await_schedule(two, rounds_of(a_million)).result() == rounds_of(a_million));
}

TEST_CASE("a million awaits in a loop need no stack: tasks of a pool, and coroutines in it") {
  thread_pool pool(2);
  CHECK(await_submit(pool, rounds_of(a_million)).result() == rounds_of(a_million));
  CHECK(await_hops(pool, rounds_of(a_million / 4)).result() == rounds_of(a_million / 4));
}

TEST_CASE("a chain of a million coroutines that await each other needs no stack") {
  thread_pool pool(2);
  CHECK(chain(pool, rounds_of(a_million)).result() == rounds_of(a_million));
}

TEST_CASE("a chain of coroutines through which an exception passes needs no stack") {
  thread_pool pool(2);
  CHECK(ending(failing_chain(pool, rounds_of(a_million / 20))) == "at the bottom");
}

TEST_CASE("a chain of coroutines and thens that one set_value completes needs no stack") {
  const int length = rounds_of(a_million / 4);
  promise<int> p;
  future<int> last = p.get_future();
  for (int i = 0; i < length; ++i) {
    last = pass_on(std::move(last));
    last = last.then([](int v) { return v + 1; });
  }
  p.set_value(0);
  CHECK(last.result() == length);
}

// ── races ──

TEST_CASE("await against completion in another thread: the coroutine goes on exactly once") {
  promise<int> p;
  future<int> f, c;
  std::atomic<int> steps{0};
  int wrong = 0;
  const auto body = [](future<int> g, std::atomic<int>& count) -> future<int> {
    const int got = co_await g;
    ++count;
    co_return got + co_await g;
  };
  duel(
      rounds_of(20'000),
      [&] {
        p = {};
        f = p.get_future();
        steps = 0;
      },
      [&] {
        if (c.result() != 2 || steps != 1) ++wrong;
      },
      [&] { c = body(f, steps); }, [&] { p.set_value(1); });
  CHECK(wrong == 0);
}

TEST_CASE("await of a coroutine against its end in another thread, and against the drop of all that is left") {
  promise<int> p;
  future<int> inner, outer;
  probe seen;
  int wrong = 0;
  const auto body = [](future<int> g, std::shared_ptr<int>) -> future<int> { co_return co_await std::move(g) + 1; };
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        seen = {};
        inner = body(p.get_future(), seen.take());
      },
      [&] {
        if (outer.result() != 3 || !seen.gone()) ++wrong;
      },
      [&] {
        outer = body(inner, nullptr);
        inner = {};
      },
      [&] { p.set_value(1); });
  CHECK(wrong == 0);
}

TEST_CASE("await against cancel against completion") {
  promise<int> p;
  future<int> f, c;
  int wrong = 0;
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        f = p.get_future();
      },
      [&] {
        if (ending(c) != (f.cancelled() ? "cancelled_error" : "fine")) ++wrong;
      },
      [&] { c = wait_for(f).then([] { return 1; }); }, [&] { f.cancel(); },
      [&] {
        try {
          p.set_value(1);
        } catch (spool::usage_error const&) {
        }
      });
  CHECK(wrong == 0);
}

TEST_CASE("schedule against a shutdown that cancels: the coroutine ends, by whatever way") {
  std::optional<thread_pool> pool;
  std::vector<future<std::thread::id>> all;
  int wrong = 0;
  duel(
      rounds_of(1'000),
      [&] {
        all.clear();
        pool.emplace(std::size_t{2});
      },
      [&] {
        for (auto const& c : all) {
          const std::string end = ending(c);
          if (end != "fine" && end != "cancelled_error" && end != "pool_shutdown_error") ++wrong;
        }
        pool.reset();
      },
      [&] {
        for (int i = 0; i < 3; ++i) all.push_back(hop(*pool));
      },
      [&] { pool->shutdown({.cancel_pending = true}); });
  CHECK(wrong == 0);
}

TEST_CASE("many coroutines hop between pools and await each other, while other threads wait for them") {
  thread_pool a(2), b(1);
  struct tree {
    static future<int> go(thread_pool& here, thread_pool& there, int depth) {
      co_await here.schedule();
      if (depth == 0) co_return 1;
      const future<int> left = go(there, here, depth - 1);
      const future<int> right = go(here, there, depth - 1);
      co_return co_await left + co_await right;
    }
  };
  std::array<int, 3> sums{};
  crew::run(3, [&](std::size_t i) { sums[i] = tree::go(a, b, CONTRACT_UNDER_TSAN ? 9 : 12).result(); });
  for (const int sum : sums) CHECK(sum == (1 << (CONTRACT_UNDER_TSAN ? 9 : 12)));
}
