// tests/detail/unique_function_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/detail/unique_function.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "support/catch.hpp"
#include "support/tracked.hpp"

using spool::detail::unique_function;

namespace {

int twice(int n) { return 2 * n; }

/// Larger than what fits inside.
struct large {
  std::array<std::byte, 100> ballast{};
  tracked value;
  int operator()(int n) { return value.value += n; }
};

/// Small, but its move may throw: must live on the heap.
struct unruly {
  tracked value;
  int operator()() const { return value.value; }
};

struct alignas(64) aligned {
  std::unique_ptr<int> owned;
  bool operator()() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
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

TEST_CASE("a large callable lives on the heap and is moved without being copied or thrown from") {
  tracked::reset();
  {
    large original;
    original.value.value = 10;
    unique_function<int(int)> f = std::move(original);
    tracked::fail_at_move(1);
    unique_function<int(int)> g = std::move(f);
    CHECK(g(1) == 11);
    CHECK(g(1) == 12);
    tracked::fail_at_move(0);
    CHECK(tracked::copies() == 0);
    CHECK(tracked::live() == 2);
  }
  CHECK(tracked::live() == 0);
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
  tracked::reset();
  {
    unique_function<int()> f = [t = tracked(1)] { return t.value; };
    CHECK(tracked::live() == 1);
    f.reset();
    CHECK(tracked::live() == 0);
    CHECK_FALSE(f);
    f.reset();
    f = [t = tracked(2)] { return t.value; };
    CHECK(tracked::live() == 1);
    f = [t = tracked(3)] { return t.value; };
    CHECK(tracked::live() == 1);
    CHECK(f() == 3);
    auto& alias = f;
    f = std::move(alias);
    CHECK(f() == 3);
    unique_function<int()> g = std::move(f);
    CHECK(tracked::live() == 1);
  }
  CHECK(tracked::live() == 0);
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
  unique_function<bool()> f = aligned{};
  CHECK(f());
  unique_function<bool()> g = std::move(f);
  CHECK(g());
}
