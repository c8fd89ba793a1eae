// tests/queue_test.cpp · queue, lifo_queue, priority_queue: what one thread sees, and what throws
// SPDX-License-Identifier: MIT
#include <spool/queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <ranges>
#include <span>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/adl_range.hpp"
#include "support/catch.hpp"
#include "support/failing_new.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto for_ever = std::chrono::nanoseconds::max();

template <class Queue>
std::vector<typename Queue::value_type> drained(Queue& q) {
  std::vector<typename Queue::value_type> all;
  while (auto x = q.try_get()) all.push_back(std::move(*x));
  return all;
}

/// Smallest first by the key alone; may throw at the n-th comparison.
struct keyed {
  int key = 0;
  int tag = 0;
};
int comparisons_to_failure = 0;
struct by_key {
  bool operator()(const keyed& a, const keyed& b) const {
    if (comparisons_to_failure > 0 && --comparisons_to_failure == 0) throw tracked_failure();
    return a.key < b.key;
  }
};

struct alignas(128) wide {
  explicit wide(int v) : value(v) {}
  wide(wide&& other) : value(other.value) {}
  ~wide() {}
  int value;
};
struct alignas(128) wide_and_trivial {
  int value;
};

/// An output iterator that throws instead of taking the n-th item.
template <class T>
struct failing_out {
  std::vector<T>* to;
  int* left;
  using iterator_category = std::output_iterator_tag;
  using difference_type = std::ptrdiff_t;
  failing_out& operator*() { return *this; }
  failing_out& operator++() { return *this; }
  failing_out& operator=(T&& x) {
    if (--*left == 0) throw tracked_failure();
    to->push_back(std::move(x));
    return *this;
  }
};

}  // namespace

TEST_CASE("items leave first in first out, last in first out, or smallest first") {
  spool::queue<int> fifo;
  spool::lifo_queue<int> lifo;
  spool::priority_queue<int> smallest;
  for (int x : {222, 333, 111}) {
    fifo.put(x);
    lifo.put(x);
    smallest.put(x);
  }
  CHECK(drained(fifo) == std::vector{222, 333, 111});
  CHECK(drained(lifo) == std::vector{111, 333, 222});
  CHECK(drained(smallest) == std::vector{111, 222, 333});
}

TEST_CASE("equal items leave a priority_queue in the order put") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    spool::priority_queue<keyed, by_key> q;
    std::vector<keyed> all;
    const auto order = [](const keyed& a, const keyed& b) { return std::pair(a.key, a.tag) < std::pair(b.key, b.tag); };
    for (int tag = 0; tag < 200; ++tag) {
      if (random() % 3 == 0 && !all.empty()) {
        std::sort(all.begin(), all.end(), order);
        const keyed got = q.get();
        CHECK(got.tag == all.front().tag);
        all.erase(all.begin());
      }
      all.push_back({static_cast<int>(random() % 5), tag});
      q.put(all.back());
    }
    std::sort(all.begin(), all.end(), order);
    std::vector<int> expected, got;
    for (const keyed& x : all) expected.push_back(x.tag);
    while (auto x = q.try_get()) got.push_back(x->tag);
    CHECK(got == expected);
  }
}

TEST_CASE("a priority_queue takes a comparison of its own") {
  const auto larger = [bias = 0](int a, int b) { return a + bias > b + bias; };
  spool::priority_queue<int, decltype(larger)> q(0, larger);
  for (int x : {1, 3, 2}) q.put(x);
  CHECK(drained(q) == std::vector{3, 2, 1});
}

