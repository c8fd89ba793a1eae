// tests/future_taking_test.cpp · who gets a result that is moved out, when its move throws, and by what callables
// SPDX-License-Identifier: MIT
#include <atomic>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/tracked.hpp"

using spool::future;
using spool::promise;

namespace {

using ints = std::vector<int>;

/// A future of a tracked 7, of which no move has failed yet. No tracked may be alive.
future<tracked> seven() {
  tracked::reset();
  promise<tracked> p;
  p.set_value(tracked(7));
  return p.get_future();
}

/// Takes the result, and says whether it was whole.
bool can_be_taken(future<tracked> f) {
  tracked::fail_at_move(0);
  return std::move(f).result().value == 7;
}

future<int> value_of(future<tracked> f) {
  const tracked t = co_await std::move(f);
  co_return t.value;
}

constexpr auto grow = [](auto&& v) {
  v.push_back(3);
  return v.size();
};
constexpr auto only_reads = [](auto&& v) {
  static_assert(std::is_same_v<decltype(v), ints const&>);
  return v.size();
};
constexpr auto only_takes = [](auto&& v) {
  static_assert(std::is_same_v<decltype(v), ints&&>);
  return v.size();
};
constexpr auto misfit = [](int*) {};

template <class Future, class... Args>
concept has_then = requires(Args... args) { std::declval<Future>().then(args...); };

}  // namespace

// ── a move that throws ──

TEST_CASE("a result whose move throws stays where it was, for all handles") {
  future<tracked> f = seven();
  const future<tracked> other = f;
  tracked::fail_at_move(1);
  SECTION("out of result") { CHECK_THROWS_AS(std::move(f).result(), tracked_failure); }
  SECTION("out of a co_await") { CHECK_THROWS_AS(value_of(f).result(), tracked_failure); }
  SECTION("into the parameter of a continuation") {
    CHECK_THROWS_AS(std::move(f).then([](tracked t) { return t.value; }).result(), tracked_failure);
  }
  SECTION("into what a continuation refers to") {
    CHECK_THROWS_AS(std::move(f).then([](tracked&& t) { return t.value; }).result(), tracked_failure);
  }
  SECTION("into a generic continuation") {
    CHECK_THROWS_AS(std::move(f).then([](auto t) { return t.value; }).result(), tracked_failure);
  }
  SECTION("into a pointer to a member") {
    CHECK_THROWS_AS(std::move(f).then(&tracked::value).result(), tracked_failure);
  }
  SECTION("into a continuation in a pool") {
    spool::thread_pool pool(1);
    CHECK_THROWS_AS(std::move(f).then(pool, [](tracked t) { return t.value; }).result(), tracked_failure);
  }
  SECTION("into one that takes a stop token first") {
    spool::thread_pool pool(1);
    auto g = std::move(f).then(pool, [](std::stop_token, tracked t) { return t.value; });
    CHECK_THROWS_AS(g.result(), tracked_failure);
  }
  CHECK(other.result().value == 7);
  CHECK(can_be_taken(other));
  CHECK_THROWS_AS(other.result(), spool::usage_error);
}

TEST_CASE(
    "a result is moved but once into the parameter of a continuation, and what that throws takes it all the same") {
  future<tracked> f = seven();
  const int before = tracked::moves();
  auto g = std::move(f).then([](tracked t) -> int { throw std::runtime_error("got " + std::to_string(t.value)); });
  CHECK(tracked::moves() == before + 1);
  CHECK_THROWS_WITH(g.result(), "got 7");
  CHECK_THROWS_AS(f.result(), spool::usage_error);  // NOLINT(bugprone-use-after-move)
}

TEST_CASE("what a continuation returns of a result whose move may throw is a value of its own") {
  future<tracked> f = seven();
  future<tracked> g = std::move(f).then([](tracked&& t) -> tracked&& { return std::move(t); });
  CHECK(g.result().value == 7);
  CHECK(can_be_taken(g));
}

