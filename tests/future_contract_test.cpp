// tests/future_contract_test.cpp · what the contract says of future and promise, written from the contract alone
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <any>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/outcome.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using steady = std::chrono::steady_clock;

// ── the shape ──

static_assert(std::regular<future<int>>);
static_assert(std::regular<future<void>>);
static_assert(std::regular<future<int&>>);
static_assert(std::regular<future<std::unique_ptr<int>>>);
static_assert(!std::is_copy_constructible_v<promise<int>>);
static_assert(std::is_move_constructible_v<promise<int>>);
static_assert(std::is_move_assignable_v<promise<int>>);
static_assert(std::is_same_v<decltype(std::declval<future<int>&>().result()), int const&>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().result()), int const&>);
static_assert(std::is_same_v<decltype(std::declval<future<int>&>().get()), int const&>);
static_assert(std::is_same_v<decltype(std::declval<future<int>&>().result_for(1s)), int const&>);
static_assert(std::is_same_v<std::remove_cvref_t<decltype(std::declval<future<std::string>>().result())>, std::string>);
static_assert(!std::is_const_v<std::remove_reference_t<decltype(std::declval<future<std::string>>().result())>>);
static_assert(!std::is_lvalue_reference_v<decltype(std::declval<future<std::string>>().result())>);
static_assert(!std::is_lvalue_reference_v<decltype(std::declval<future<std::string>>().get())>);
static_assert(!std::is_lvalue_reference_v<decltype(std::declval<future<std::string>>().result_for(1s))>);
static_assert(std::is_void_v<decltype(std::declval<future<void>&>().result())>);
static_assert(std::is_void_v<decltype(std::declval<future<void>>().result())>);
static_assert(std::is_same_v<decltype(std::declval<future<int&>&>().result()), int&>);
static_assert(std::is_same_v<decltype(std::declval<future<int&>>().result()), int&>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().exception()), std::exception_ptr>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().exception_for(1s)), std::exception_ptr>);
static_assert(
    std::is_same_v<decltype(std::declval<future<int> const&>().exception_until(steady::now())), std::exception_ptr>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().wait_for(1s)), bool>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().wait_until(steady::now())), bool>);
static_assert(std::is_same_v<decltype(std::declval<future<int> const&>().wait(std::stop_token{})), bool>);

// ── the empty future, equality, hash ──

TEST_CASE("an empty future is not valid, and every use of it but valid, == and hash is a usage_error") {
  future<int> empty;
  CHECK_FALSE(empty.valid());
  CHECK(empty == future<int>{});
  CHECK(std::hash<future<int>>{}(empty) == std::hash<future<int>>{}(future<int>{}));
  CHECK_THROWS_AS(static_cast<void>(empty.done()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.running()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.cancelled()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.cancel()), spool::usage_error);
  CHECK_THROWS_AS(empty.wait(), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.wait_for(0s)), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.wait_until(steady::now())), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.wait(std::stop_token{})), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.result()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(std::move(empty).result()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.get()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.result_for(0s)), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.result_until(steady::now())), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.exception()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.exception_for(0s)), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.exception_until(steady::now())), spool::usage_error);
  CHECK_THROWS_AS(empty.add_done_callback([](future<int> const&) {}), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.request_stop()), spool::usage_error);

  promise<int> p;  // and the object stays usable
  empty = p.get_future();
  p.set_value(7);
  CHECK(empty.valid());
  CHECK(empty.result() == 7);
}

TEST_CASE("a moved-from future is empty") {
  promise<int> p;
  future<int> f = p.get_future();
  future<int> g = std::move(f);
  CHECK_FALSE(f.valid());  // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(static_cast<void>(f.done()), spool::usage_error);
  CHECK(g.valid());
  f = std::move(g);
  CHECK(f.valid());
  CHECK_FALSE(g.valid());  // NOLINT(bugprone-use-after-move)
  p.set_value(1);
  CHECK(f.result() == 1);
}

TEST_CASE("handles of one result are equal and hash alike, those of others are not equal") {
  promise<int> p, q;
  const future<int> f = p.get_future();
  const future<int> copy = f;
  const future<int> again = p.get_future();
  const future<int> other = q.get_future();
  CHECK(f == copy);
  CHECK(f == again);
  CHECK(f != other);
  CHECK(f != future<int>{});
  const std::hash<future<int>> hash;
  CHECK(hash(f) == hash(copy));
  CHECK(hash(f) == hash(again));
  p.set_value(1);
  q.set_value(1);
  CHECK(f == again);
  CHECK(f != other);
  CHECK(hash(f) == hash(again));

  std::unordered_set<future<int>> set{f, copy, again, other};
  CHECK(set.size() == 2);
  CHECK(set.count(q.get_future()) == 1);
}

TEST_CASE("assigning a future to itself changes nothing") {
  promise<int> p;
  future<int> f = p.get_future();
  future<int>& same = f;
  f = same;
  CHECK(f.valid());
  p.set_value(3);
  f = same;
  CHECK(f.result() == 3);
}

// ── states ──

TEST_CASE("a future is pending, then running, then done") {
  promise<int> p;
  const future<int> f = p.get_future();
  CHECK_FALSE(f.done());
  CHECK_FALSE(f.running());
  CHECK_FALSE(f.cancelled());
  CHECK(p.set_running_or_notify_cancel());
  CHECK_FALSE(f.done());
  CHECK(f.running());
  CHECK_FALSE(f.cancelled());
  p.set_value(1);
  CHECK(f.done());
  CHECK_FALSE(f.running());
  CHECK_FALSE(f.cancelled());
}

TEST_CASE("a future may be done without having run") {
  promise<int> p, q;
  const future<int> f = p.get_future(), g = q.get_future();
  p.set_value(1);
  q.set_exception(boom());
  CHECK(f.done());
  CHECK(g.done());
  CHECK(g.exception() != nullptr);
}

TEST_CASE("cancel is true if the future is now cancelled, and false if it runs or is done") {
  promise<int> pending, running, done, failed;
  future<int> f = pending.get_future();
  CHECK(f.cancel());
  CHECK(f.cancel());
  CHECK(pending.get_future().cancel());

  future<int> r = running.get_future();
  CHECK(running.set_running_or_notify_cancel());
  CHECK_FALSE(r.cancel());
  CHECK(r.running());
  running.set_value(1);
  CHECK_FALSE(r.cancel());
  CHECK(r.result() == 1);

  future<int> d = done.get_future();
  done.set_value(2);
  CHECK_FALSE(d.cancel());
  CHECK_FALSE(d.cancelled());
  CHECK(d.result() == 2);

  future<int> e = failed.get_future();
  failed.set_exception(boom());
  CHECK_FALSE(e.cancel());
  CHECK(e.exception() != nullptr);
}

TEST_CASE("cancelled is final at once: done, and every wait sees it") {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  REQUIRE(f.cancel());
  CHECK(f.done());
  CHECK(f.cancelled());
  CHECK_FALSE(f.running());
  f.wait();
  CHECK(f.wait_for(0s));
  CHECK(f.wait_for(-1h));
  CHECK(f.wait_until(steady::time_point::min()));
  CHECK_THROWS_AS(f.result(), spool::cancelled_error);
  CHECK_THROWS_AS(f.result(), spool::cancelled_error);
  CHECK_THROWS_AS(f.result_for(0s), spool::cancelled_error);
  CHECK_THROWS_AS(f.exception(), spool::cancelled_error);
  CHECK_THROWS_AS(std::move(f).result(), spool::cancelled_error);
}

TEST_CASE("set_running_or_notify_cancel is false on a cancelled future, and the future stays cancelled") {
  promise<int> p;
  future<int> f = p.get_future();
  f.cancel();
  CHECK_FALSE(p.set_running_or_notify_cancel());
  CHECK(f.cancelled());
  CHECK_FALSE(f.running());
  CHECK(f.cancel());
}

