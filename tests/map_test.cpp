// tests/map_test.cpp · thread_pool::map with options, and map_unordered, keep the contract
// SPDX-License-Identifier: MIT
//
// map without options is in thread_pool_contract_test.cpp too; what goes wrong on the way is in map_faults_test.cpp.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <numeric>
#include <random>
#include <ranges>
#include <sstream>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/thread_pool.hpp>

#include "support/adl_range.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/source.hpp"

using namespace std::chrono_literals;
using spool::map_options;
using spool::thread_pool;

namespace {

using ints = std::vector<int>;

/// f of most cases, so that they share what the compiler makes of it.
struct square {
  int operator()(int i) const { return i * i; }
};

ints squares(int n) {
  ints all(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = i * i;
  return all;
}

struct ordered {
  template <class... Args>
  static auto map(thread_pool& pool, Args&&... args) {
    return pool.map(std::forward<Args>(args)...);
  }
};
struct unordered {
  template <class... Args>
  static auto map(thread_pool& pool, Args&&... args) {
    return pool.map_unordered(std::forward<Args>(args)...);
  }
};

template <class Range>
ints all_of(Range&& range) {
  ints all;
  for (const int r : range) all.push_back(r);
  return all;
}
ints sorted(ints v) {
  std::sort(v.begin(), v.end());
  return v;
}

using int_map = decltype(std::declval<thread_pool&>().map(map_options(), square(), std::declval<ints&>()));
using int_map_unordered =
    decltype(std::declval<thread_pool&>().map_unordered(map_options(), square(), std::declval<ints&>()));
static_assert(std::ranges::input_range<int_map> && std::ranges::input_range<int_map_unordered>);
static_assert(std::is_same_v<std::ranges::range_reference_t<int_map_unordered>, int&>);
static_assert(std::is_same_v<int_map, decltype(std::declval<thread_pool&>().map(square(), std::declval<ints&>()))>);
static_assert(std::is_aggregate_v<map_options>);
static_assert(std::is_nothrow_move_constructible_v<int_map> && !std::is_copy_constructible_v<int_map>);

}  // namespace

// ── the options ──

TEMPLATE_TEST_CASE("a map takes its options as an object or as a braced list", "", ordered, unordered) {
  thread_pool pool(2);
  ints data{1, 2, 3};
  const map_options three{.chunk_size = 3};
  CHECK(sorted(all_of(TestType::map(pool, three, square(), data))) == ints{1, 4, 9});
  CHECK(sorted(all_of(TestType::map(pool, map_options{.buffer_size = 2}, square(), data))) == ints{1, 4, 9});
  CHECK(all_of(pool.map({.chunk_size = 2, .buffer_size = 3, .timeout = 1h}, square(), data)) == ints{1, 4, 9});
  CHECK(sorted(all_of(pool.map_unordered({.buffer_size = 3}, square(), data))) == ints{1, 4, 9});
  CHECK(sorted(all_of(pool.map_unordered({}, square(), data))) == ints{1, 4, 9});
}

TEMPLATE_TEST_CASE("a chunk size of 0 is an invalid argument and nothing is moved from", "", ordered, unordered) {
  thread_pool pool(1);
  std::vector<std::unique_ptr<int>> data;
  data.push_back(std::make_unique<int>(1));
  CHECK_THROWS_AS(TestType::map(
                      pool, map_options{.chunk_size = 0}, [](std::unique_ptr<int> const&) {}, std::move(data)),
                  std::invalid_argument);
  CHECK(data.size() == 1);
  pool.shutdown();
  CHECK_THROWS_AS(TestType::map(
                      pool, map_options{.buffer_size = 2}, [](std::unique_ptr<int> const&) {}, std::move(data)),
                  spool::pool_shutdown_error);
  CHECK(data.size() == 1);
}

// ── chunks ──

TEMPLATE_TEST_CASE("whatever the sizes of chunk and window the results are those of std transform", "", ordered,
                   unordered) {
  thread_pool pool(3);
  std::mt19937 random(20);
  const auto up_to = [&](unsigned most) { return random() % (most + 1); };
  for (int round = 0; round < rounds_of(60); ++round) {
    const int n = static_cast<int>(up_to(1000));
    const map_options options{.chunk_size = 1 + (up_to(3) == 0 ? up_to(2000) : up_to(9)),
                              .buffer_size = up_to(2) == 0 ? 0 : 1 + up_to(40)};
    CAPTURE(n, options.chunk_size, options.buffer_size);
    source numbers{.length = n};
    ints seen = all_of(TestType::map(pool, options, square(), numbers));
    if (std::is_same_v<TestType, unordered>) seen = sorted(std::move(seen));
    CHECK(seen == squares(n));
    CHECK(numbers.taken == n);
    CHECK(numbers.asked == n);
  }
}

TEST_CASE("each task of a map makes chunk_size calls and the last may make fewer") {
  thread_pool pool(1);
  gate go;
  const opens at_end(go);
  pool.post([&] { go.wait(); });
  auto results = pool.map({.chunk_size = 4}, square(), std::views::iota(0, 10));
  CHECK(pool.pending() >= 3);
  CHECK(pool.pending() <= 4);  // the post may not have started
  go.open();
  CHECK(all_of(results) == squares(10));
}

TEST_CASE("a chunk may be larger than all the input and its results aligned as they like") {
  thread_pool pool(2);
  const std::size_t all = std::numeric_limits<std::size_t>::max();
  CHECK(all_of(pool.map({.chunk_size = all}, square(), std::views::iota(0, 500))) == squares(500));
  CHECK(all_of(pool.map({.chunk_size = all, .buffer_size = all}, square(), std::views::iota(0, 5))) == squares(5));
  struct alignas(128) wide {
    int value;
  };
  int sum = 0;
  for (wide& w : pool.map({.chunk_size = 100}, [](int i) { return wide{i}; }, std::views::iota(0, 300))) {
    CHECK(reinterpret_cast<std::uintptr_t>(&w) % 128 == 0);
    sum += w.value;
  }
  CHECK(sum == 299 * 150);
}

TEMPLATE_TEST_CASE("the calls of one chunk come out in the order of their inputs", "", ordered, unordered) {
  thread_pool pool(4);
  const ints seen = all_of(TestType::map(pool, map_options{.chunk_size = 5}, square(), std::views::iota(0, 100)));
  REQUIRE(seen.size() == 100);
  for (std::size_t i = 0; i < 100; i += 5)
    CHECK(std::is_sorted(seen.begin() + static_cast<long>(i), seen.begin() + static_cast<long>(i) + 5));
}

TEMPLATE_TEST_CASE("an exception belongs to its item only and the iteration goes on past it", "", ordered, unordered) {
  thread_pool pool(2);
  for (const std::size_t chunk : {1u, 3u, 20u}) {
    int thrown = 0;
    ints seen;
    auto results = TestType::map(
        pool, map_options{.chunk_size = chunk, .buffer_size = 6}, [](int i) { return i % 4 == 1 ? throw i : i; },
        std::views::iota(0, 12));
    for (auto it = results.begin(); it != results.end(); ++it) {
      try {
        seen.push_back(*it);
      } catch (int i) {
        thrown += i;
        CHECK_THROWS_AS(*it, int);  // again and again
      }
    }
    CHECK(thrown == 1 + 5 + 9);
    CHECK(sorted(seen) == ints{0, 2, 3, 4, 6, 7, 8, 10, 11});
  }
}

// ── the window ──

TEMPLATE_TEST_CASE("with the iterator on item k exactly k + buffer_size inputs have been taken", "", ordered,
                   unordered) {
  thread_pool pool(2);
  for (const int buffer : {1, 2, 3, 7}) {
    source numbers;
    auto results = TestType::map(pool, map_options{.buffer_size = static_cast<std::size_t>(buffer)}, square(), numbers);
    CHECK(numbers.taken == buffer);
    auto it = results.begin();
    for (int k = 0; k < 50; ++k, ++it) {
      CHECK(numbers.taken == k + buffer);
      CHECK(numbers.asked == k + buffer - 1);  // nor was the source asked for what has no room yet
      static_cast<void>(*it);
      CHECK(numbers.taken == k + buffer);
    }
  }
}

TEMPLATE_TEST_CASE("with chunks the window is never exceeded and a whole chunk is taken as soon as it has room", "",
                   ordered, unordered) {
  thread_pool pool(2);
  for (const int buffer : {1, 2, 5, 8}) {
    for (const int chunk : {1, 2, 3, 8, 100}) {
      CAPTURE(buffer, chunk);
      source numbers;
      auto results = TestType::map(
          pool,
          map_options{.chunk_size = static_cast<std::size_t>(chunk), .buffer_size = static_cast<std::size_t>(buffer)},
          square(), numbers);
      CHECK(numbers.taken == buffer);
      auto it = results.begin();
      for (int k = 0; k < 40; ++k, ++it) {
        CHECK(numbers.taken - k <= buffer);
        CHECK(numbers.taken - k > buffer - std::min(chunk, buffer));
        CHECK(numbers.asked == numbers.taken - 1);
        static_cast<void>(*it);
      }
    }
  }
}

TEMPLATE_TEST_CASE("the shortest range ends a map whose other ranges have no end", "", ordered, unordered) {
  thread_pool pool(2);
  const auto add = [](int x, int y, int z) { return x + y + z; };
  for (const std::size_t chunk : {1u, 2u, 9u}) {
    source first, last;
    const std::list<int> five{0, 10, 20, 30, 40};
    const map_options options{.chunk_size = chunk, .buffer_size = 3};
    CHECK(sorted(all_of(TestType::map(pool, options, add, first, five, last))) == ints{0, 12, 24, 36, 48});
    CHECK(first.taken == 5);
    CHECK(last.taken == 5);
    CHECK(first.asked == 5);  // it stands before the one that has ended
    CHECK(last.asked == 4);   // it stands behind it
    source none{.length = 0};
    CHECK(all_of(TestType::map(pool, options, add, none, first, first)).empty());
  }
}

TEST_CASE("an istream is read no further than the window") {
  thread_pool pool(2);
  std::istringstream text("1 2 3 4 5 6 7 8 9");
  {
    auto results = pool.map({.buffer_size = 2}, square(), std::views::istream<int>(text));
    auto it = results.begin();
    CHECK(*it == 1);
    CHECK(*++it == 4);
  }
  int next = 0;
  text >> next;
  CHECK(next == 4);
}

TEMPLATE_TEST_CASE("endless inputs go through a window and one that blocks holds up nobody else", "", ordered,
                   unordered) {
  thread_pool pool(2);
  const int n = rounds_of(150'000);
  long long sum = 0;
  int left = n;
  for (const int r : TestType::map(
           pool, map_options{.chunk_size = 1, .buffer_size = 64}, [](int i) { return i % 7; }, std::views::iota(0))) {
    sum += r;
    if (--left == 0) break;
  }
  CHECK(sum > 2LL * n);

  gate go;
  const opens at_end(go);
  auto results = pool.map_unordered(
      {.buffer_size = 2},
      [&](int i) {
        if (i == 0) go.wait();
        return i;
      },
      std::views::iota(0));
  auto it = results.begin();
  for (int i = 1; i < 1000; ++i, ++it) CHECK(*it == i);
  go.open();
}

// ── the order of completion ──

TEST_CASE("map_unordered yields in the order of completion") {
  thread_pool pool(4);
  for (int round = 0; round < rounds_of(50); ++round) {
    std::array<gate, 4> gates;
    auto results = pool.map_unordered(
        [&](int i) {
          gates[static_cast<std::size_t>(i)].wait();
          return i;
        },
        std::views::iota(0, 4));
    auto it = results.begin();
    for (const int i : {2, 0, 3, 1}) {
      gates[static_cast<std::size_t>(i)].open();
      CHECK(*it == i);
      CHECK(*it == i);  // it stays where it is
      ++it;
    }
    CHECK(it == results.end());
  }
}

// ── what is given and taken ──

TEMPLATE_TEST_CASE("move-only inputs and results and f go through a map", "", ordered, unordered) {
  thread_pool pool(2);
  for (const std::size_t chunk : {1u, 4u}) {
    std::vector<std::unique_ptr<int>> owners;
    for (int i = 0; i < 10; ++i) owners.push_back(std::make_unique<int>(i));
    const auto begin = std::make_move_iterator(owners.begin());
    auto moved = std::ranges::subrange(begin, std::make_move_iterator(owners.end()));
    int sum = 0;
    for (std::unique_ptr<int>& p : TestType::map(
             pool, map_options{.chunk_size = chunk, .buffer_size = 5},
             [twice = std::make_unique<int>(2)](std::unique_ptr<int> own) {
               *own *= *twice;
               return own;
             },
             std::move(moved))) {
      const std::unique_ptr<int> mine = std::move(p);
      sum += *mine;
    }
    CHECK(sum == 90);
  }
}

TEMPLATE_TEST_CASE("references stay references and void gives nothing", "", ordered, unordered) {
  thread_pool pool(2);
  for (const std::size_t chunk : {1u, 4u}) {
    ints data{1, 2, 3, 4, 5, 6};
    const map_options options{.chunk_size = chunk};
    for (int& r : TestType::map(pool, options, [](int& i) -> int& { return i; }, data)) r *= 10;
    CHECK(data == ints{10, 20, 30, 40, 50, 60});
    std::atomic<int> sum{0};
    auto nothing = TestType::map(pool, options, [&](std::stop_token, int i) { sum += i; }, data);
    static_assert(std::is_void_v<decltype(*nothing.begin())>);
    int steps = 0;
    for (auto it = nothing.begin(); it != nothing.end(); ++it, ++steps) *it;
    CHECK(steps == 6);
    CHECK(sum == 210);
  }
}

TEMPLATE_TEST_CASE("a result is destroyed when the iteration has passed it", "", ordered, unordered) {
  thread_pool pool(1);
  std::vector<std::weak_ptr<int>> seen;
  int kept = 0;
  for (auto& r : TestType::map(
           pool, map_options{.chunk_size = 4}, [](int i) { return std::make_shared<int>(i); },
           std::views::iota(0, 10))) {
    for (auto const& w : seen) kept += w.expired() ? 0 : 1;
    seen.push_back(r);
  }
  CHECK(kept == 0);
}

// ── the range ──

TEMPLATE_TEST_CASE("a map range may be moved and begin stands where the iteration is", "", ordered, unordered) {
  thread_pool pool(1);
  ints data{1, 2, 3};
  auto results = TestType::map(pool, map_options{.buffer_size = 2}, square(), data);
  auto it = results.begin();
  ++it;
  auto moved = std::move(results);
  CHECK(results.begin() == results.end());
  CHECK(*it == 4);
  CHECK(*moved.begin() == 4);
  CHECK(all_of(moved) == ints{4, 9});
  CHECK(moved.begin() == moved.end());
  moved = TestType::map(pool, map_options{.buffer_size = 1}, square(), data);
  CHECK(*moved.begin() == 1);
  moved = TestType::map(pool, map_options{}, square(), data);  // drops the other
  CHECK(all_of(moved) == ints{1, 4, 9});
}

TEMPLATE_TEST_CASE("to go beyond the end of a map is a usage error", "", ordered, unordered) {
  thread_pool pool(1);
  ints data{1};
  auto results = TestType::map(pool, map_options{}, square(), data);
  auto it = results.begin();
  ++it;
  CHECK_THROWS_AS(*it, spool::usage_error);
  CHECK_THROWS_AS(++it, spool::usage_error);
  CHECK(it == results.end());
  decltype(it) of_nothing;
  CHECK(of_nothing == results.end());
  CHECK_THROWS_AS(*of_nothing, spool::usage_error);
}

TEMPLATE_TEST_CASE("the iteration does not pass an item that is not done", "", ordered, unordered) {
  thread_pool pool(2);
  for (int round = 0; round < rounds_of(200); ++round) {
    std::atomic<int> ran{0};
    auto results =
        TestType::map(pool, map_options{.chunk_size = 2}, [&](int i) { return ran += i; }, std::views::iota(1, 7));
    int passed = 0;
    for (auto it = results.begin(); it != results.end(); ++it) ++passed;  // never looking at one
    CHECK(passed == 6);
    CHECK(ran == 21);
  }
}

// ── in tasks of the pool ──

TEMPLATE_TEST_CASE("maps nest in tasks of the same pool whatever the number of workers", "", ordered, unordered) {
  for (const std::size_t workers : {1u, 2u, 8u}) {
    thread_pool pool(workers);
    const auto row = [&](int i) {
      int sum = 0;
      for (const int r : TestType::map(
               pool, map_options{.chunk_size = 2, .buffer_size = 5}, [i](int j) { return i * j; },
               std::views::iota(0, 20)))
        sum += r;
      return sum;
    };
    const auto table = [&](int) {
      int sum = 0;
      for (const int r : TestType::map(pool, map_options{.buffer_size = 3}, row, std::views::iota(0, 5))) sum += r;
      return sum;
    };
    for (int round = 0; round < rounds_of(10); ++round) {
      int sum = 0;
      for (const int r : TestType::map(pool, map_options{.timeout = 10h}, table, std::views::iota(0, 4))) sum += r;
      CHECK(sum == 4 * 190 * 10);
    }
  }
}

TEMPLATE_TEST_CASE("ranges of every kind go through a map side by side", "", ordered, unordered) {
  thread_pool pool(2);
  const int plain[] = {1, 2, 3};
  adl::range<int> mine{{10, 20, 30, 40}};
  const auto add = [](int a, int b, int& c, int d) { return a + b + c + d; };
  auto results = TestType::map(pool, map_options{.buffer_size = 2}, add, plain, source(), mine,
                               adl::range<int>{{100, 200, 300, 400}});
  CHECK(sorted(all_of(results)) == ints{111, 223, 335});
}

TEMPLATE_TEST_CASE("a map may be the input of another", "", ordered, unordered) {
  for (const std::size_t workers : {1u, 3u}) {
    thread_pool pool({.max_workers = workers, .max_pending = 1});
    const auto pipeline = [&] {
      auto first = TestType::map(pool, map_options{.buffer_size = 4}, square(), std::views::iota(0, 50));
      auto second = TestType::map(
          pool, map_options{.chunk_size = 3, .buffer_size = 7}, [](int i) { return i + 1; }, std::move(first));
      int sum = 0;
      for (const int r : TestType::map(pool, map_options{.buffer_size = 2}, square(), std::move(second))) sum += r % 7;
      return sum;
    };
    int expected = 0;
    for (int i = 0; i < 50; ++i) expected += (i * i + 1) * (i * i + 1) % 7;
    CHECK(pipeline() == expected);
    CHECK(pool.submit(pipeline).result() == expected);
  }
}

TEMPLATE_TEST_CASE("a map that was made outside may be gone through in a task of its pool", "", ordered, unordered) {
  thread_pool pool(1);
  auto results = TestType::map(pool, map_options{.buffer_size = 3}, square(), std::views::iota(0, 30));
  CHECK(sorted(pool.submit([&] { return all_of(results); }).result()) == squares(30));
}

TEMPLATE_TEST_CASE("in a pool that is full a map waits for room but not in the pool's own tasks", "", ordered,
                   unordered) {
  thread_pool pool({.max_workers = 2, .max_pending = 3});
  const auto some = [&] {
    return sorted(all_of(TestType::map(pool, map_options{}, square(), std::views::iota(0, 200)))) == squares(200);
  };
  CHECK(some());
  CHECK(pool.submit(some).result());
  crew::run(4, [&] {
    if (!some()) throw std::logic_error("other results");
  });
}