TEST_CASE("a result that cannot be moved at all may be referred to by what would take it") {
  struct fixed {
    explicit fixed(int i) : value(i) {}
    fixed(fixed const&) = delete;
    int value;
  };
  spool::thread_pool pool(1);
  CHECK(pool.submit([] { return fixed(7); }).then([](fixed&& f) { return f.value; }).result() == 7);
}

TEST_CASE("of two that take a result whose first move throws one at most is refused, and it is taken whole, once") {
  future<tracked> f;
  std::atomic<int> taken{0}, thrown{0}, refused{0};
  int wrong = 0;
  const auto take = [&] {
    try {
      future<tracked> mine = f;
      (std::move(mine).result().value == 7 ? taken : refused)++;
    } catch (tracked_failure const&) {
      ++thrown;
    } catch (spool::usage_error const&) {
      ++refused;
    }
  };
  duel(
      rounds_of(1'000),
      [&] {
        f = {};
        f = seven();
        taken = thrown = refused = 0;
        tracked::fail_at_move(1);
      },
      [&] {
        if (taken + thrown + refused != 2 || thrown != 1) ++wrong;
        if (taken == 0 && !can_be_taken(f)) ++wrong;
      },
      take, take);
  CHECK(wrong == 0);
}

// ── generic callables ──

TEST_CASE("a generic continuation of an rvalue may change what it is given, and gets nothing else") {
  spool::thread_pool pool(2);
  const auto make = [] { return ints{1, 2}; };
  auto f = pool.submit(make);
  CHECK(std::move(f).then(grow).result() == 3);
  CHECK(pool.submit(make).then(grow).result() == 3);
  CHECK(pool.submit(make).then(pool, grow).result() == 3);
  CHECK(pool.submit(make).then(only_takes).result() == 2);
  CHECK(pool.submit(make).then(pool, only_takes).result() == 2);
}

TEST_CASE("a generic continuation of an lvalue, or of a constant, gets a constant and nothing else") {
  spool::thread_pool pool(2);
  promise<ints> p;
  p.set_value(ints{1, 2});
  future<ints> f = p.get_future();
  const future<ints> constant = f;
  CHECK(f.then(only_reads).result() == 2);
  CHECK(f.then(pool, only_reads).result() == 2);
  CHECK(constant.then(only_reads).result() == 2);
  CHECK(constant.then(pool, only_reads).result() == 2);
  CHECK(std::move(constant).then([](ints const& v) { return v.size(); }).result() == 2);        // NOLINT
  CHECK(std::move(constant).then(pool, [](ints const& v) { return v.size(); }).result() == 2);  // NOLINT
  CHECK(f.result().size() == 2);
}

TEST_CASE("a generic continuation takes what can only be moved") {
  spool::thread_pool pool(1);
  const auto make = [] { return std::make_unique<int>(5); };
  const auto take = [](auto&& i) { return std::unique_ptr<int>(std::forward<decltype(i)>(i)); };
  CHECK(*pool.submit(make).then(take).result() == 5);
  CHECK(*pool.submit(make).then(pool, take).result() == 5);
  CHECK(pool.submit(make).then([](auto i) { return *i; }).result() == 5);
}

static_assert(has_then<future<ints>, decltype(grow)>);
static_assert(has_then<future<ints>&, decltype(only_reads)>);
static_assert(has_then<future<ints> const&, decltype(only_reads)>);
static_assert(!has_then<future<ints>, decltype(misfit)>);
static_assert(!has_then<future<ints>&, decltype(misfit)>);
static_assert(!has_then<future<ints> const&, decltype(misfit)>);
static_assert(!has_then<future<ints> const, decltype(misfit)>);
static_assert(!has_then<future<ints>&, spool::thread_pool&, decltype(misfit)>);
static_assert(!has_then<future<ints>, spool::thread_pool&, decltype(misfit)>);
