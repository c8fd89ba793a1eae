// tests/future_then_test.cpp · then: what is called with the result of a future, where, and when it is not
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/wait.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/failing_new.hpp"
#include "support/outcome.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;

namespace {

/// A callable of which one sees how often it was called, and when it is gone.
struct watched {
  std::atomic<int>* calls;
  std::shared_ptr<int> held;

  template <class... Result>
  void operator()(Result const&...) const {
    ++*calls;
  }
};

constexpr int chain_length = 1'000'000;

int one_more(int i) { return i + 1; }
constexpr auto same = [](int i) { return i; };

}  // namespace

// ── the shape ──

static_assert(std::is_same_v<decltype(std::declval<future<int>&>().then(same)), future<int>>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().then(same)), future<int>>);
static_assert(std::is_same_v<decltype(std::declval<future<int>>().then([](int) {})), future<void>>);
static_assert(
    std::is_same_v<decltype(std::declval<future<void>>().then([] { return std::string(); })), future<std::string>>);
static_assert(
    std::is_same_v<decltype(std::declval<future<int&>&>().then([](int& i) -> int& { return i; })), future<int&>>);
static_assert(std::is_same_v<decltype(std::declval<future<int>>().then([](int&& i) -> int&& { return std::move(i); })),
                             future<int>>);
static_assert(std::is_same_v<decltype(std::declval<future<int>&>().then([](auto& i) -> auto& { return i; })),
                             future<int const&>>);

// ── what f gets and gives ──

TEST_CASE("then on an lvalue calls f with the very object that result gives") {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  std::string const* seen = nullptr;
  future<std::size_t> size = f.then([&](auto& s) {
    static_assert(std::is_same_v<decltype(s), std::string const&>);
    seen = &s;
    return s.size();
  });
  CHECK_FALSE(size.done());
  p.set_value("four");
  CHECK(size.result() == 4);
  CHECK(seen == &f.result());
  CHECK(f.then([](std::string const& s) { return s; }).result() == "four");  // again and again
}

TEST_CASE("then on an rvalue calls f with the result moved out, for all handles") {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  future<std::unique_ptr<int>> other = f;
  future<int> got = std::move(f).then([](std::unique_ptr<int> mine) { return *mine; });
  REQUIRE(f.valid());  // NOLINT(bugprone-use-after-move)
  CHECK(f == other);
  p.set_value(std::make_unique<int>(7));
  CHECK(got.result() == 7);
  CHECK(f.exception() == nullptr);
  CHECK_THROWS_AS(f.result(), spool::usage_error);
  CHECK_THROWS_AS(std::move(other).result(), spool::usage_error);
}

TEST_CASE("then straight off a temporary future takes its result") {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> got = p.get_future().then([](std::unique_ptr<int>&& mine) { return std::move(mine); });
  p.set_value(std::make_unique<int>(5));
  CHECK(*got.result() == 5);
  CHECK(*std::move(got).result() == 5);
}

TEST_CASE("a result that was moved out before gives the future of then a usage_error") {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  std::atomic<int> calls{0};
  SECTION("before then") {
    p.set_value(std::make_unique<int>(1));
    CHECK(*std::move(f).result() == 1);
    CHECK_THROWS_AS(f.then(watched{&calls, {}}).result(), spool::usage_error);  // NOLINT
    CHECK_THROWS_AS(std::move(f).then(watched{&calls, {}}).result(), spool::usage_error);
  }
  SECTION("by another then") {
    future<int> got = std::move(f).then([](std::unique_ptr<int> mine) { return *mine; });
    future<void> late = f.then(watched{&calls, {}});  // NOLINT
    p.set_value(std::make_unique<int>(1));
    CHECK(got.result() == 1);
    CHECK_THROWS_AS(late.result(), spool::usage_error);
  }
  CHECK(calls == 0);
}