TEST_CASE("size, empty, full and maxsize agree, and maxsize 0 is unbounded") {
  spool::queue<int> q(2);
  CHECK((q.empty() && !q.full() && q.size() == 0 && q.maxsize() == 2));
  q.put(1);
  CHECK((!q.empty() && !q.full() && q.size() == 1));
  q.put(2);
  CHECK((!q.empty() && q.full() && q.size() == 2));
  CHECK_FALSE(q.try_put(3));
  CHECK_FALSE(q.put_for(3, 1ms));
  CHECK_FALSE(q.put_for(3, -1s));
  CHECK(drained(q) == std::vector{1, 2});
  spool::queue<int> endless;
  CHECK(endless.maxsize() == 0);
  for (int i = 0; i < 10'000; ++i) CHECK(endless.try_put(i));
  CHECK_FALSE(endless.full());
  CHECK(endless.size() == 10'000);
}

TEST_CASE("every form of put and get polls, waits and gives up") {
  spool::queue<std::string> q(1);
  std::stop_source stop;
  CHECK_FALSE(q.try_get());
  CHECK_FALSE(q.get_for(0s));
  CHECK_FALSE(q.get_for(std::chrono::nanoseconds::min()));
  CHECK_FALSE(q.get_until(std::chrono::system_clock::now()));
  CHECK(q.put_for("a", for_ever));
  CHECK(q.get_for(for_ever) == "a");
  CHECK(q.put_until("b", std::chrono::steady_clock::time_point::max()));
  CHECK(q.get_until(std::chrono::system_clock::time_point::max()) == "b");
  CHECK(q.put_for("c", std::chrono::duration<double>(-1)));
  CHECK(q.get() == "c");
  CHECK(q.put("d", stop.get_token()));
  stop.request_stop();
  CHECK_FALSE(q.put("e", stop.get_token()));
  CHECK(q.get(stop.get_token()) == "d");  // what is there is taken all the same
  CHECK_FALSE(q.get(stop.get_token()));
  CHECK(q.put("f", stop.get_token()));
  CHECK(q.get() == "f");

  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(q.get_for(2ms));
  CHECK(std::chrono::steady_clock::now() - start >= 2ms);
}

TEST_CASE("a put that gives up leaves its item whole") {
  spool::queue<std::unique_ptr<int>> q(1);
  q.emplace(new int(1));
  std::stop_source stop;
  stop.request_stop();
  auto x = std::make_unique<int>(2);
  CHECK_FALSE(q.try_put(std::move(x)));
  CHECK_FALSE(q.put_for(std::move(x), 1us));
  CHECK_FALSE(q.put_until(std::move(x), std::chrono::steady_clock::now()));
  CHECK_FALSE(q.put(std::move(x), stop.get_token()));
  q.shutdown();
  CHECK_THROWS_AS(q.put(std::move(x)), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.try_put(std::move(x)), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.emplace(std::move(x)), spool::queue_shutdown_error);
  REQUIRE(x);
  CHECK(*x == 2);
}

TEST_CASE("after shutdown every put throws, gets drain what is left and then throw") {
  spool::queue<int> q;
  q.put(1);
  q.put(2);
  CHECK_FALSE(q.is_shutdown());
  q.shutdown();
  CHECK(q.is_shutdown());
  std::stop_source stop;
  CHECK_THROWS_AS(q.put(3), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.try_put(3), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.put_for(3, 1s), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.put_until(3, std::chrono::steady_clock::now()), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.put(3, stop.get_token()), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.emplace(3), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.put_many(std::vector{3}), spool::queue_shutdown_error);
  CHECK(q.get() == 1);
  CHECK(q.try_get() == 2);
  std::vector<int> out;
  for (int again = 0; again < 2; ++again) {
    CHECK_THROWS_AS(q.get(), spool::queue_shutdown_error);
    CHECK_THROWS_AS(q.try_get(), spool::queue_shutdown_error);
    CHECK_THROWS_AS(q.get_for(1s), spool::queue_shutdown_error);
    CHECK_THROWS_AS(q.get_until(std::chrono::steady_clock::now()), spool::queue_shutdown_error);
    CHECK_THROWS_AS(q.get(stop.get_token()), spool::queue_shutdown_error);
    CHECK_THROWS_AS(q.get_many(std::back_inserter(out), 1), spool::queue_shutdown_error);
    q.shutdown();
  }
  spool::queue<int> full(1);
  full.put(1);
  full.shutdown();
  CHECK_THROWS_AS(full.try_put(3), spool::queue_shutdown_error);
}

TEST_CASE("immediate shutdown discards what is left and counts just that as done") {
  const auto probe = std::make_shared<int>(1);
  spool::queue<std::shared_ptr<int>> q;
  for (int i = 0; i < 5; ++i) q.put(probe);
  q.get();
  q.shutdown();
  CHECK(probe.use_count() == 5);
  q.shutdown(true);
  CHECK(probe.use_count() == 1);
  CHECK(q.size() == 0);
  CHECK_THROWS_AS(q.get(), spool::queue_shutdown_error);
  CHECK_FALSE(q.join_for(0s));  // the one that was taken is not done
  q.task_done();
  q.join();
  CHECK_THROWS_AS(q.task_done(), spool::usage_error);
  q.shutdown(false);
  CHECK(q.is_shutdown());
}

TEST_CASE("join waits until every item that was put is task_done") {
  spool::queue<int> q;
  q.join();
  CHECK_THROWS_AS(q.task_done(), spool::usage_error);
  q.put_many(std::vector{1, 2, 3});
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(q.join_for(1us));
    CHECK_FALSE(q.join_until(std::chrono::system_clock::now()));
    q.get();
    CHECK_FALSE(q.join_for(-1s));
    q.task_done();
  }
  CHECK(q.join_for(0s));
  CHECK(q.join_until(std::chrono::steady_clock::time_point::min()));
  q.join();
  CHECK_THROWS_AS(q.task_done(), spool::usage_error);
  q.put(1);
  CHECK_FALSE(q.join_for(0s));
  q.task_done();  // also before it was taken
  q.join();
}

TEST_CASE("get_many takes what is there, in one go") {
  spool::queue<std::string> q;
  std::vector<std::string> out;
  CHECK_THROWS_AS(q.get_many(std::back_inserter(out), 0), std::invalid_argument);
  for (int i = 0; i < 1000; ++i) q.put(std::to_string(i));
  CHECK(q.get_many(std::back_inserter(out), 3) == 3);
  CHECK(out == std::vector<std::string>{"0", "1", "2"});
  CHECK(q.get_many(std::back_inserter(out), std::numeric_limits<std::size_t>::max()) == 997);
  CHECK(out.size() == 1000);
  CHECK(out.back() == "999");
  CHECK(q.empty());
  spool::queue<int> ints(4);
  ints.put_many(std::vector{1, 2, 3, 4});
  int array[4] = {};
  CHECK(ints.get_many(array, 4) == 4);
  CHECK(array[3] == 4);
  ints.put_many(array);
  CHECK(ints.full());
}

TEST_CASE("put_many puts item by item, and moves from a range that is an rvalue") {
  spool::queue<std::unique_ptr<int>> unique;
  std::vector<std::unique_ptr<int>> owners;
  for (int i = 0; i < 3; ++i) owners.push_back(std::make_unique<int>(i));
  unique.put_many(std::move(owners));
  for (int i = 0; i < 3; ++i) CHECK(*unique.get() == i);

  spool::queue<std::string> q;
  std::vector<std::string> words{"one word that is rather long", "another word that is rather long"};
  const std::vector<std::string> kept = words;
  q.put_many(words);
  q.put_many(std::as_const(words));
  q.put_many(std::span(words));  // owns nothing
  CHECK(words == kept);
  q.put_many(words | std::views::transform([](const std::string& s) { return s + "!"; }));
  q.put_many(std::move(words));
  CHECK((words.empty() || words[0].empty()));
  const auto all = drained(q);
  CHECK(all.size() == 10);
  CHECK(all[6] == kept[0] + "!");
  CHECK(all[9] == kept[1]);
}

TEST_CASE("an exception in put_many leaves those before it put") {
  tracked::reset();
  {
    spool::queue<tracked> q;
    std::vector<tracked> items;
    for (int i = 0; i < 5; ++i) items.emplace_back(i);
    tracked::fail_at_copy(3);
    CHECK_THROWS_AS(q.put_many(items), tracked_failure);
    CHECK(q.size() == 2);
    tracked::fail_at_move(2);
    CHECK_THROWS_AS(q.put_many(std::move(items)), tracked_failure);
    CHECK(q.size() == 3);
    CHECK(items[0].value == -1);
    CHECK(items[1].value == 1);
  }
  CHECK(tracked::live() == 0);

  spool::priority_queue<keyed, by_key> ordered;
  const std::vector<keyed> keys{{1, 0}, {2, 1}, {3, 2}};
  comparisons_to_failure = 2;
  CHECK_THROWS_AS(ordered.put_many(keys), tracked_failure);
  CHECK(ordered.size() == 2);
  comparisons_to_failure = 0;
}

TEMPLATE_TEST_CASE("a copy or a move that throws changes nothing", "", spool::queue<tracked>,
                   spool::lifo_queue<tracked>, spool::priority_queue<tracked>) {
  tracked::reset();
  {
    TestType q;
    q.emplace(1);
    q.emplace(1);
    tracked x(5);
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(q.put(x), tracked_failure);
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(q.put(std::move(x)), tracked_failure);
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(q.try_put(std::move(x)), tracked_failure);
    CHECK(x.value == 5);
    CHECK(q.size() == 2);
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(q.get(), tracked_failure);
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(q.try_get(), tracked_failure);
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(q.get_for(1s), tracked_failure);
    CHECK(q.size() == 2);
    std::vector<tracked> out(4);
    tracked::fail_at_move(2);
    CHECK_THROWS_AS(q.get_many(out.begin(), 4), tracked_failure);
    CHECK(q.size() == 1);
    tracked::fail_at_move(1);
    CHECK_THROWS_AS(
        [&] {
          for (tracked& item : q) static_cast<void>(item);
        }(),
        tracked_failure);
    CHECK(q.size() == 1);
    CHECK(q.get().value == 1);
    q.task_done();
    q.task_done();
    q.join();  // what was not put is not counted
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("a comparison that throws changes nothing, wherever it does") {
  std::vector<keyed> given;
  std::mt19937 random(3);
  for (int i = 0; i < 40; ++i) given.push_back({static_cast<int>(random() % 10), i});
  std::vector<int> expected;
  for (int failing = 0; failing < 200; ++failing) {
    spool::priority_queue<keyed, by_key> q;
    int failures = 0;
    const auto insist = [&](auto operation) {
      for (;;) {
        const std::size_t before = q.size();
        try {
          operation();
          return;
        } catch (tracked_failure const&) {
          ++failures;
          REQUIRE(q.size() == before);
        }
      }
    };
    comparisons_to_failure = failing;
    for (const keyed& x : given) insist([&] { q.put(x); });
    std::vector<int> got;
    for (std::size_t i = 0; i < given.size(); ++i) insist([&] { got.push_back(q.get().tag); });
    comparisons_to_failure = 0;
    if (failing == 0) expected = got;
    CHECK(failures == (failing == 0 ? 0 : 1));
    CHECK(got == expected);
  }
}

namespace {

struct owner {
  explicit owner(std::unique_ptr<int> x) : value(std::move(x)) {}
  std::unique_ptr<int> value;
};
struct by_value {
  bool operator()(const owner& a, const owner& b) const {
    if (throws) throw tracked_failure();
    return *a.value < *b.value;
  }
  static inline bool throws = false;
};

}  // namespace

TEST_CASE("an item whose comparison throws stays whole with who wanted to put it; only what it was made of is spent") {
  spool::priority_queue<owner, by_value> q;
  q.emplace(std::make_unique<int>(1));
  by_value::throws = true;
  std::vector<owner> mine;
  mine.emplace_back(std::make_unique<int>(2));
  owner& x = mine[0];
  CHECK_THROWS_AS(q.put(std::move(x)), tracked_failure);
  CHECK_THROWS_AS(q.put(std::move(x), std::stop_token()), tracked_failure);
  CHECK_THROWS_AS(q.try_put(std::move(x)), tracked_failure);
  CHECK_THROWS_AS(q.put_for(std::move(x), 0s), tracked_failure);
  CHECK_THROWS_AS(q.put_until(std::move(x), std::chrono::steady_clock::now()), tracked_failure);
  CHECK_THROWS_AS(q.emplace(std::move(x)), tracked_failure);
  CHECK_THROWS_AS(q.put_many(std::move(mine)), tracked_failure);
  REQUIRE(x.value != nullptr);
  CHECK(*x.value == 2);

  auto part = std::make_unique<int>(3);
  CHECK_THROWS_AS(q.emplace(std::move(part)), tracked_failure);
  CHECK(part == nullptr);

  by_value::throws = false;
  CHECK(q.size() == 1);
  q.put(std::move(x));
  CHECK(*q.get().value == 1);
  CHECK(*q.get().value == 2);
}

TEMPLATE_TEST_CASE("get_many leaves in the queue what its output did not take", "", spool::queue<std::string>,
                   spool::lifo_queue<std::string>, spool::priority_queue<std::string>) {
  for (int at = 1; at <= 6; ++at) {
    TestType q(5);
    TestType twin(5);
    for (const char* x : {"c", "a", "d", "b", "e"}) {
      q.put(x);
      twin.put(x);
    }
    std::vector<std::string> got;
    int left = at;
    if (at <= 5) {
      CHECK_THROWS_AS(q.get_many(failing_out<std::string>{&got, &left}, 5), tracked_failure);
    } else {
      CHECK(q.get_many(failing_out<std::string>{&got, &left}, 5) == 5);
    }
    CHECK(got.size() + q.size() == 5);
    if (at != 1) CHECK(q.try_put("0"));
    if (at == 1) CHECK(q.full());
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < got.size(); ++i) expected.push_back(twin.get());
    if (at != 1) twin.put("0");
    for (std::string& x : drained(twin)) expected.push_back(x);
    for (std::string& x : drained(q)) got.push_back(x);
    CHECK(got == expected);
  }
}

TEST_CASE("move-only, over-aligned and copy-only items travel") {
  spool::queue<wide> q;
  q.emplace(1);
  q.put(wide(2));
  wide got = q.get();
  CHECK(got.value == 1);
  CHECK(reinterpret_cast<std::uintptr_t>(&got) % 128 == 0);
  for (wide& x : (q.shutdown(), q)) {
    CHECK(x.value == 2);
    CHECK(reinterpret_cast<std::uintptr_t>(&x) % 128 == 0);
  }
  spool::lifo_queue<wide_and_trivial> trivial;
  for (int i = 0; i < 100; ++i) trivial.put({i});
  for (int i = 99; i >= 0; --i) CHECK(trivial.get().value == i);
}

TEMPLATE_TEST_CASE("items that are const travel, too", "", spool::queue<const int>, spool::lifo_queue<const int>,
                   spool::priority_queue<const int>) {
  TestType q(3);
  q.put(1);
  const int made[] = {1};
  q.put_many(made);
  CHECK(q.try_put(1));
  CHECK_FALSE(q.put_for(1, 0s));
  std::vector<int> out;
  CHECK(q.get_many(std::back_inserter(out), 1) == 1);
  CHECK(q.get() == 1);
  CHECK(q.try_get() == 1);
  CHECK(out == std::vector{1});
}

TEST_CASE("iteration takes items until the queue is shut down and drained") {
  spool::queue<std::unique_ptr<int>> q;
  static_assert(std::ranges::input_range<spool::queue<std::unique_ptr<int>>>);
  for (int i = 0; i < 6; ++i) q.put(std::make_unique<int>(i));
  std::vector<int> seen;
  for (auto& item : q | std::views::take(2)) seen.push_back(*item);
  CHECK(seen == std::vector{0, 1});
  CHECK(q.size() == 4);  // no more was taken than was asked for
  for (auto& item : q) {
    seen.push_back(*item);
    if (*item == 3) break;
  }
  CHECK(q.size() == 2);
  q.shutdown();
  for (auto& item : q) seen.push_back(*item);
  for (auto& item : q) seen.push_back(*item);
  CHECK(seen == std::vector{0, 1, 2, 3, 4, 5});
}

namespace {

/// Uses the queue in its destructor: with a lock held that would hang.
struct curious {
  spool::queue<curious>* home = nullptr;
  int* seen = nullptr;
  curious(spool::queue<curious>* q, int* s) : home(q), seen(s) {}
  curious(const curious&) = default;  // so what is left behind is as whole as what is taken
  ~curious() {
    if (seen == nullptr) return;
    ++*seen;
    static_cast<void>(home->size());
    static_cast<void>(home->join_for(std::chrono::seconds(0)));
  }
};

}  // namespace

TEST_CASE("nothing is kept of an item that was taken, and items are destroyed outside the lock") {
  spool::queue<std::shared_ptr<int>> q;
  std::weak_ptr<int> probe;
  {
    auto x = std::make_shared<int>(1);
    probe = x;
    q.put(x);
    q.put(std::move(x));
  }
  CHECK(probe.use_count() == 2);
  q.get();
  CHECK(probe.use_count() == 1);
  q.get();
  CHECK(probe.expired());
  auto fresh = std::make_shared<int>(2);
  probe = fresh;
  q.put(std::move(fresh));
  std::vector<std::shared_ptr<int>> out;
  q.get_many(std::back_inserter(out), 9);
  out.clear();
  CHECK(probe.expired());
  for (int i = 0; i < 2; ++i) q.put(std::make_shared<int>(i));
  q.shutdown();
  for (auto& x : q) {
    CHECK(probe.expired());
    probe = x;
  }
  CHECK(probe.expired());

  int ends = 0;
  {
    spool::queue<curious> self;
    for (int i = 0; i < 4; ++i) self.put(curious(&self, &ends));
    CHECK(ends == 4);
    self.get();
    CHECK(ends == 6);
    {
      std::vector<curious> taken;
      taken.reserve(1);
      self.get_many(std::back_inserter(taken), 1);
      CHECK(ends == 7);
    }
    self.shutdown(true);
    CHECK(ends == 10);
  }
}

TEMPLATE_TEST_CASE("running out of memory changes nothing, wherever it does", "", spool::queue<tracked>,
                   spool::lifo_queue<tracked>, spool::priority_queue<tracked>) {
  if (!failing_new::works) return;
  tracked::reset();
  {
    TestType q(40);
    tracked x(7);
    std::size_t size = 0;
    int failures = 0;
    for (int i = 0; i < 40; ++i) {
      for (int n = 1;; ++n) {
        try {
          failing_new guard(n);
          i % 2 == 0 ? q.put(std::move(x)) : q.put(x);
          break;
        } catch (std::bad_alloc const&) {
          ++failures;
          REQUIRE(q.size() == size);
          REQUIRE(x.value == 7);
        }
      }
      x.value = 7;
      REQUIRE(q.size() == ++size);
    }
    CHECK(failures >= 2);  // recycled blocks seldom need new memory
    std::vector<tracked> out;
    for (int n = 1; size != 0; ++n) {
      try {
        failing_new guard(n);
        size -= q.get_many(std::back_inserter(out), 40);
      } catch (std::bad_alloc const&) {
        size = q.size();
        REQUIRE(out.size() + size == 40);
        REQUIRE_FALSE(q.join_for(0s));
      }
    }
    CHECK(q.empty());
  }
  CHECK(tracked::live() == 0);
}

TEST_CASE("a pointer that an item would own stays with the caller if the item is not put") {
  tracked::reset();
  spool::queue<std::unique_ptr<tracked>> q(1);
  q.emplace(new tracked(1));
  q.shutdown();
  auto* const mine = new tracked(2);
  CHECK_THROWS_AS(q.emplace(mine), spool::queue_shutdown_error);
  CHECK(tracked::live() == 2);
  delete mine;
}

TEST_CASE("put_many takes ranges of every kind") {
  spool::queue<int> q;
  const std::vector<int> some{1, 2, 3, 4, 5};
  q.put_many(some | std::views::take_while([](int x) { return x < 3; }));  // contiguous, of unknown length
  q.put_many(std::list<int>{6, 7});
  q.put_many(std::views::iota(8, 10));
  spool::queue<int> other;
  other.put_many(some);
  other.shutdown();
  q.put_many(other);  // itself a range
  CHECK(other.empty());
  CHECK(drained(q) == std::vector{1, 2, 6, 7, 8, 9, 1, 2, 3, 4, 5});

  const int array[] = {1, 2};
  q.put_many(array);
  const adl::range<int> constant{{3, 4}};
  q.put_many(constant);
  q.put_many(adl::range<int>{{5}});
  CHECK(drained(q) == std::vector{1, 2, 3, 4, 5});
  spool::queue<std::string> words;
  adl::range<std::string> two{{"one", "two"}};
  words.put_many(two);
  CHECK(two.elements == std::vector<std::string>{"one", "two"});
  words.put_many(std::move(two));  // which owns them
  CHECK(two.elements == std::vector<std::string>(2));
  CHECK(drained(words) == std::vector<std::string>{"one", "two", "one", "two"});
}

namespace {

template <class Queue, class X>
concept takes_some_way = requires(Queue& q, X x) { q.put(static_cast<X>(x)); } || requires(Queue& q, X x) {
  q.try_put(static_cast<X>(x));
} || requires(Queue& q, X x) { q.put_for(static_cast<X>(x), 1s); } || requires(Queue& q, X x) {
  q.put_until(static_cast<X>(x), std::chrono::steady_clock::now());
} || requires(Queue& q, X x, std::stop_token s) { q.put(static_cast<X>(x), s); };

}  // namespace

namespace {

/// Owns what it names: copied by a program that does not look, it would be closed twice.
struct handle {
  explicit handle(int i) : id(i) {}
  handle(handle&&) = default;
  handle(const handle&) = delete;
  int id;
};
static_assert(std::is_trivially_copyable_v<handle>);

template <class Queue, class Range>
concept takes_many = requires(Queue& q, Range range) { q.put_many(static_cast<Range>(range)); };

template <class Queue>
constexpr bool moves_handles_only =
    !takes_many<Queue, std::vector<handle>&> && !takes_many<Queue, const std::vector<handle>&> &&
    !takes_many<Queue, const std::vector<handle>&&> && !takes_many<Queue, handle (&)[2]> &&
    !takes_many<Queue, std::span<handle>&> && !takes_many<Queue, adl::range<handle>&> &&
    takes_many<Queue, std::vector<handle>&&> && takes_many<Queue, std::span<handle>&&> &&
    takes_many<Queue, adl::range<handle>&&>;

}  // namespace

TEMPLATE_TEST_CASE("put_many moves items that cannot be copied, be they as simple as ints, or does not compile", "",
                   spool::queue<handle>, spool::lifo_queue<handle>) {
  static_assert(moves_handles_only<TestType>);
  static_assert(!takes_many<spool::queue<std::unique_ptr<int>>, std::vector<std::unique_ptr<int>>&>);
  static_assert(takes_many<spool::queue<std::unique_ptr<int>>, std::vector<std::unique_ptr<int>>&&>);
  static_assert(takes_many<spool::queue<std::unique_ptr<int>>, std::vector<int*>&>);  // as emplace does
  static_assert(!takes_many<spool::queue<int>, int> && !takes_many<spool::queue<int>, std::vector<std::string>>);

  std::vector<handle> mine;
  for (int i = 0; i < 4; ++i) mine.emplace_back(i);
  TestType q;
  q.put_many(std::move(mine));
  q.put_many(std::ranges::subrange(std::move_iterator(mine.begin()), std::move_iterator(mine.begin() + 2)));
  std::vector<int> ids;
  while (auto x = q.try_get()) ids.push_back(x->id);
  CHECK(std::ranges::is_permutation(ids, std::vector{0, 1, 2, 3, 0, 1}));
}

TEST_CASE("what is asked of a queue at compile time") {
  using owners = spool::queue<std::unique_ptr<int>>;
  static_assert(!takes_some_way<owners, const std::unique_ptr<int>&>);
  static_assert(takes_some_way<owners, std::unique_ptr<int>&&>);
  static_assert(!std::is_copy_constructible_v<owners> && !std::is_move_constructible_v<owners>);
  static_assert(!std::is_copy_assignable_v<owners> && !std::is_move_assignable_v<owners>);
  static_assert(std::ranges::input_range<spool::queue<int>>);
  static_assert(std::ranges::input_range<spool::lifo_queue<wide>>);  // whose items cannot be assigned
  static_assert(std::ranges::input_range<spool::priority_queue<std::string>>);
  SUCCEED();
}

TEST_CASE("an item that a loop holds may be put into the same queue again") {
  spool::queue<std::string> q(2);
  q.put("an item that does not fit into a small string");
  int rounds = 0;
  for (std::string& x : q) {
    const std::string before = x;
    if (++rounds == 1) q.put(x);
    if (rounds == 2) q.put(std::move(x));
    if (rounds == 3) q.shutdown();
    if (rounds != 2) CHECK(x == before);
  }
  CHECK(rounds == 3);

  std::string mine = "another that does not fit into a small string";
  const std::string kept = mine;
  spool::queue<std::string> ring;
  for (int i = 0; i < 100; ++i) {
    ring.put(std::move(mine));
    mine = ring.get();
  }
  CHECK(mine == kept);
}

TEST_CASE("copying an item may use the same queue") {
  struct talkative {
    spool::queue<talkative>* home;
    explicit talkative(spool::queue<talkative>* q) : home(q) {}
    talkative(const talkative& other) : home(other.home) { static_cast<void>(home->join_for(0s)); }
    talkative(talkative&& other) noexcept : home(other.home) {}
  };
  spool::queue<talkative> q;
  const talkative x(&q);
  q.put(x);
  q.emplace(x);
  q.put_many(std::vector{x, x});
  CHECK(q.size() == 2 + 2);
}

TEST_CASE("what a failed get_many brings back to a queue that was shut down meanwhile is discarded and counted") {
  struct guest {
    spool::queue<guest>* home;
    int* ends;
    bool* joined_early;
    guest(spool::queue<guest>* q, int* e, bool* j) : home(q), ends(e), joined_early(j) {}
    guest(const guest&) = default;
    ~guest() {
      ++*ends;
      if (home->join_for(0s)) *joined_early = true;
    }
  };
  int ends = 0;
  bool joined_early = false;
  spool::queue<guest> q;
  for (int i = 0; i < 3; ++i) q.emplace(&q, &ends, &joined_early);
  struct shutting_out {
    spool::queue<guest>* q;
    shutting_out& operator*() { return *this; }
    shutting_out& operator++() { return *this; }
    void operator=(guest&&) {
      q->shutdown(true);
      throw tracked_failure();
    }
  };
  CHECK_THROWS_AS(q.get_many(shutting_out{&q}, 2), tracked_failure);
  CHECK(ends == 3);
  CHECK_FALSE(joined_early);
  CHECK(q.empty());
  q.join();
  CHECK_THROWS_AS(q.task_done(), spool::usage_error);
}

TEST_CASE("while a get_many may bring items back a queue that is shut down is empty, but not drained") {
  spool::queue<int> q;
  struct looking_out {
    spool::queue<int>* q;
    int left;
    looking_out& operator*() { return *this; }
    looking_out& operator++() { return *this; }
    void operator=(int) {
      if (left-- == 0) throw tracked_failure();
      q->shutdown();
      std::stop_source stopped;
      stopped.request_stop();
      CHECK(q->try_get() == std::nullopt);
      CHECK(q->get_for(0s) == std::nullopt);
      CHECK(q->get_for(1ms) == std::nullopt);
      CHECK(q->get_until(std::chrono::system_clock::now()) == std::nullopt);
      CHECK(q->get(stopped.get_token()) == std::nullopt);
      CHECK_THROWS_AS(q->try_put(0), spool::queue_shutdown_error);
    }
  };
  q.put_many(std::vector{1, 2, 3});
  CHECK_THROWS_AS(q.get_many(looking_out{&q, 1}, 3), tracked_failure);
  CHECK(q.get() == 2);
  CHECK(q.get_many(looking_out{&q, 1}, 3) == 1);
  CHECK_THROWS_AS(q.try_get(), spool::queue_shutdown_error);
  CHECK_THROWS_AS(q.get_for(0s), spool::queue_shutdown_error);
}

TEST_CASE("places are free again as soon as get_many has taken the items") {
  spool::queue<int> q(3);
  q.put_many(std::vector{1, 2, 3});
  struct putting_out {
    spool::queue<int>* q;
    int left;
    putting_out& operator*() { return *this; }
    putting_out& operator++() { return *this; }
    void operator=(int x) {
      if (left-- == 0) throw tracked_failure();
      q->put(10 * x);
    }
  };
  CHECK(q.get_many(putting_out{&q, 3}, 3) == 3);
  CHECK(q.full());
  CHECK_THROWS_AS(q.get_many(putting_out{&q, 2}, 3), tracked_failure);
  CHECK(q.full());
  CHECK_FALSE(q.try_put(0));
  CHECK(drained(q) == std::vector{30, 100, 200});
}
