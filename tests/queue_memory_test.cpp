// tests/queue_memory_test.cpp · how much memory queues keep
// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#include <spool/errors.hpp>
#include <spool/queue.hpp>

#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/crew.hpp"

namespace {

using number = std::uint64_t;
constexpr number many = 200'000;
constexpr std::size_t little = 100 * 1024;  // bytes, where `many` take 1.6 million and more

template <class Queue>
void fill(Queue& q, number n = many) {
  for (number i = 0; i < n; ++i) q.put(i);
}

/// What the k-th get of a queue that was filled has to give.
template <class Queue>
number expected(number k, number n = many) {
  return std::is_same_v<Queue, spool::lifo_queue<number>> ? n - 1 - k : k;
}

/// Does with each item what it is told.
template <class F>
struct output {
  using difference_type = std::ptrdiff_t;
  F* f;
  output& operator*() { return *this; }
  output& operator++() { return *this; }
  output operator++(int) { return *this; }
  output& operator=(number x) {
    (*f)(x);
    return *this;
  }
};

}  // namespace

#define EVERY_QUEUE spool::queue<number>, spool::lifo_queue<number>, spool::priority_queue<number>

TEMPLATE_TEST_CASE("a queue that was long gives its memory back before it is empty", "", EVERY_QUEUE) {
  if (!counting_new::works) return;
  TestType q;
  q.put(0);
  static_cast<void>(q.get());
  const std::size_t before = counting_new::bytes();
  fill(q);
  CHECK(counting_new::bytes() > before + 8 * little);
  const std::size_t allocations = counting_new::allocations();
  bool in_order = true;
  for (number k = 0; k < many - 1; ++k) in_order = in_order && q.get() == expected<TestType>(k);
  CHECK(in_order);
  CHECK(counting_new::bytes() <= before + little);
  CHECK(counting_new::allocations() <= allocations + 20);
  CHECK(q.get() == expected<TestType>(many - 1));
  CHECK(q.empty());
}

TEMPLATE_TEST_CASE("a queue drained by get_many gives its memory back though items are left", "", EVERY_QUEUE) {
  if (!counting_new::works) return;
  TestType q;
  q.put(0);
  static_cast<void>(q.get());
  const std::size_t before = counting_new::bytes();
  fill(q);
  {
    std::vector<number> out;
    out.reserve(many);
    CHECK(q.get_many(std::back_inserter(out), many - 3) == many - 3);
    CHECK(out.front() == expected<TestType>(0));
    CHECK(out.back() == expected<TestType>(many - 4));
  }
  CHECK(counting_new::bytes() <= before + little);
  fill(q, 10);
  CHECK(q.size() == 13);
}

TEMPLATE_TEST_CASE("puts and gets in turn do not make the memory of a queue go to and fro", "", EVERY_QUEUE) {
  if (!counting_new::works) return;
  TestType q;
  fill(q);
  while (q.size() > 100) {
    static_cast<void>(q.get());
    if (q.size() % 97 != 0) continue;
    const std::size_t before = counting_new::allocations();
    for (int i = 0; i < 20; ++i) {
      fill(q, 3);
      for (int k = 0; k < 3; ++k) static_cast<void>(q.get());
    }
    if (counting_new::allocations() > before + 1) FAIL("with " << q.size() << " items");
  }
}

TEMPLATE_TEST_CASE("a drain finds every item where there is no memory for a smaller block", "", EVERY_QUEUE) {
  if (!counting_new::works) return;
  TestType q;
  fill(q);
  bool in_order = true;
  {
    const counting_new::none_left guard;
    for (number k = 0; k < many / 2; ++k) in_order = in_order && q.get() == expected<TestType>(k);
    for (number k = many / 2; k < many - 1; ++k) in_order = in_order && q.try_get() == expected<TestType>(k);
  }
  CHECK(in_order);
  CHECK(q.get() == expected<TestType>(many - 1));
  fill(q, 10);
  CHECK(q.size() == 10);
}

TEMPLATE_TEST_CASE("what get_many brings back has room though the rest was drained meanwhile", "", EVERY_QUEUE) {
  TestType q;
  fill(q);
  number taken = 0;
  auto drain = [&](number x) {
    if (taken++ == 0) {
      CHECK(x == expected<TestType>(0));
      for (number k = many / 2; k < many; ++k) static_cast<void>(q.get());
      CHECK(q.empty());
    }
    if (taken == 10) throw std::runtime_error("enough");
  };
  CHECK_THROWS_WITH(q.get_many(output<decltype(drain)>{&drain}, many / 2), "enough");
  CHECK(q.size() == many / 2 - 9);
  bool in_order = true;
  for (number k = 9; k < many / 2; ++k) in_order = in_order && q.get() == expected<TestType>(k);
  CHECK(in_order);
}

TEMPLATE_TEST_CASE("items that pass while memory is given back are neither lost nor doubled", "", EVERY_QUEUE) {
  TestType q;
  constexpr number rounds = 20;
  constexpr number burst = 20'000;
  std::atomic<number> taken{0};
  std::atomic<number> sum{0};
  crew threads;
  threads.start([&] {
    for (const number x : q) taken += 1, sum += x;
  });
  threads.start([&] {
    try {
      for (std::vector<number> some;; some.clear()) {
        taken += q.get_many(std::back_inserter(some), 5'000);
        for (const number x : some) sum += x;
      }
    } catch (const spool::queue_shutdown_error&) {
    }
  });
  for (number r = 0; r < rounds; ++r) {
    for (number i = 1; i <= burst; ++i) q.put(i);
    while (!q.empty()) std::this_thread::yield();
  }
  q.shutdown();
  threads.join();
  CHECK(taken == rounds * burst);
  CHECK(sum == rounds * burst * (burst + 1) / 2);
}
