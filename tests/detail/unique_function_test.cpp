// tests/detail/unique_function_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/detail/base/unique_function.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "support/catch.hpp"
#include "support/tracked.hpp"

using spool::detail::unique_function;

namespace {

int twice(int n) { return 2 * n; }

/// Counts its living objects, and moves without throwing: may live inside.
struct counted {
  int value = 0;
  static inline int live = 0;
  static inline int copies = 0;

  explicit counted(int v) : value(v) { ++live; }
  counted(const counted& other) : value(other.value) { ++live, ++copies; }
  counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++live; }
  ~counted() { --live; }
};

/// Larger than what fits inside.
struct large {
  std::array<int, 25> ballast{};
  counted value{10};

  large() { ballast.fill(7); }
  int operator()(int n) {
    return std::all_of(ballast.begin(), ballast.end(), [](int b) { return b == 7; }) ? value.value += n : -1;
  }
};

/// Small, but its move may throw: must live on the heap.
struct unruly {
  tracked value;
  int operator()() const { return value.value; }
};

struct alignas(32) aligned {
  std::unique_ptr<int> owned;
  bool operator()() const { return reinterpret_cast<std::uintptr_t>(this) % 32 == 0; }
};

}  // namespace

static_assert(!std::is_copy_constructible_v<unique_function<void()>>);
static_assert(std::is_nothrow_move_constructible_v<unique_function<void()>>);
static_assert(std::is_nothrow_move_assignable_v<unique_function<void()>>);
static_assert(!std::is_constructible_v<unique_function<void()>, int (*)(int)>);

TEST_CASE("a callable that can only be moved is held and called") {
  auto owned = std::make_unique<int>(5);
  unique_function<int(int)> f = [p = std::move(owned)](int n) { return *p + n; };
  CHECK(f(2) == 7);
  unique_function<int(int)> g = std::move(f);
  CHECK_FALSE(f);  // NOLINT(bugprone-use-after-move): what is left is what is tested
  REQUIRE(g);
  CHECK(g(3) == 8);
}

TEST_CASE("an empty one is false, and so is one made of a null pointer") {
  CHECK_FALSE(unique_function<void()>());
  CHECK_FALSE(unique_function<void()>(nullptr));
  int (*none)(int) = nullptr;
  CHECK_FALSE(unique_function<int(int)>(none));
  CHECK(unique_function<int(int)>(&twice));
  CHECK(unique_function<int(int)>(twice)(4) == 8);
}

TEST_CASE("a large callable lives on the heap, where it stays when it is moved on") {
  counted::live = counted::copies = 0;
  {
    unique_function<int(int)> f = large();
    CHECK(counted::live == 1);
    unique_function<int(int)> g = std::move(f);
    CHECK(g(1) == 11);
    CHECK(g(1) == 12);
    CHECK(counted::live == 1);
    CHECK(counted::copies == 0);
  }
  CHECK(counted::live == 0);
}

TEST_CASE("a callable whose move may throw is not moved again") {
  tracked::reset();
  {
    unique_function<int()> f = unruly{tracked(3)};
    tracked::fail_at_move(1);
    unique_function<int()> g = std::move(f);
    unique_function<int()> h;
    h = std::move(g);
    CHECK(h() == 3);
    tracked::fail_at_move(0);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("a callable that throws while it is moved in leaves nothing behind") {
  tracked::reset();
  {
    unruly callable{tracked(3)};
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(unique_function<int()>(std::move(callable)), tracked_failure);
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(unique_function<int()>(callable), tracked_failure);
    CHECK(tracked::live() == 1);
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("an exception of the callable comes through, and it may be called again") {
  int calls = 0;
  unique_function<void()> f = [&] {
    if (++calls == 1) throw std::runtime_error("first");
  };
  CHECK_THROWS_WITH(f(), "first");
  f();
  CHECK(calls == 2);
}

TEST_CASE("the callable is destroyed once: by reset, by assignment, or at the end") {
  counted::live = 0;
  {
    unique_function<int()> f = [t = counted(1)] { return t.value; };
    CHECK(counted::live == 1);
    f.reset();
    CHECK(counted::live == 0);
    CHECK_FALSE(f);
    f.reset();
    f = [t = counted(2)] { return t.value; };
    CHECK(counted::live == 1);
    f = [t = counted(3)] { return t.value; };
    CHECK(counted::live == 1);
    CHECK(f() == 3);
    auto& alias = f;
    f = std::move(alias);
    CHECK(f() == 3);
    unique_function<int()> g = std::move(f);
    CHECK(counted::live == 1);
  }
  CHECK(counted::live == 0);
}

TEST_CASE("arguments are handed through as they are: references, move-only values") {
  unique_function<std::unique_ptr<int>(std::unique_ptr<int>, int&)> f = [](std::unique_ptr<int> p, int& n) {
    n = *p;
    return p;
  };
  int seen = 0;
  CHECK(*f(std::make_unique<int>(9), seen) == 9);
  CHECK(seen == 9);

  tracked::reset();
  unique_function<int(const tracked&)> by_reference = [](const tracked& t) { return t.value; };
  CHECK(by_reference(tracked(4)) == 4);
  CHECK(tracked::copies() + tracked::moves() == 0);
}

TEST_CASE("a result may be dropped, converted or a reference") {
  int called = 0;
  unique_function<void()> dropped = [&] { return ++called; };
  dropped();
  CHECK(called == 1);
  unique_function<std::string()> converted = [] { return "text"; };
  CHECK(converted() == "text");
  unique_function<int&()> reference = [&]() -> int& { return called; };
  CHECK(&reference() == &called);
}

TEST_CASE("a callable keeps its alignment, inside or on the heap") {
  std::array<unique_function<bool()>, 4> places;
  for (auto& f : places) {
    f = aligned{};
    CHECK(f());
  }
  std::array<unique_function<bool()>, 4> others = std::move(places);
  for (auto& f : others) CHECK(f());
}