TEST_CASE("what was asked before then takes the result sees it, as it comes first") {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  std::vector<std::string> seen;
  f.add_done_callback([&](future<std::string> const& g) { seen.push_back(g.result()); });
  const auto first = f.then([&](std::string const& s) { seen.push_back(s); });
  const auto last = std::move(f).then([&](std::string s) { seen.push_back(std::move(s)); });
  p.set_value("x");
  CHECK(seen == std::vector<std::string>{"x", "x", "x"});
}

TEST_CASE("then calls f with nothing for void, and with the object itself for a reference") {
  promise<void> p;
  future<int> after = p.get_future().then([] { return 3; });
  p.set_value();
  CHECK(after.result() == 3);

  int object = 1;
  promise<int&> q;
  future<int&> f = q.get_future();
  future<int&> same_one = f.then([](int& i) -> int& { return i; });
  future<void> changed = std::move(f).then([](int& i) { i = 2; });
  q.set_value(object);
  CHECK(&same_one.result() == &object);
  CHECK(changed.done());
  CHECK(object == 2);
}

TEST_CASE("f may be move-only, a function, a pointer to a member, large, over-aligned, and is called as an rvalue") {
  promise<std::string> p;
  const future<std::string> f = p.get_future();
  struct once {
    int operator()(std::string const&) && { return 1; }
  };
  struct alignas(128) wide {
    bool operator()(std::string const&) const { return reinterpret_cast<std::uintptr_t>(this) % 128 == 0; }
  };
  auto a = f.then([mine = std::make_unique<int>(2)](std::string const&) { return *mine; });
  auto b = f.then(&std::string::size);
  auto c = f.then([large = std::array<int, 1000>{3}](std::string const&) { return large[0]; });
  auto d = f.then(once{});
  auto e = f.then(wide{});
  promise<int> q;
  auto g = q.get_future().then(one_more);
  p.set_value("12345");
  q.set_value(5);
  CHECK(a.result() == 2);
  CHECK(b.result() == 5);
  CHECK(c.result() == 3);
  CHECK(d.result() == 1);
  CHECK(e.result());
  CHECK(g.result() == 6);
}

TEST_CASE("what f throws is in the future of then") {
  promise<int> p;
  future<int> g = p.get_future().then([](int i) -> int { throw std::runtime_error("from f " + std::to_string(i)); });
  p.set_value(4);
  CHECK_THROWS_WITH(g.result(), "from f 4");
}

// ── where and when ──

TEST_CASE("f runs in the thread that completes the source, or in that which calls then, if it is done") {
  promise<int> p;
  future<int> f = p.get_future();
  const auto here = [](int) { return std::this_thread::get_id(); };
  const auto before = f.then(here);
  std::thread::id setter;
  crew::run(1, [&] {
    setter = std::this_thread::get_id();
    p.set_value(1);
  });
  CHECK(before.result() == setter);
  const auto after = f.then(here);
  CHECK(after.done());
  CHECK(after.result() == std::this_thread::get_id());
}