TEST_CASE("a set on a cancelled future is a usage_error, and it stays cancelled") {
  promise<int> p;
  future<int> f = p.get_future();
  f.cancel();
  CHECK_THROWS_AS(p.set_value(1), spool::usage_error);
  CHECK_THROWS_AS(p.set_exception(boom()), spool::usage_error);
  CHECK(f.cancelled());
  CHECK_THROWS_AS(f.result(), spool::cancelled_error);
}

TEST_CASE("a second set is a usage_error and the first stays") {
  const hook_log log;
  for (const bool first_fails : {false, true}) {
    for (const bool running : {false, true}) {
      promise<int> p;
      future<int> f = p.get_future();
      if (running) CHECK(p.set_running_or_notify_cancel());
      if (first_fails) {
        p.set_exception(boom("first"));
      } else {
        p.set_value(1);
      }
      CHECK_THROWS_AS(p.set_value(2), spool::usage_error);
      CHECK_THROWS_AS(p.set_exception(boom("second")), spool::usage_error);
      CHECK_THROWS_AS(p.set_running_or_notify_cancel(), spool::usage_error);
      CHECK(f.done());
      CHECK_FALSE(f.running());
      if (first_fails) {
        CHECK_THROWS_WITH(f.result(), "first");
      } else {
        CHECK(f.result() == 1);
      }
    }
  }
  CHECK(log.size() == 0);
}

TEST_CASE("a second set of running is a usage_error, and the future still runs") {
  promise<int> p;
  future<int> f = p.get_future();
  CHECK(p.set_running_or_notify_cancel());
  CHECK_THROWS_AS(p.set_running_or_notify_cancel(), spool::usage_error);
  CHECK(f.running());
  p.set_value(5);
  CHECK(f.result() == 5);
}

TEST_CASE("set_exception of null is an invalid_argument, and the promise stays usable") {
  promise<int> p;
  future<int> f = p.get_future();
  CHECK_THROWS_AS(p.set_exception(nullptr), std::invalid_argument);
  CHECK_FALSE(f.done());
  p.set_value(1);
  CHECK(f.result() == 1);
}

TEST_CASE("get_future may be called again, before and after the result") {
  promise<int> p;
  const future<int> f = p.get_future();
  CHECK(p.get_future() == f);
  p.set_value(4);
  CHECK(p.get_future() == f);
  CHECK(p.get_future().done());
  CHECK(f.result() == 4);
}

TEST_CASE("get_future after the last future went away still finds the result") {
  promise<std::unique_ptr<int>> p;
  static_cast<void>(p.get_future());
  p.set_value(std::make_unique<int>(9));
  const future<std::unique_ptr<int>> f = p.get_future();
  CHECK(*f.result() == 9);
  CHECK(*p.get_future().result() == 9);  // an rvalue: taken
}

TEST_CASE("a promise destroyed unset gives broken_promise_error, run or not") {
  const hook_log log;
  future<int> f, g;
  {
    promise<int> p, q;
    f = p.get_future();
    g = q.get_future();
    q.set_running_or_notify_cancel();
  }
  CHECK(f.done());
  CHECK(g.done());
  CHECK_FALSE(g.running());
  CHECK_FALSE(f.cancelled());
  CHECK_THROWS_AS(f.result(), spool::broken_promise_error);
  CHECK_THROWS_AS(g.result(), spool::broken_promise_error);
  CHECK(f.exception() != nullptr);
  CHECK_FALSE(f.cancel());
}

TEST_CASE("a promise that is moved is not broken; one that is assigned over is") {
  promise<int> p;
  future<int> f = p.get_future();
  promise<int> q = std::move(p);
  CHECK_FALSE(f.done());
  promise<int> r;
  future<int> g = r.get_future();
  r = std::move(q);
  CHECK(g.done());
  CHECK_THROWS_AS(g.result(), spool::broken_promise_error);
  CHECK_FALSE(f.done());
  r.set_value(1);
  CHECK(f.result() == 1);
}

TEST_CASE("a moved-from promise is misuse that is reported, and it may be assigned to") {
  promise<int> p;
  promise<int> q = std::move(p);
  CHECK_THROWS_AS(p.get_future(), spool::usage_error);  // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(p.set_value(1), spool::usage_error);
  CHECK_THROWS_AS(p.set_exception(boom()), spool::usage_error);
  CHECK_THROWS_AS(p.set_running_or_notify_cancel(), spool::usage_error);
  p = promise<int>();
  p.set_value(2);
  CHECK(p.get_future().result() == 2);
  q.set_value(3);
  CHECK(q.get_future().result() == 3);
}

TEST_CASE("a promise destroyed after a cancel leaves the future cancelled") {
  future<int> f;
  {
    promise<int> p;
    f = p.get_future();
    f.cancel();
  }
  CHECK(f.cancelled());
  CHECK_THROWS_AS(f.result(), spool::cancelled_error);
}

// ── results ──

TEST_CASE("result on an lvalue gives the same object again and again") {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  p.set_value("a string that is too long for the small buffer");
  std::string const* const first = &f.result();
  CHECK(&f.result() == first);
  CHECK(&f.get() == first);
  CHECK(&f.result_for(0s) == first);
  CHECK(&f.result_until(steady::time_point::max()) == first);
  const future<std::string> copy = f;
  CHECK(&copy.result() == first);
  CHECK(*first == "a string that is too long for the small buffer");
}

TEST_CASE("result on an rvalue moves it out, for all its handles: a second taking is a usage_error") {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  future<std::unique_ptr<int>> g = f, h = f;
  p.set_value(std::make_unique<int>(5));
  CHECK(*f.result() == 5);
  const std::unique_ptr<int> taken = std::move(f).result();
  REQUIRE(taken);
  CHECK(*taken == 5);
  CHECK_THROWS_AS(std::move(g).result(), spool::usage_error);
  CHECK_THROWS_AS(std::move(h).get(), spool::usage_error);
  CHECK_THROWS_AS(std::move(f).result(), spool::usage_error);  // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(p.get_future().result_for(0s), spool::usage_error);
}

TEST_CASE("a result that was taken cannot be read any more, and its future is still done without an exception") {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  const future<std::string> g = f;
  p.set_value("x");
  CHECK(std::move(f).result() == "x");
  CHECK(g.done());
  g.wait();
  CHECK(g.exception() == nullptr);
  CHECK_THROWS_AS(g.result(), spool::usage_error);
}

