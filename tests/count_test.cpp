// tests/count_test.cpp · whatever says how many takes any integer and refuses a negative one
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <spool/spool.hpp>

#include "support/catch.hpp"

namespace {

template <class Number>
void refuses_minus_one() {
  const Number below{-1};
  CHECK_THROWS_AS(spool::barrier(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::barrier(below, [] {}), std::invalid_argument);
  CHECK_THROWS_AS(spool::semaphore(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::bounded_semaphore(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::queue<int>(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::lifo_queue<int>(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::priority_queue<int>(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::thread_pool(below), std::invalid_argument);
  CHECK_THROWS_AS(spool::thread_pool({.max_workers = below}), std::invalid_argument);
  CHECK_THROWS_AS(spool::thread_pool({.max_workers = 1, .max_pending = below}), std::invalid_argument);

  spool::semaphore s(0);
  CHECK_THROWS_AS(s.release(below), std::invalid_argument);
  CHECK(s.value() == 0);

  spool::condition c;
  CHECK_THROWS_AS(c.notify(below), std::invalid_argument);

  spool::queue<int> q;
  q.put(1);
  std::vector<int> out;
  CHECK_THROWS_AS(q.get_many(std::back_inserter(out), below), std::invalid_argument);
  CHECK(q.size() == 1);

  spool::thread_pool pool(1);
  const auto same = [](int x) { return x; };
  CHECK_THROWS_AS(pool.map({.chunk_size = below}, same, out), std::invalid_argument);
  CHECK_THROWS_AS(pool.map({.buffer_size = below}, same, out), std::invalid_argument);
}

template <class Number>
void takes_two() {
  const Number two{2};
  CHECK(spool::barrier(two).parties() == 2);
  CHECK(spool::barrier{two, [] {}}.parties() == 2);
  CHECK(spool::queue<int>{two}.maxsize() == 2);
  CHECK(spool::lifo_queue<int>(two).maxsize() == 2);
  CHECK(spool::priority_queue<int>(two).maxsize() == 2);
  CHECK(spool::thread_pool(two).max_workers() == 2);
  CHECK(spool::thread_pool{{.max_workers = two, .max_pending = two}}.max_workers() == 2);
  spool::queue<int> q;
  q.put_many(std::vector{1, 2, 3});
  std::vector<int> out;
  CHECK(q.get_many(std::back_inserter(out), two) == 2);
}

}  // namespace

TEST_CASE("every count refuses a negative number of any type") {
  refuses_minus_one<signed char>();
  refuses_minus_one<short>();
  refuses_minus_one<int>();
  refuses_minus_one<long>();
  refuses_minus_one<long long>();
}

TEST_CASE("every count takes integers of any type, in braces and designated initializers") {
  takes_two<short>();
  takes_two<int>();
  takes_two<unsigned>();
  takes_two<long long>();
  takes_two<std::uint8_t>();
  takes_two<std::size_t>();
}

TEST_CASE("a count is what converts to an integer without being one") {
  enum { two = 2 };
  CHECK(spool::barrier(two).parties() == 2);
  CHECK(spool::barrier(std::integral_constant<int, 2>()).parties() == 2);
  CHECK_FALSE(std::is_constructible_v<spool::barrier, double>);
  CHECK_FALSE(std::is_constructible_v<spool::queue<int>, const char*>);
}

TEST_CASE("a negative number that the caller has converted is refused where nothing so large can be") {
  const auto converted = static_cast<std::size_t>(-1);
  CHECK_THROWS_AS(spool::barrier(converted), std::invalid_argument);
  CHECK_THROWS_AS(spool::queue<int>(converted), std::invalid_argument);
  CHECK_THROWS_AS(spool::thread_pool(converted), std::invalid_argument);
  spool::queue<int> q;  // as an upper limit it is what others write for all
  q.put(1);
  std::vector<int> out;
  CHECK(q.get_many(std::back_inserter(out), std::numeric_limits<std::size_t>::max()) == 1);
}