TEST_CASE("f runs in its turn among the callbacks, and what follows from it before the next of them") {
  promise<int> p;
  const future<int> f = p.get_future();
  std::vector<int> order;
  f.add_done_callback([&](future<int> const&) { order.push_back(1); });
  const auto g = f.then([&](int) { order.push_back(2); });
  g.add_done_callback([&](future<void> const&) { order.push_back(3); });
  const auto h = g.then([&] { order.push_back(4); });
  h.add_done_callback([&](future<void> const&) { order.push_back(5); });
  g.add_done_callback([&](future<void> const&) { order.push_back(6); });
  f.add_done_callback([&](future<int> const&) { order.push_back(7); });
  p.set_value(0);
  CHECK(order == std::vector<int>{1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("while f runs its future is running and cannot be cancelled") {
  promise<int> p;
  future<int> g;
  bool running = false, cancelled = true;
  g = p.get_future().then([&](int i) {
    running = g.running();
    cancelled = g.cancel();
    return i;
  });
  CHECK_FALSE(g.running());
  p.set_value(9);
  CHECK(running);
  CHECK_FALSE(cancelled);
  CHECK(g.result() == 9);
}

TEST_CASE("what a body of f completes has its callbacks run there and then") {
  promise<int> p, inner;
  bool ran = false, ran_inside = false;
  const auto chained = inner.get_future().then([&](int) { ran = true; });
  const auto outer = p.get_future().then([&](int i) {
    inner.set_value(i);
    ran_inside = ran;
  });
  p.set_value(1);
  CHECK(ran_inside);
}

// ── what passes through ──

TEST_CASE("an exception and a cancel pass through then, and f is not called but destroyed") {
  const hook_log log;
  std::atomic<int> calls{0};
  probe first, second;
  promise<int> p, q;
  future<void> failed = p.get_future().then(watched{&calls, first.take()});
  future<void> cancelled = q.get_future().then(watched{&calls, second.take()}).then([] {}).then([] {});
  p.set_exception(boom());
  CHECK(first.gone());
  CHECK_THROWS_WITH(failed.result(), "boom");
  CHECK(failed.exception() == p.get_future().exception());
  CHECK(q.get_future().cancel());
  CHECK(second.gone());
  CHECK(cancelled.cancelled());
  CHECK_THROWS_AS(cancelled.result(), spool::cancelled_error);
  CHECK(calls == 0);
  CHECK(log.size() == 0);
}

TEST_CASE("an exception and a cancel pass through then, also if they were there before") {
  std::atomic<int> calls{0};
  promise<int> p, q;
  p.set_exception(boom());
  q.get_future().cancel();
  CHECK_THROWS_WITH(p.get_future().then(watched{&calls, {}}).result(), "boom");
  CHECK(q.get_future().then(watched{&calls, {}}).cancelled());
  CHECK(calls == 0);
}

TEST_CASE("a promise that is broken breaks what follows") {
  future<void> f;
  {
    promise<int> p;
    f = p.get_future().then([](int) {});
  }
  CHECK_THROWS_AS(f.result(), spool::broken_promise_error);
}

TEST_CASE("f is destroyed as soon as it has run, before its result is seen") {
  promise<int> p;
  probe seen;
  bool gone = false;
  const auto g = p.get_future().then([held = seen.take()](int) {});
  g.add_done_callback([&](future<void> const&) { gone = seen.gone(); });
  CHECK_FALSE(seen.gone());
  p.set_value(1);
  CHECK(gone);
}

// ── cancel ──

TEST_CASE("cancel of a future of then destroys f at once, which never runs, and leaves the source alone") {
  std::atomic<int> calls{0};
  probe seen;
  promise<int> p;
  future<int> f = p.get_future();
  future<void> g = f.then(watched{&calls, seen.take()});
  future<void> after = g.then([&] { ++calls; });
  CHECK(g.cancel());
  CHECK(seen.gone());
  CHECK(g.cancelled());
  CHECK(after.cancelled());
  CHECK(g.cancel());
  CHECK_FALSE(f.cancelled());
  p.set_value(1);
  CHECK(f.result() == 1);
  CHECK(calls == 0);
}

TEST_CASE("a cancelled then has not taken the result") {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  future<void> g = std::move(f).then([](std::unique_ptr<int>) {});
  CHECK(g.cancel());
  p.set_value(std::make_unique<int>(6));
  CHECK(*std::move(f).result() == 6);  // NOLINT(bugprone-use-after-move)
}

// ── what was read ──

TEST_CASE("then reads its source: an exception that passes through is lost only with the last future of the chain") {
  const hook_log log;
  {
    promise<int> p;
    future<void> g = p.get_future().then([](int) {}).then([] {});
    p.set_exception(boom("unread"));
    CHECK(log.size() == 0);
  }
  REQUIRE(log.size() == 1);
  CHECK(log.count("unread") == 1);
}

TEST_CASE("an unread exception of a dropped future of then goes to the excepthook once, a read one does not") {
  const hook_log log;
  promise<int> p;
  p.get_future().then([](int) { throw std::runtime_error("from f"); });
  p.get_future().then([](int) { throw std::runtime_error("read"); }).add_done_callback([](future<void> const&) {});
  p.set_value(1);
  CHECK(log.count("from f") == 1);
  promise<int> q;
  q.set_exception(boom("passed"));
  q.get_future().then(same);
  CHECK(log.count("passed") == 1);
  CHECK_THROWS(q.get_future().then(same).result());
  CHECK(log.size() == 2);
}

TEST_CASE("errors of the library's own that pass through need no reader") {
  const hook_log log;
  {
    promise<int> broken, cancelled;
    broken.get_future().then(same).then(same);
    cancelled.get_future().then(same).then(same);
    cancelled.get_future().cancel();
  }
  CHECK(log.size() == 0);
}

// ── what goes wrong ──

TEST_CASE("then on an empty future is a usage_error that leaves f whole") {
  future<int> empty;
  auto mine = std::make_unique<int>(1);
  auto f = [held = std::move(mine)](int) { return *held; };
  CHECK_THROWS_AS(empty.then(std::move(f)), spool::usage_error);
  CHECK_THROWS_AS(std::move(empty).then(std::move(f)), spool::usage_error);  // NOLINT
  promise<int> p;
  p.set_value(1);
  CHECK(p.get_future().then(std::move(f)).result() == 1);  // NOLINT
}

TEST_CASE("then makes one allocation, and without it changes nothing and moves nothing") {
  if (!failing_new::works) return;
  const hook_log log;
  {
    promise<std::unique_ptr<int>> p;
    future<std::unique_ptr<int>> f = p.get_future();
    struct wide_callable {
      std::unique_ptr<int> held;
      std::array<char, 1000> room{};  // no block that lies ready fits
      int operator()(std::unique_ptr<int> mine) { return *mine + *held; }
    };
    wide_callable callable{std::make_unique<int>(1)};
    int failures = 0;
    future<int> g;
    for (int n = 1; !g.valid(); ++n) {
      try {
        const failing_new none(n);
        g = std::move(f).then(std::move(callable));  // NOLINT
      } catch (std::bad_alloc const&) {
        ++failures;
        REQUIRE(callable.held);
        REQUIRE(f.valid());
      }
    }
    CHECK(failures == 1);
    auto value = std::make_unique<int>(2);
    {
      const failing_new none(1);
      p.set_value(std::move(value));
    }
    CHECK(g.result() == 3);
  }
  {
    promise<int> p;
    p.set_exception(boom("still unread"));
    future<int> f = p.get_future();
    auto callable = [room = std::array<char, 1000>{}](int i) { return i + room[0]; };
    bool failed = false;
    try {
      const failing_new none(1);
      static_cast<void>(f.then(callable));
    } catch (std::bad_alloc const&) {
      failed = true;
    }
    CHECK(failed);
  }
  CHECK(log.count("still unread") == 1);
}

TEST_CASE("a copy of f that throws has changed nothing") {
  tracked::reset();
  const hook_log log;
  {
    promise<int> p;
    future<int> f = p.get_future();
    const auto callable = [t = tracked(3)](int i) { return i + t.value; };
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(f.then(callable), tracked_failure);
    CHECK_THROWS_AS(std::move(f).then(callable).valid() ? throw tracked_failure() : 0, tracked_failure);
    CHECK(f.valid());  // NOLINT
    p.set_exception(boom("unread"));
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("a result that f returns and whose move throws gives its exception to the future") {
  tracked::reset();
  {
    promise<tracked> p;
    future<tracked> f = p.get_future();
    p.set_value(tracked(1));
    tracked::fail_at_move(1);
    future<tracked> g = std::move(f).then([](tracked&& t) { return std::move(t); });
    CHECK_THROWS_AS(g.result(), tracked_failure);
    tracked::fail_at_move(0);
  }
  CHECK(tracked::live() == 0);
}

// ── many ──

TEST_CASE("a chain of a million thens needs no stack, whatever passes through it") {
  const int length = rounds_of(chain_length);
  promise<int> p;
  future<int> last = p.get_future();
  for (int i = 0; i < length; ++i) last = last.then(one_more);
  SECTION("a value") {
    p.set_value(0);
    CHECK(last.result() == length);
  }
  SECTION("an exception") {
    p.set_exception(boom());
    CHECK_THROWS_WITH(last.result(), "boom");
  }
  SECTION("a cancel") {
    CHECK(p.get_future().cancel());
    CHECK(last.cancelled());
  }
}

TEST_CASE("a chain of thens is destroyed as it is run") {
  tracked::reset();
  {
    promise<tracked> p;
    future<tracked> last = p.get_future();
    int most = 0;
    for (int i = 0; i < 1000; ++i) {
      last = std::move(last).then([&](tracked t) {
        most = std::max(most, tracked::live());
        return t;
      });
    }
    p.set_value(tracked(1));
    CHECK(last.result().value == 1);
    CHECK(most < 10);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("the futures of then may be waited for like others") {
  std::vector<promise<int>> promises(20);
  std::vector<future<int>> all;
  for (auto& p : promises) all.push_back(p.get_future().then(one_more));
  crew setters(1, [&] {
    int i = 0;
    for (auto& p : promises) p.set_value(i++);
  });
  int sum = 0;
  for (auto& f : spool::as_completed(all)) sum += f.result();
  CHECK(sum == 20 * 21 / 2);
  CHECK(spool::wait(all).done.size() == 20);
  setters.join();
}

// ── races ──

TEST_CASE("completion against then: f runs exactly once") {
  promise<int> p;
  future<int> f, g;
  std::atomic<int> calls{0};
  int wrong = 0;
  duel(
      rounds_of(20'000),
      [&] {
        p = {};
        f = p.get_future();
        calls = 0;
      },
      [&] {
        if (g.result() != 2 || calls != 1) ++wrong;
      },
      [&] { p.set_value(1); },
      [&] {
        g = f.then([&](int i) {
          ++calls;
          return i + 1;
        });
      });
  CHECK(wrong == 0);
}

TEST_CASE("cancel of a future of then against the completion of its source: f runs, or is destroyed and never runs") {
  promise<int> p;
  future<void> g, after;
  std::atomic<int> calls{0}, live{0};
  bool said = false;
  int wrong = 0, cancelled = 0;
  struct counted {
    std::atomic<int>*calls, *live;
    counted(std::atomic<int>* c, std::atomic<int>* l) : calls(c), live(l) { ++*live; }
    counted(counted&& other) noexcept : calls(other.calls), live(other.live) { ++*live; }
    ~counted() { --*live; }
    void operator()(int) const { ++*calls; }
  };
  duel(
      rounds_of(20'000),
      [&] {
        p = {};
        calls = 0;
        g = p.get_future().then(counted(&calls, &live));
        after = g.then([] {});
      },
      [&] {
        if (!g.done() || !after.done() || live != 0) ++wrong;
        if (said != g.cancelled() || said != after.cancelled() || calls != (said ? 0 : 1)) ++wrong;
        cancelled += said ? 1 : 0;
        g = {};
        after = {};
      },
      [&] { p.set_value(1); }, [&] { said = g.cancel(); });
  CHECK(wrong == 0);
  INFO(cancelled);
}

TEST_CASE("a future of then dropped against the completion of its source") {
  promise<std::shared_ptr<int>> p;
  future<std::shared_ptr<int>> g;
  std::weak_ptr<int> seen;
  int wrong = 0;
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        g = p.get_future().then([](std::shared_ptr<int> i) { return i; });
      },
      [&] {
        p = {};
        if (!seen.expired()) ++wrong;
      },
      [&] {
        auto mine = std::make_shared<int>(1);
        seen = mine;
        p.set_value(std::move(mine));
      },
      [&] { g = {}; });
  CHECK(wrong == 0);
}

TEST_CASE("a waiter for a future of then may destroy everything as soon as it is released") {
  std::unique_ptr<promise<int>> p;
  future<int> g;
  int wrong = 0;
  duel(
      rounds_of(10'000),
      [&] {
        p = std::make_unique<promise<int>>();
        g = p->get_future().then(one_more).then(one_more);
      },
      [&] { p.reset(); },
      [&] {
        if (g.result() != 2) ++wrong;
        g = {};
      },
      [&] { p->set_value(0); });
  CHECK(wrong == 0);
}