TEST_CASE("of many threads that take one result, one gets it and the others a usage_error") {
  promise<std::unique_ptr<int>> p;
  int taken = 0, refused = 0, odd = 0;
  std::array<std::string, 3> seen;
  const auto take = [&p, &seen](std::size_t i) {
    future<std::unique_ptr<int>> f = p.get_future();
    seen[i] = outcome([&] {
      const std::unique_ptr<int> mine = std::move(f).result();
      if (!mine || *mine != 8) throw std::runtime_error("not whole");
    });
  };
  duel(
      rounds_of(5'000), [&] { p = {}, p.set_value(std::make_unique<int>(8)); },
      [&] {
        for (std::string const& s : seen) {
          (s == "fine" ? taken : s == "usage_error" ? refused : odd) += 1;
        }
      },
      [&] { take(0); }, [&] { take(1); }, [&] { take(2); });
  CHECK(taken == rounds_of(5'000));
  CHECK(refused == 2 * rounds_of(5'000));
  CHECK(odd == 0);
}

TEST_CASE("a taking that gives up after its time leaves the result to be taken") {
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  CHECK_THROWS_AS(std::move(f).result_for(0s), spool::timeout_error);
  CHECK_THROWS_AS(std::move(f).result_until(steady::now()), spool::timeout_error);  // NOLINT
  REQUIRE(f.valid());                                                               // NOLINT
  p.set_value(std::make_unique<int>(1));
  CHECK(*std::move(f).result_for(0s) == 1);
}

TEST_CASE("a taking whose move throws has taken nothing") {
  tracked::reset();
  {
    promise<tracked> p;
    future<tracked> f = p.get_future();
    p.set_value(tracked(6));
    bool threw = true;
    int tries = 0;
    for (int n = 1; threw && n < 10; ++n) {
      tracked::fail_at_move(n);
      threw = false;
      try {
        ++tries;
        future<tracked> g = f;
        const tracked mine = std::move(g).result();
        CHECK(mine.value == 6);
      } catch (tracked_failure const&) {
        threw = true;
      }
      tracked::fail_at_move(0);
      if (threw) {
        REQUIRE(f.result().value == 6);
      }
    }
    CHECK_FALSE(threw);
    CHECK(tries >= 2);
    CHECK_THROWS_AS(std::move(f).result(), spool::usage_error);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("result throws what the task threw, again and again, to every handle") {
  promise<int> p;
  future<int> f = p.get_future();
  const future<int> g = f;
  p.set_exception(boom("mine"));
  std::vector<std::runtime_error const*> objects;
  for (int i = 0; i < 2; ++i) {
    for (future<int> const* each : {&std::as_const(f), &g}) {
      try {
        static_cast<void>(each->result());
      } catch (std::runtime_error const& e) {
        CHECK(std::string(e.what()) == "mine");
        objects.push_back(&e);
      }
    }
  }
  REQUIRE(objects.size() == 4);
  CHECK(std::count(objects.begin(), objects.end(), objects.front()) == 4);  // one object
  CHECK(f.exception() != nullptr);
  CHECK(f.exception() == g.exception());
  CHECK_THROWS_WITH(std::move(f).result(), "mine");
}

TEST_CASE("an exception may be anything, also one that is no std::exception") {
  promise<void> p;
  future<void> f = p.get_future();
  p.set_exception(std::make_exception_ptr(42));
  CHECK_THROWS_AS(f.result(), int);
  try {
    std::rethrow_exception(f.exception());
    CHECK(false);
  } catch (int i) {
    CHECK(i == 42);
  }
}

TEST_CASE("exception is null if there is none") {
  promise<int> p;
  promise<void> q;
  p.set_value(1);
  q.set_value();
  CHECK(p.get_future().exception() == nullptr);
  CHECK(q.get_future().exception() == nullptr);
}

TEST_CASE("exception with a limit gives up with timeout_error, and else is as exception") {
  promise<int> value, error, cancelled;
  const future<int> fine = value.get_future(), failed = error.get_future(), gone = cancelled.get_future();
  for (future<int> const* each : {&fine, &failed, &gone}) {
    CHECK_THROWS_AS(static_cast<void>(each->exception_for(0s)), spool::timeout_error);
    CHECK_THROWS_AS(static_cast<void>(each->exception_for(1us)), spool::timeout_error);
    CHECK_THROWS_AS(static_cast<void>(each->exception_until(steady::now())), spool::timeout_error);
  }
  value.set_value(1);
  error.set_exception(boom("mine"));
  gone.cancel();
  CHECK(fine.exception_for(0s) == nullptr);
  CHECK(fine.exception_until(steady::time_point::min()) == nullptr);
  CHECK(failed.exception_for(0s) == failed.exception());
  CHECK(failed.exception_until(steady::time_point::max()) == failed.exception());
  CHECK_THROWS_AS(static_cast<void>(gone.exception_for(0s)), spool::cancelled_error);
  CHECK_THROWS_AS(static_cast<void>(gone.exception_until(steady::now())), spool::cancelled_error);
}

TEST_CASE("a result may be void, a reference, or of any type that moves") {
  SECTION("void") {
    promise<void> p;
    future<void> f = p.get_future();
    CHECK_FALSE(f.wait_for(0s));
    p.set_value();
    f.result();
    f.get();
    f.result_for(0s);
    std::move(f).result();
  }
  SECTION("reference") {
    int i = 1;
    promise<int&> p;
    future<int&> f = p.get_future();
    p.set_value(i);
    CHECK(&f.result() == &i);
    f.result() = 2;
    CHECK(i == 2);
    CHECK(&std::move(f).result() == &i);
  }
  SECTION("reference to const, and to what is no object of its own kind") {
    const std::string s = "s";
    promise<std::string const&> p;
    p.set_value(s);
    CHECK(&p.get_future().result() == &s);
    promise<int (&)(int)> q;
    static int (*const identity)(int) = [](int i) { return i; };
    q.set_value(*identity);
    CHECK(q.get_future().result()(3) == 3);
  }
  SECTION("move-only") {
    promise<std::unique_ptr<int>> p;
    future<std::unique_ptr<int>> f = p.get_future();
    auto mine = std::make_unique<int>(3);
    p.set_value(std::move(mine));
    CHECK(*f.result() == 3);
    CHECK(*std::move(f).result() == 3);
  }
  SECTION("without a default constructor") {
    struct strict {
      explicit strict(int v) : value(v) {}
      int value;
    };
    promise<strict> p;
    p.set_value(strict(3));
    CHECK(p.get_future().result().value == 3);
  }
  SECTION("with an unhelpful operator&") {
    struct shy {
      int value = 4;
      void operator&() const = delete;
    };
    promise<shy> p;
    future<shy> f = p.get_future();
    p.set_value(shy{});
    CHECK(f.result().value == 4);
    CHECK(std::move(f).result().value == 4);
  }
  SECTION("an exception_ptr is a value like another") {
    promise<std::exception_ptr> p;
    future<std::exception_ptr> f = p.get_future();
    p.set_value(boom("inside"));
    CHECK(f.exception() == nullptr);
    CHECK_THROWS_WITH(std::rethrow_exception(f.result()), "inside");
  }
  SECTION("a future") {
    promise<future<int>> outer;
    promise<int> inner;
    future<future<int>> f = outer.get_future();
    outer.set_value(inner.get_future());
    CHECK(f.done());
    CHECK_FALSE(f.result().done());
    inner.set_value(1);
    CHECK(f.result().result() == 1);
  }
  SECTION("an any, an optional, a bool, a null pointer") {
    promise<std::any> a;
    a.set_value(std::any(1));
    CHECK(std::any_cast<int>(a.get_future().result()) == 1);
    promise<std::optional<int>> o;
    o.set_value(std::nullopt);
    CHECK_FALSE(o.get_future().result().has_value());
    promise<bool> b;
    b.set_value(false);
    CHECK_FALSE(b.get_future().result());
    promise<int*> n;
    n.set_value(nullptr);
    CHECK(n.get_future().result() == nullptr);
  }
}

namespace {

template <std::size_t Alignment>
struct alignas(Alignment) aligned_block {
  unsigned char bytes[Alignment] = {};
};

template <class T>
bool lies_aligned(T const& object) {
  return reinterpret_cast<std::uintptr_t>(&object) % alignof(T) == 0;
}

template <std::size_t Alignment>
int misaligned_results() {
  int wrong = 0;
  std::vector<promise<aligned_block<Alignment>>> promises(33);
  std::vector<future<aligned_block<Alignment>>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  for (auto& p : promises) p.set_value(aligned_block<Alignment>{});
  for (auto& f : futures) wrong += lies_aligned(f.result()) ? 0 : 1;
  return wrong;
}

}  // namespace

TEST_CASE("an over-aligned result lies aligned") {
  CHECK(misaligned_results<16>() == 0);
  CHECK(misaligned_results<64>() == 0);
  CHECK(misaligned_results<256>() == 0);
  CHECK(misaligned_results<4096>() == 0);
}

TEST_CASE("set_value that throws has changed nothing and has not moved from its argument") {
  tracked::reset();
  {
    SECTION("a move that throws") {
      promise<tracked> p;
      future<tracked> f = p.get_future();
      tracked mine(5);
      bool set = false;
      for (int n = 1; !set && n < 10; ++n) {
        tracked::fail_at_move(n);
        try {
          p.set_value(std::move(mine));
          set = true;
        } catch (tracked_failure const&) {
          CHECK(mine.value == 5);
          CHECK_FALSE(f.done());
        }
        tracked::fail_at_move(0);
      }
      REQUIRE(set);
      CHECK(f.result().value == 5);
    }
    SECTION("a copy that throws") {
      promise<tracked> p;
      future<tracked> f = p.get_future();
      const tracked mine(5);
      tracked::fail_at_copy(1);
      CHECK_THROWS_AS(p.set_value(mine), tracked_failure);
      tracked::fail_at_copy(0);
      CHECK_FALSE(f.done());
      CHECK_FALSE(f.running());
      CHECK(f.cancel());  // still pending, so that it can be cancelled
    }
    SECTION("a copy that throws while it runs: it runs on, and may end") {
      promise<tracked> p;
      future<tracked> f = p.get_future();
      const tracked mine(5);
      CHECK(p.set_running_or_notify_cancel());
      tracked::fail_at_copy(1);
      CHECK_THROWS_AS(p.set_value(mine), tracked_failure);
      tracked::fail_at_copy(0);
      CHECK(f.running());
      p.set_exception(boom("instead"));
      CHECK_THROWS_WITH(f.result(), "instead");
    }
    SECTION("a set that comes too late") {
      promise<tracked> p, q;
      p.set_value(tracked(1));
      tracked mine(2);
      CHECK_THROWS_AS(p.set_value(std::move(mine)), spool::usage_error);
      CHECK(mine.value == 2);  // NOLINT(bugprone-use-after-move)
      q.get_future().cancel();
      CHECK_THROWS_AS(q.set_value(std::move(mine)), spool::usage_error);
      CHECK(mine.value == 2);
    }
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("of two threads that set one promise one wins, and the other's argument is whole") {
  promise<std::unique_ptr<int>> p;
  std::unique_ptr<int> first, second;
  bool first_set = false, second_set = false;
  int wrong = 0;
  const auto set = [&p](std::unique_ptr<int>& value, bool& was_set) {
    try {
      p.set_value(std::move(value));
      was_set = true;
    } catch (spool::usage_error const&) {
      was_set = false;
    }
  };
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        first = std::make_unique<int>(1);
        second = std::make_unique<int>(2);
      },
      [&] {
        if (first_set == second_set || first_set != !first || second_set != !second) ++wrong;
        if (*p.get_future().result() != (first_set ? 1 : 2)) ++wrong;
      },
      [&] { set(first, first_set); }, [&] { set(second, second_set); });
  CHECK(wrong == 0);
}

TEST_CASE("a value goes away with its last handle, and with the taking") {
  tracked::reset();
  {
    promise<tracked> p;
    future<tracked> f = p.get_future();
    p.set_value(tracked(1));
    CHECK(tracked::live() == 1);
    future<tracked> g = f;
    f = {};
    CHECK(tracked::live() == 1);
    p = {};
    CHECK(tracked::live() == 1);
    g = {};
    CHECK(tracked::live() == 0);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("copying a handle copies no result") {
  tracked::reset();
  {
    promise<tracked> p;
    future<tracked> f = p.get_future();
    p.set_value(tracked(1));
    const std::vector<future<tracked>> many(100, f);
    CHECK(many.back().result().value == 1);
    CHECK(tracked::copies() == 0);
    CHECK(tracked::live() == 1);
  }
}

// ── waiting ──

TEST_CASE("zero and negative timeouts poll once") {
  promise<int> p;
  const future<int> f = p.get_future();
  CHECK_FALSE(f.wait_for(0s));
  CHECK_FALSE(f.wait_for(-1ns));
  CHECK_FALSE(f.wait_for(std::chrono::hours::min()));
  CHECK_FALSE(f.wait_for(std::chrono::nanoseconds::min()));
  CHECK_FALSE(f.wait_for(std::chrono::duration<double>(-1e300)));
  CHECK_FALSE(f.wait_until(steady::now()));
  CHECK_FALSE(f.wait_until(steady::time_point::min()));
  CHECK_FALSE(f.wait_until(std::chrono::system_clock::now() - 1h));
  CHECK_FALSE(f.wait_until(std::chrono::system_clock::time_point::min()));
  CHECK_FALSE(f.wait_until(odd_clock::now()));
  CHECK_THROWS_AS(f.result_for(0s), spool::timeout_error);
  CHECK_THROWS_AS(f.result_for(-1s), spool::timeout_error);
  CHECK_THROWS_AS(f.result_until(steady::time_point::min()), spool::timeout_error);
  CHECK_THROWS_AS(static_cast<void>(f.exception_for(-1s)), spool::timeout_error);
  CHECK_THROWS_AS(static_cast<void>(f.exception_until(steady::time_point::min())), spool::timeout_error);
  p.set_value(1);
  CHECK(f.wait_for(0s));
  CHECK(f.wait_for(-1ns));
  CHECK(f.wait_until(steady::time_point::min()));
  CHECK(f.wait_until(odd_clock::now() - 1h));
  CHECK(f.result_for(std::chrono::nanoseconds::min()) == 1);
  CHECK(f.result_until(std::chrono::system_clock::time_point::min()) == 1);
}

TEST_CASE("the largest duration and time point mean for ever and never overflow") {
  promise<int> p;
  const future<int> f = p.get_future();
  std::atomic<int> right{0};
  crew waiters(9, [&](std::size_t i) {
    bool done = false;
    switch (i) {
      case 0:
        done = f.wait_for(std::chrono::nanoseconds::max());
        break;
      case 1:
        done = f.wait_for(std::chrono::hours::max());
        break;
      case 2:
        done = f.wait_for(std::chrono::duration<double>(1e300));
        break;
      case 3:
        done = f.wait_until(steady::time_point::max());
        break;
      case 4:
        done = f.wait_until(std::chrono::system_clock::time_point::max());
        break;
      case 5:
        done = f.result_for(std::chrono::duration<std::uint64_t>::max()) == 1;
        break;
      case 6:
        done = f.exception_for(std::chrono::hours::max()) == nullptr;
        break;
      case 7:
        done = f.exception_until(std::chrono::system_clock::time_point::max()) == nullptr;
        break;
      default:
        done = f.result_until(std::chrono::time_point<std::chrono::system_clock, std::chrono::hours>::max()) == 1;
    }
    if (done) ++right;
  });
  CHECK_FALSE(f.wait_for(2ms));  // gives them time to wait; decides nothing
  p.set_value(1);
  waiters.join();
  CHECK(right == 9);
}

TEST_CASE("no timeout of a future fires early") {
  promise<int> p;
  const future<int> f = p.get_future();
  const auto begin = steady::now();
  CHECK_FALSE(f.wait_for(3ms));
  CHECK(steady::now() - begin >= 3ms);
  const auto then = steady::now() + 3ms;
  CHECK_FALSE(f.wait_until(then));
  CHECK(steady::now() >= then);
  const auto wall = std::chrono::system_clock::now() + 3ms;
  const auto before = steady::now();
  CHECK_FALSE(f.wait_until(wall));
  CHECK(steady::now() - before >= 2ms);
  const auto odd = odd_clock::now() + 3ms;
  CHECK_FALSE(f.wait_until(odd));
  CHECK(odd_clock::now() >= odd);
  const auto start = steady::now();
  CHECK_THROWS_AS(f.result_for(std::chrono::duration<double, std::milli>(2.5)), spool::timeout_error);
  CHECK(steady::now() - start >= 2500us);
  CHECK_THROWS_AS(f.result_until(start + 6ms), spool::timeout_error);
  CHECK(steady::now() >= start + 6ms);
}

TEST_CASE("every way to wait is ended by a value, an exception, a cancel and a broken promise") {
  const std::vector<std::function<std::string(future<int> const&)>> ways{
      [](future<int> const& f) {
        return outcome([&] { f.wait(); }) + "/" + outcome([&] { static_cast<void>(f.result()); });
      },
      [](future<int> const& f) {
        return (f.wait_for(1h) ? "fine/" : "late/") + outcome([&] { static_cast<void>(f.result()); });
      },
      [](future<int> const& f) {
        return (f.wait_until(std::chrono::system_clock::now() + 1h) ? "fine/" : "late/") +
               outcome([&] { static_cast<void>(f.result()); });
      },
      [](future<int> const& f) {
        return (f.wait(std::stop_token{}) ? "fine/" : "late/") + outcome([&] { static_cast<void>(f.result()); });
      },
      [](future<int> const& f) { return "fine/" + outcome([&] { static_cast<void>(f.result()); }); },
      [](future<int> const& f) { return "fine/" + outcome([&] { static_cast<void>(f.get()); }); },
      [](future<int> const& f) { return "fine/" + outcome([&] { static_cast<void>(f.result_for(1h)); }); },
      [](future<int> const& f) {
        return "fine/" + outcome([&] { static_cast<void>(f.result_until(steady::now() + 1h)); });
      },
      [](future<int> const& f) {
        return "fine/" + outcome([&] {
                 if (const auto e = f.exception()) std::rethrow_exception(e);
               });
      },
      [](future<int> const& f) {
        return "fine/" + outcome([&] {
                 if (const auto e = f.exception_for(1h)) std::rethrow_exception(e);
               });
      },
      [](future<int> const& f) {
        return "fine/" + outcome([&] {
                 if (const auto e = f.exception_until(std::chrono::system_clock::now() + 1h)) std::rethrow_exception(e);
               });
      },
  };
  struct ending {
    const char* expected;
    std::function<void(std::optional<promise<int>>&)> bring_about;
  };
  const std::vector<ending> endings{
      {"fine/fine", [](auto& p) { p->set_value(1); }},
      {"fine/boom", [](auto& p) { p->set_exception(boom()); }},
      {"fine/cancelled_error", [](auto& p) { p->get_future().cancel(); }},
      {"fine/broken_promise_error", [](auto& p) { p.reset(); }},
  };
  for (ending const& e : endings) {
    for (int round = 0; round < rounds_of(20); ++round) {
      std::optional<promise<int>> p(std::in_place);
      const future<int> f = p->get_future();
      std::vector<std::string> seen(ways.size());
      crew waiters(ways.size(), [&](std::size_t i) { seen[i] = ways[i](f); });
      if (round % 2 == 0) static_cast<void>(f.wait_for(1ms));  // lets them go to sleep; decides nothing
      e.bring_about(p);
      waiters.join();
      CHECK(seen == std::vector<std::string>(ways.size(), e.expected));
    }
  }
}

TEST_CASE("a wait gives up on a stop request") {
  promise<int> p;
  const future<int> f = p.get_future();
  std::stop_source stop;
  std::atomic<int> gave_up{0};
  crew waiters(3, [&] {
    if (!f.wait(stop.get_token())) ++gave_up;
  });
  std::atomic<bool> other_ended{false};
  waiters.start([&] {
    f.wait();  // one that takes no token waits on
    other_ended = true;
  });
  static_cast<void>(f.wait_for(1ms));
  stop.request_stop();
  eventually([&] { return gave_up == 3; });
  CHECK_FALSE(f.wait(stop.get_token()));
  CHECK_FALSE(f.done());
  CHECK_FALSE(other_ended);
  p.set_value(1);
  waiters.join();
  CHECK(other_ended);
  CHECK(f.wait(stop.get_token()));  // done: nothing to give up
}

TEST_CASE("a wait with a stop request racing with the completion ends, and is true only if done") {
  promise<int> p;
  future<int> f;
  std::stop_source stop;
  int wrong = 0;
  bool was_done = false, done_after = false;
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        f = p.get_future();
        stop = {};
      },
      [&] {
        if (was_done && !done_after) ++wrong;
        if (!f.done()) ++wrong;
      },
      [&] {
        was_done = f.wait(stop.get_token());
        done_after = f.done();
      },
      [&] { p.set_value(1); }, [&] { stop.request_stop(); });
  CHECK(wrong == 0);
}

TEST_CASE("of two waiters, one of which times out, the other is still released") {
  int ended = 0, early = 0;
  for (int round = 0; round < rounds_of(200); ++round) {
    promise<int> p;
    const future<int> f = p.get_future();
    std::atomic<bool> first_done{false}, second_done{false};
    bool timed_out_early = false;
    {
      crew waiters(2, [&](std::size_t i) {
        if (i == 0) {
          f.wait();
          first_done = true;
        } else {
          const auto begin = steady::now();
          if (!f.wait_for(50us) && steady::now() - begin < 50us) timed_out_early = true;
          second_done = true;
        }
      });
      eventually([&] { return second_done.load(); });
      p.set_value(1);
      waiters.join();
    }
    ended += first_done ? 1 : 0;
    early += timed_out_early ? 1 : 0;
  }
  CHECK(ended == rounds_of(200));
  CHECK(early == 0);
}

TEST_CASE("completion against a wait with a timeout: who gives up missed nothing, who does not sees the result") {
  promise<std::vector<int>> p;
  future<std::vector<int>> f;
  int wrong = 0, gave_up = 0, released = 0;
  std::string seen_for;
  bool waited = false, readable = true;
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        f = p.get_future();
        readable = true;
      },
      [&] {
        (waited ? released : gave_up) += 1;
        if (!readable) ++wrong;
        if (seen_for != "fine" && seen_for != "timeout_error") ++wrong;
        if (!f.wait_for(0s) || f.result().size() != 3) ++wrong;
      },
      [&] {
        waited = f.wait_for(2us);
        if (waited) readable = f.result_for(0s).size() == 3;
      },
      [&] { seen_for = outcome([&] { static_cast<void>(f.result_for(1us)); }); },
      [&] { p.set_value(std::vector{1, 2, 3}); });
  CHECK(wrong == 0);
  CHECK(gave_up + released == rounds_of(10'000));
}

TEST_CASE("completion against cancel: exactly one of them happens") {
  promise<int> p;
  future<int> f;
  bool set = false, cancelled = false;
  int both = 0, neither = 0, sets = 0, lies = 0;
  duel(
      rounds_of(20'000),
      [&] {
        p = {};
        f = p.get_future();
      },
      [&] {
        if (set && cancelled) ++both;
        if (!set && !cancelled) ++neither;
        sets += set ? 1 : 0;
        if (f.cancelled() != cancelled || !f.done()) ++lies;
        const std::string seen = outcome([&] { static_cast<void>(f.result()); });
        if (seen != (set ? "fine" : "cancelled_error")) ++lies;
      },
      [&] { cancelled = f.cancel(); },
      [&] {
        try {
          p.set_value(1);
          set = true;
        } catch (spool::usage_error const&) {
          set = false;
        }
      });
  CHECK(both == 0);
  CHECK(neither == 0);
  CHECK(lies == 0);
  CAPTURE(sets);
}

TEST_CASE("start against cancel: it runs or is cancelled, never both, and all who cancel agree") {
  promise<int> p;
  future<int> f;
  bool runs = false;
  std::array<bool, 2> cancelled{};
  int wrong = 0;
  duel(
      rounds_of(20'000),
      [&] {
        p = {};
        f = p.get_future();
      },
      [&] {
        if (cancelled[0] != cancelled[1] || runs == cancelled[0]) ++wrong;
        if (f.running() != runs || f.cancelled() == runs || f.done() == runs) ++wrong;
      },
      [&] { cancelled[0] = f.cancel(); }, [&] { cancelled[1] = f.cancel(); },
      [&] { runs = p.set_running_or_notify_cancel(); });
  CHECK(wrong == 0);
}

TEST_CASE("a promise going away against cancel: broken or cancelled, and done") {
  std::optional<promise<int>> p;
  future<int> f;
  bool cancelled = false;
  int wrong = 0;
  const hook_log log;
  duel(
      rounds_of(10'000),
      [&] {
        p.emplace();
        f = p->get_future();
      },
      [&] {
        const std::string seen = outcome([&] { static_cast<void>(f.result()); });
        if (seen != (cancelled ? "cancelled_error" : "broken_promise_error")) ++wrong;
      },
      [&] { cancelled = f.cancel(); }, [&] { p.reset(); });
  CHECK(wrong == 0);
  CHECK(log.size() == 0);
}

TEST_CASE("many waiters of one future are all released, and see the same result") {
  for (int round = 0; round < rounds_of(50); ++round) {
    promise<std::string> p;
    const future<std::string> f = p.get_future();
    std::array<std::string const*, 16> seen{};
    crew waiters(seen.size(), [&](std::size_t i) {
      const future<std::string> mine = f;
      seen[i] = &mine.result();
    });
    p.set_value("shared");
    waiters.join();
    CHECK(std::count(seen.begin(), seen.end(), &f.result()) == 16);
  }
}

TEST_CASE("many threads wait on many futures that many threads complete") {
  constexpr std::size_t n = 500;
  std::vector<promise<std::size_t>> promises(n);
  std::vector<future<std::size_t>> futures;
  for (auto& p : promises) futures.push_back(p.get_future());
  std::array<std::size_t, 4> sums{};
  crew threads(8, [&](std::size_t i) {
    if (i < 4) {
      for (std::size_t k = 0; k < n; ++k) {
        future<std::size_t> copy = futures[(k * 7 + i * 13) % n];
        sums[i] += copy.result();
      }
    } else {
      for (std::size_t k = i - 4; k < n; k += 4) promises[k].set_value(k);
    }
  });
  threads.join();
  CHECK(std::count(sums.begin(), sums.end(), n * (n - 1) / 2) == 4);
}

TEST_CASE("what happened before a set is seen after a wait") {
  promise<void> p;
  future<void> f;
  std::vector<int> plain;  // no atomics: ThreadSanitizer watches
  int wrong = 0;
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        f = p.get_future();
        plain.clear();
      },
      [] {},
      [&] {
        f.wait();
        if (plain.size() != 3) ++wrong;
      },
      [&] {
        plain = {1, 2, 3};
        p.set_value();
      });
  CHECK(wrong == 0);
}

TEST_CASE("what happened before a poll that is true is seen") {
  promise<void> p;
  future<void> f;
  int plain = 0, wrong = 0;
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        f = p.get_future();
        plain = 0;
      },
      [] {},
      [&] {
        eventually([&] { return f.done(); });
        if (plain != 1) ++wrong;
      },
      [&] {
        plain = 1;
        p.set_value();
      });
  CHECK(wrong == 0);
}

TEST_CASE("a future and its promise may be destroyed as soon as the wait has returned") {
  std::optional<promise<std::vector<int>>> p;
  future<std::vector<int>> f;
  int wrong = 0;
  duel(
      rounds_of(20'000),
      [&] {
        p.emplace();
        f = p->get_future();
      },
      [] {},
      [&] {
        if (f.result().size() != 2) ++wrong;
        f = {};
        p.reset();  // while set_value may be returning
      },
      [&] { p->set_value(std::vector{1, 2}); });
  CHECK(wrong == 0);
}

TEST_CASE("a waiter may drop the last handle while the cancel that released it is returning") {
  promise<int> p;
  future<int> f;
  int wrong = 0;
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        f = p.get_future();
      },
      [&] { f = {}; },
      [&] {
        future<int> mine = p.get_future();
        mine.wait();
        if (!mine.cancelled()) ++wrong;
        p = {};
      },
      [&] {
        if (!f.cancel()) ++wrong;
      });
  CHECK(wrong == 0);
}

TEST_CASE("completion against the drop of the last handle destroys the value once") {
  tracked::reset();
  std::optional<promise<tracked>> p;
  future<tracked> f;
  int left = 0;
  duel(
      rounds_of(10'000),
      [&] {
        p.emplace();
        f = p->get_future();
      },
      [&] { left += tracked::live() == 0 ? 0 : 1; }, [&] { f = {}; },
      [&] {
        p->set_value(tracked(1));
        p.reset();
      });
  CHECK(left == 0);
}

TEST_CASE("threads that wait use no processor time") {
  promise<int> p;
  const future<int> f = p.get_future();
  crew waiters(100, [&] { static_cast<void>(f.wait_for(300ms)); });
  const auto before = cpu_time();
  waiters.join();
  CHECK(cpu_time() - before < 200ms);  // two that spin would use 600 ms here, one 300
}

// ── callbacks ──

TEST_CASE("callbacks run once each in the order added, with the future") {
  for (const int ending : {0, 1, 2, 3}) {
    CAPTURE(ending);
    std::optional<promise<int>> p(std::in_place);
    future<int> f = p->get_future();
    std::vector<int> order;
    int wrong = 0;
    for (int i = 0; i < 20; ++i) {
      f.add_done_callback([&, i](future<int> const& g) {
        order.push_back(i);
        if (g != f || !g.done()) ++wrong;
      });
    }
    CHECK(order.empty());
    switch (ending) {
      case 0:
        p->set_value(1);
        break;
      case 1:
        p->set_exception(boom());
        break;
      case 2:
        CHECK(f.cancel());
        break;
      default:
        p.reset();
    }
    std::vector<int> expected(20);
    for (int i = 0; i < 20; ++i) expected[static_cast<std::size_t>(i)] = i;
    CHECK(order == expected);
    CHECK(wrong == 0);
    CHECK(f.cancel() == (ending == 2));
    if (p) p.reset();
    CHECK(order.size() == 20);
  }
}

TEST_CASE("callbacks of a running future wait for its end") {
  promise<int> p;
  future<int> f = p.get_future();
  int runs = 0;
  f.add_done_callback([&](future<int> const&) { ++runs; });
  CHECK(p.set_running_or_notify_cancel());
  f.add_done_callback([&](future<int> const&) { ++runs; });
  CHECK(runs == 0);
  CHECK_FALSE(f.cancel());
  CHECK(runs == 0);
  p.set_value(1);
  CHECK(runs == 2);
}

TEST_CASE("a callback added to a done future runs at once, in the adding thread") {
  promise<int> p, q;
  p.set_value(1);
  q.get_future().cancel();
  int runs = 0;
  std::thread::id where;
  const auto note = [&](future<int> const& f) {
    runs += f.done() ? 1 : 100;
    where = std::this_thread::get_id();
  };
  p.get_future().add_done_callback(note);
  CHECK(runs == 1);
  q.get_future().add_done_callback(note);
  CHECK(runs == 2);
  CHECK(where == std::this_thread::get_id());
  crew::run(1, [&] { p.get_future().add_done_callback(note); });
  CHECK(runs == 3);
  CHECK(where != std::this_thread::get_id());
}

TEST_CASE("callbacks run in the thread that completes or cancels the future") {
  for (const int ending : {0, 1, 2, 3}) {
    CAPTURE(ending);
    std::optional<promise<int>> p(std::in_place);
    future<int> f = p->get_future();
    std::thread::id ran_in, completed_in;
    f.add_done_callback([&](future<int> const&) { ran_in = std::this_thread::get_id(); });
    crew::run(1, [&] {
      completed_in = std::this_thread::get_id();
      switch (ending) {
        case 0:
          p->set_value(1);
          break;
        case 1:
          p->set_exception(boom());
          break;
        case 2:
          f.cancel();
          break;
        default:
          p.reset();
      }
    });
    CHECK(ran_in == completed_in);
    CHECK(ran_in != std::thread::id());
  }
}

TEST_CASE("callbacks run after the waiters are released") {
  for (int round = 0; round < rounds_of(50); ++round) {
    promise<int> p;
    const future<int> f = p.get_future();
    std::atomic<int> released{0};
    bool all = false;
    f.add_done_callback([&](future<int> const&) {
      eventually([&] { return released == 4; });  // would never come true if they were released afterwards
      all = true;
    });
    crew waiters(4, [&](std::size_t i) {
      switch (i) {
        case 0:
          f.wait();
          break;
        case 1:
          static_cast<void>(f.wait_for(1h));
          break;
        case 2:
          static_cast<void>(outcome([&] { static_cast<void>(f.result()); }));
          break;
        default:
          static_cast<void>(f.wait(std::stop_token{}));
      }
      ++released;
    });
    switch (round % 3) {
      case 0:
        p.set_value(1);
        break;
      case 1:
        p.set_exception(boom());
        break;
      default:
        future<int>(f).cancel();
    }
    waiters.join();
    CHECK(all);
  }
}

TEST_CASE("a callback may be a pointer to a member of the future") {
  const hook_log log;
  promise<int> p;
  future<int> f = p.get_future();
  f.add_done_callback(&future<int>::cancel);
  f.add_done_callback(static_cast<int const& (future<int>::*)() const&>(&future<int>::result));
  p.set_exception(boom("from the member"));
  CHECK_FALSE(f.cancelled());
  CHECK(log.count("from the member") == 1);
  CHECK(log.size() == 1);
}

TEST_CASE("a callback that throws goes to the excepthook and stops no other") {
  const hook_log log;
  promise<int> p;
  future<int> f = p.get_future();
  int runs = 0;
  f.add_done_callback([&](future<int> const&) { ++runs; });
  f.add_done_callback([](future<int> const&) { throw std::runtime_error("first callback"); });
  f.add_done_callback([&](future<int> const&) { ++runs; });
  f.add_done_callback([](future<int> const&) { throw 7; });
  f.add_done_callback([&](future<int> const&) { ++runs; });
  p.set_value(1);
  CHECK(runs == 3);
  CHECK(log.size() == 2);
  CHECK(log.count("first callback") == 1);
  CHECK(log.count("int 7") == 1);
  CHECK(f.result() == 1);
  f.add_done_callback([](future<int> const&) { throw std::runtime_error("at once"); });  // does not come out here
  CHECK(log.count("at once") == 1);
  for (auto const& e : log.entries()) CHECK(e.told == std::this_thread::get_id());
}

TEST_CASE("a callback that throws on cancel goes to the excepthook, and cancel is still true") {
  const hook_log log;
  promise<int> p;
  future<int> f = p.get_future();
  f.add_done_callback([](future<int> const&) { throw std::runtime_error("on cancel"); });
  CHECK(f.cancel());
  CHECK(log.count("on cancel") == 1);
}

TEST_CASE("an excepthook that throws ends nothing") {
  promise<int> p;
  future<int> f = p.get_future();
  std::atomic<int> asked{0};
  const auto before = spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) {
    ++asked;
    throw std::runtime_error("the hook");
  });
  int runs = 0;
  f.add_done_callback([](future<int> const&) { throw std::runtime_error("a callback (expected on stderr)"); });
  f.add_done_callback([&](future<int> const&) { ++runs; });
  p.set_value(1);
  spool::set_excepthook(before);
  CHECK(asked == 1);
  CHECK(runs == 1);
  CHECK(f.result() == 1);
}

TEST_CASE("a callback is destroyed as soon as it has run") {
  promise<int> p;
  future<int> f = p.get_future();
  probe first, second, late;
  bool first_gone = false;
  f.add_done_callback([held = first.take()](future<int> const&) {});
  f.add_done_callback([&, held = second.take()](future<int> const&) { first_gone = first.gone(); });
  CHECK_FALSE(first.gone());
  p.set_value(1);
  CHECK(first.gone());
  CHECK(second.gone());
  CHECK(first_gone);  // already when the next one ran
  f.add_done_callback([held = late.take()](future<int> const&) {});
  CHECK(late.gone());
}

TEST_CASE("callbacks are destroyed with no lock of the library held") {
  promise<int> p;
  future<int> f = p.get_future();
  int runs = 0;
  f.add_done_callback([end = at_end_of_life([&] {
                         f.add_done_callback([&](future<int> const&) { ++runs; });
                         runs += f.result();
                       })](future<int> const&) {});
  p.set_value(10);
  CHECK(runs == 11);
}

TEST_CASE("a callback may hold its own future, and leaks nothing") {
  probe inside;
  {
    promise<std::shared_ptr<int>> p;
    future<std::shared_ptr<int>> f = p.get_future();
    f.add_done_callback([f](future<std::shared_ptr<int>> const&) {});
    p.set_value(inside.take());
  }
  CHECK(inside.gone());
  probe never_set;
  {
    promise<int> p;
    future<int> f = p.get_future();
    f.add_done_callback([f, held = never_set.take()](future<int> const&) {});
  }
  CHECK(never_set.gone());
}

TEST_CASE("a callback may do anything with the future") {
  promise<int> p;
  future<int> f = p.get_future();
  int sum = 0;
  f.add_done_callback([&](future<int> const& g) {
    sum += g.result();
    future<int> copy = g;
    copy.wait();
    sum += copy.cancel() ? 1000 : 1;
    sum += copy.done() && !copy.running() ? 1 : 1000;
    copy.add_done_callback([&](future<int> const&) { sum += 100; });
    f = {};  // the last handle outside
  });
  p.set_value(10);
  CHECK(sum == 112);
  CHECK_FALSE(f.valid());
}

TEST_CASE("a callback added by a callback runs at once") {
  promise<int> p;
  future<int> f = p.get_future();
  std::vector<int> order;
  f.add_done_callback([&](future<int> const& g) {
    order.push_back(1);
    g.add_done_callback([&](future<int> const&) { order.push_back(2); });
    order.push_back(3);
  });
  p.set_value(1);
  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("a callback may be move-only, large, over-aligned or a plain function") {
  promise<int> p;
  future<int> f = p.get_future();
  static std::atomic<int> runs{0};
  runs = 0;
  f.add_done_callback([mine = std::make_unique<int>(1)](future<int> const&) { runs += *mine; });
  f.add_done_callback([large = std::array<int, 1000>{1}](future<int> const&) { runs += large[0]; });
  f.add_done_callback([block = aligned_block<256>{}](future<int> const&) { runs += lies_aligned(block) ? 1 : 1000; });
  f.add_done_callback(+[](future<int> const&) { ++runs; });
  f.add_done_callback([](future<int>) { ++runs; });
  f.add_done_callback([](auto const&) { ++runs; });
  p.set_value(1);
  CHECK(runs == 6);
}

TEST_CASE("a chain of callbacks and promises of any length completes") {
  constexpr std::size_t n = 500;
  std::vector<promise<int>> chain(n);
  for (std::size_t i = 0; i + 1 < n; ++i) {
    chain[i].get_future().add_done_callback([&, i](future<int> const& f) { chain[i + 1].set_value(f.result() + 1); });
  }
  chain[0].set_value(0);
  CHECK(chain[n - 1].get_future().result() == static_cast<int>(n) - 1);
}

TEST_CASE("completion against add_done_callback: each callback runs exactly once") {
  promise<int> p;
  future<int> f;
  std::array<std::atomic<int>, 6> runs{};
  int wrong = 0;
  const auto add = [&](std::size_t first) {
    for (std::size_t i = first; i < first + 3; ++i) f.add_done_callback([&, i](future<int> const&) { ++runs[i]; });
  };
  duel(
      rounds_of(10'000),
      [&] {
        p = {};
        f = p.get_future();
        for (auto& r : runs) r = 0;
      },
      [&] {
        for (auto& r : runs) wrong += r == 1 ? 0 : 1;
      },
      [&] { add(0); }, [&] { p.set_value(1); }, [&] { add(3); });
  CHECK(wrong == 0);
}

TEST_CASE("cancel against add_done_callback against set: each callback runs exactly once, those of one run in order") {
  promise<int> p;
  future<int> f;
  std::mutex mutex;
  std::vector<std::pair<std::thread::id, int>> seen;
  std::thread::id adder;
  int wrong = 0;
  duel(
      rounds_of(5'000),
      [&] {
        p = {};
        f = p.get_future();
        seen.clear();
      },
      [&] {
        if (seen.size() != 4) ++wrong;
        std::vector<int> early;  // run by the thread that ended it
        for (auto const& [where, i] : seen) {
          if (where != adder) early.push_back(i);
        }
        if (!std::is_sorted(early.begin(), early.end())) ++wrong;
        for (std::size_t i = 0; i < early.size(); ++i) wrong += early[i] == static_cast<int>(i) ? 0 : 1;
      },
      [&] {
        adder = std::this_thread::get_id();
        for (int i = 0; i < 4; ++i) {
          f.add_done_callback([&, i](future<int> const&) {
            const std::lock_guard held(mutex);
            seen.emplace_back(std::this_thread::get_id(), i);
          });
        }
      },
      [&] {
        try {
          p.set_value(1);
        } catch (spool::usage_error const&) {
        }
      },
      [&] { f.cancel(); });
  CHECK(wrong == 0);
}

TEST_CASE("request_stop on a future whose task takes no token changes nothing") {
  promise<int> p;
  future<int> f = p.get_future();
  f.request_stop();
  CHECK_FALSE(f.done());
  p.set_value(1);
  f.request_stop();
  CHECK(f.result() == 1);
}

// ── unread exceptions ──

TEST_CASE("an exception whose last handle goes away unread goes to the excepthook, with the thread that dropped it") {
  const hook_log log;
  future<int> f;
  {
    promise<int> p;
    f = p.get_future();
    p.set_exception(boom("unread"));
  }
  future<int> g = f;
  f = {};
  CHECK(log.size() == 0);  // a handle is left
  std::thread::id dropper;
  crew::run(1, [&] {
    dropper = std::this_thread::get_id();
    g = {};
  });
  const auto entries = log.entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].what == "unread");
  CHECK(entries[0].caller == dropper);
  CHECK(entries[0].told == dropper);
}

TEST_CASE("an unread exception is reported once if the futures go first, and once if the promise goes first") {
  for (const bool promise_first : {false, true}) {
    CAPTURE(promise_first);
    const hook_log log;
    {
      std::optional<promise<void>> p(std::in_place);
      future<void> f = p->get_future();
      p->set_exception(boom("unread"));
      if (promise_first) p.reset();
      f = {};
    }
    CHECK(log.count("unread") == 1);
    CHECK(log.size() == 1);
  }
}

TEST_CASE("an exception that comes after the last handle went is reported") {
  const hook_log log;
  {
    promise<int> p;
    static_cast<void>(p.get_future());
    p.set_exception(boom("nobody left"));
  }
  CHECK(log.count("nobody left") == 1);
}

TEST_CASE("an exception that was asked for is not reported: result, exception, a callback") {
  const hook_log log;
  for (const int way : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
    CAPTURE(way);
    promise<int> p;
    future<int> f = p.get_future();
    if (way == 0) f.add_done_callback([](future<int> const&) {});
    p.set_exception(boom("read"));
    switch (way) {
      case 0:
        break;
      case 1:
        CHECK_THROWS(f.result());
        break;
      case 2:
        CHECK_THROWS(f.get());
        break;
      case 3:
        CHECK_THROWS(f.result_for(0s));
        break;
      case 4:
        CHECK_THROWS(f.result_until(steady::now()));
        break;
      case 5:
        CHECK(f.exception() != nullptr);
        break;
      case 6:
        f.add_done_callback([](future<int> const&) {});
        break;
      case 7:
        CHECK(f.exception_for(0s) != nullptr);
        break;
      case 8:
        CHECK(f.exception_until(steady::now()) != nullptr);
        break;
      default:
        CHECK_THROWS(std::move(f).result());
    }
  }
  CHECK(log.size() == 0);
}

TEST_CASE("one reading is enough for all handles") {
  const hook_log log;
  {
    promise<int> p;
    future<int> f = p.get_future(), g = f;
    p.set_exception(boom("read by one"));
    CHECK(g.exception() != nullptr);
    g = {};
  }
  CHECK(log.size() == 0);
}

TEST_CASE("looking is not reading: an exception only waited for is reported") {
  const hook_log log;
  {
    promise<int> p;
    future<int> f = p.get_future();
    p.set_exception(boom("only waited for"));
    f.wait();
    CHECK(f.wait_for(0s));
    CHECK(f.done());
    CHECK_FALSE(f.running());
    CHECK_FALSE(f.cancelled());
    CHECK_FALSE(f.cancel());
    CHECK(f.valid());
  }
  CHECK(log.count("only waited for") == 1);
}

TEST_CASE("values, cancels and broken promises are dropped in silence") {
  const hook_log log;
  {
    promise<int> p, q;
    promise<std::exception_ptr> r;
    static_cast<void>(p.get_future());
    p.set_value(1);
    static_cast<void>(q.get_future().cancel());
    r.set_value(boom());
    const future<int> broken = promise<int>().get_future();
    CHECK(broken.done());
    const future<int> run_and_broken = [] {
      promise<int> s;
      s.set_running_or_notify_cancel();
      return s.get_future();
    }();
    CHECK(run_and_broken.done());
  }
  CHECK(log.size() == 0);
}

TEST_CASE("assigning over the last unread handle reports it, and so does a container that is cleared") {
  const hook_log log;
  std::vector<future<int>> all;
  for (int i = 0; i < 3; ++i) {
    promise<int> p;
    all.push_back(p.get_future());
    p.set_exception(boom("in a vector"));
  }
  all[0] = {};
  CHECK(log.count("in a vector") == 1);
  all.clear();
  CHECK(log.count("in a vector") == 3);
}

TEST_CASE("last handles dropped by several threads at once report an unread exception once") {
  const hook_log log;
  std::optional<promise<int>> p;
  future<int> f, g;
  duel(
      rounds_of(3'000),
      [&] {
        p.emplace();
        f = p->get_future();
        g = f;
      },
      [] {}, [&] { f = {}; }, [&] { g = {}; },
      [&] {
        p->set_exception(boom("raced"));
        p.reset();
      });
  CHECK(log.count("raced") == static_cast<std::size_t>(rounds_of(3'000)));
  CHECK(log.size() == static_cast<std::size_t>(rounds_of(3'000)));
}

TEST_CASE("a reading against a drop of other handles: not reported") {
  const hook_log log;
  promise<int> p;
  future<int> f, g;
  int wrong = 0;
  duel(
      rounds_of(3'000),
      [&] {
        p = {};
        f = p.get_future();
        g = f;
        p.set_exception(boom("read"));
      },
      [] {}, [&] { f = {}; },
      [&] {
        if (!g.exception()) ++wrong;
        g = {};
      },
      [&] { p = {}; });
  CHECK(wrong == 0);
  CHECK(log.size() == 0);
}

TEST_CASE("100,000 waits that time out leave nothing behind") {
  promise<int> p;
  const future<int> f = p.get_future();
  std::stop_source stop;
  stop.request_stop();
  const auto wait_often = [&](int n) {
    for (int i = 0; i < n; ++i) {
      static_cast<void>(f.wait_for(i % 16 == 0 ? 1ns : 0ns));
      static_cast<void>(f.wait(stop.get_token()));
      if (i % 64 == 0) static_cast<void>(outcome([&] { static_cast<void>(f.result_for(0s)); }));
    }
  };
  wait_often(1'000);
  const std::size_t before = live_bytes();
  wait_often(rounds_of(100'000));
  const std::size_t after = live_bytes();
  CHECK(after < before + 64 * 1024);
  p.set_value(1);
  CHECK(f.result() == 1);
}

// ── what std::promise's users may be used to ──

namespace {

template <class P>
concept takes_a_braced_list = requires(P p) { p.set_value({1, 2, 3}); };
template <class P, class Arg>
concept takes = requires(P p, Arg&& arg) { p.set_value(static_cast<Arg&&>(arg)); };

}  // namespace

TEST_CASE("set_value takes what converts to the result, a braced list too, and nothing that would need a cast") {
  CHECK(takes_a_braced_list<promise<std::vector<int>>>);
  CHECK(takes<promise<std::string>, char const*>);
  CHECK(takes<promise<std::unique_ptr<int>>, std::unique_ptr<int>>);
  CHECK_FALSE(takes<promise<std::unique_ptr<int>>, std::unique_ptr<int>&>);
  CHECK_FALSE(takes<promise<std::vector<int>>, int>);       // explicit: five zeros, silently
  CHECK_FALSE(takes<promise<std::unique_ptr<int>>, int*>);  // explicit: an owner, silently
  CHECK_FALSE(takes<promise<int&>, int>);
  CHECK_FALSE(takes<promise<int const&>, int>);                  // would dangle
  CHECK_FALSE(takes<promise<std::string const&>, char const*>);  // would dangle
  CHECK_FALSE(takes<promise<void>, int>);
}
