// tests/queue_faults_test.cpp · queue, lifo_queue, priority_queue: every allocation of every call fails once
// SPDX-License-Identifier: MIT
#include <spool/queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <new>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/failing_new.hpp"

using namespace std::chrono_literals;

namespace {

/// Has no move: taking one out copies it, and needs memory. Too large for a recycled block.
struct heavy {
  std::string text;
  char weight[400] = {};
  explicit heavy(const std::string& t) : text(t) {}
  explicit heavy(const char* t) : text(t) {}
  heavy(const heavy&) = default;
  heavy& operator=(const heavy&) = default;
  friend bool operator<(const heavy& a, const heavy& b) { return a.text < b.text; }
};

std::string name_of(std::size_t i) { return "a name that does not fit into a small string " + std::to_string(100 + i); }

/// Calls operation(queue) with its first, second, ... allocation failing, until it succeeds; after each failure
/// unchanged(queue) must hold.      Returns  how often it failed.
template <class Queue, class Operation, class Unchanged>
int fail_at_each(Queue& q, Operation operation, Unchanged unchanged) {
  for (int n = 1;; ++n) {
    try {
      const failing_new guard(n);
      operation(q);
      return n - 1;
    } catch (std::bad_alloc const&) {
    }
    if (!unchanged(q)) return -n;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a put that runs out of memory has changed nothing, whichever allocation fails", "",
                   spool::queue<heavy>, spool::lifo_queue<heavy>, spool::priority_queue<heavy>) {
  if (!failing_new::works) return;
  const heavy x(name_of(0));
  heavy rvalue = x;
  std::stop_source stop;
  constexpr int at_least = 2;  // its block, its text
  const auto check = [&](auto operation) {
    TestType q(1000);
    for (std::size_t size = 0; size < 40; ++size) {  // its array grows at 0, 16 and 32
      bool put = false;
      const int failures = fail_at_each(
          q, [&](TestType& on) { put = operation(on); },
          [&](TestType& on) { return on.size() == size && rvalue.text == x.text; });
      REQUIRE(failures >= at_least);
      REQUIRE(put);
      REQUIRE(q.size() == size + 1);
    }
    for (int i = 0; i < 40; ++i) q.task_done();
    q.join();  // what was not put is not counted
    CHECK_THROWS_AS(q.task_done(), spool::usage_error);
  };
  check([&](TestType& q) { return q.put(x), true; });
  check([&](TestType& q) { return q.put(std::move(rvalue)), true; });
  check([&](TestType& q) { return q.emplace(x.text), true; });
  check([&](TestType& q) { return q.try_put(x); });
  check([&](TestType& q) { return q.put_for(x, 1h); });
  check([&](TestType& q) { return q.put_for(std::move(rvalue), 0s); });
  check([&](TestType& q) { return q.put_until(x, std::chrono::steady_clock::time_point::max()); });
  check([&](TestType& q) { return q.put(x, stop.get_token()); });
}

TEMPLATE_TEST_CASE("put_many keeps what came before the allocation that failed", "", spool::queue<heavy>,
                   spool::lifo_queue<heavy>, spool::priority_queue<heavy>) {
  if (!failing_new::works) return;
  std::vector<heavy> some;
  for (std::size_t i = 0; i < 20; ++i) some.emplace_back(name_of(i));
  std::vector<std::size_t> sizes;
  for (int n = 1;; ++n) {
    TestType q;
    bool done = false;
    try {
      const failing_new guard(n);
      q.put_many(some);
      done = true;
    } catch (std::bad_alloc const&) {
    }
    sizes.push_back(q.size());
    std::vector<std::string> names;
    while (auto x = q.try_get()) {
      names.push_back(x->text);
      q.task_done();
    }
    std::sort(names.begin(), names.end());
    for (std::size_t i = 0; i < names.size(); ++i) REQUIRE(names[i] == some[i].text);
    q.join();
    if (done) break;
  }
  CHECK(sizes.front() == 0);
  CHECK(sizes.back() == 20);
  CHECK(std::is_sorted(sizes.begin(), sizes.end()));
}

TEMPLATE_TEST_CASE("a get that runs out of memory leaves the item, whichever allocation fails", "", spool::queue<heavy>,
                   spool::lifo_queue<heavy>, spool::priority_queue<heavy>) {
  if (!failing_new::works) return;
  std::stop_source stop;
  const auto check = [&](auto get_is) {
    TestType q;
    TestType twin;
    for (std::size_t i : {2u, 0u, 3u, 1u}) {
      q.put(heavy(name_of(i)));
      twin.put(heavy(name_of(i)));
    }
    for (std::size_t size = 4; size != 0; --size) {
      const std::string expected = twin.get().text;
      bool right = false;
      const int failures = fail_at_each(
          q, [&](TestType& on) { right = get_is(on, expected); }, [&](TestType& on) { return on.size() == size; });
      REQUIRE(failures >= 1);  // the copy's text
      REQUIRE(right);
      REQUIRE(q.size() == size - 1);
    }
  };
  check([](TestType& q, const std::string& text) { return q.get().text == text; });
  check([](TestType& q, const std::string& text) { return q.try_get()->text == text; });
  check([](TestType& q, const std::string& text) { return q.get_for(1h)->text == text; });
  check([](TestType& q, const std::string& text) {
    return q.get_until(std::chrono::system_clock::time_point())->text == text;
  });
  check([&](TestType& q, const std::string& text) { return q.get(stop.get_token())->text == text; });
  check([](TestType& q, const std::string& text) { return q.begin()->text == text; });
}

TEMPLATE_TEST_CASE("a get_many that runs out of memory leaves what it did not hand out", "", spool::queue<heavy>,
                   spool::lifo_queue<heavy>, spool::priority_queue<heavy>) {
  if (!failing_new::works) return;
  constexpr std::size_t n = 300;  // more than it has room for without asking for memory
  TestType q;
  for (std::size_t i = 0; i < n; ++i) q.put(heavy(name_of(i * 7 % n)));
  std::vector<std::string> names;
  std::size_t nothing_taken = 0;
  for (int k = 1; !q.empty(); ++k) {
    std::vector<heavy> out;
    try {
      const failing_new guard(k);
      q.get_many(std::back_inserter(out), n);
    } catch (std::bad_alloc const&) {
    }
    if (out.empty()) ++nothing_taken;
    for (const heavy& x : out) names.push_back(x.text);
    REQUIRE(names.size() + q.size() == n);
    REQUIRE_FALSE(q.join_for(0s));
  }
  CHECK(nothing_taken >= 1);
  TestType twin;
  for (std::size_t i = 0; i < n; ++i) twin.put(heavy(name_of(i * 7 % n)));
  for (const std::string& name : names) REQUIRE(twin.get().text == name);
}

TEST_CASE("what ends an item or the queue needs no memory") {
  if (!failing_new::works) return;
  for (const bool immediate : {false, true}) {
    const failing_new guard(1);
    spool::queue<int> q(3);
    static_cast<void>(q.size());
    q.shutdown(immediate);
    q.join();
  }
  spool::priority_queue<heavy> q;
  for (std::size_t i = 0; i < 20; ++i) q.put(heavy(name_of(i)));
  bool done = false;
  {
    const failing_new guard(1);
    q.task_done();
    q.shutdown();
    q.shutdown(true);
    done = q.join_for(0s);
  }
  CHECK(done);
  CHECK(q.empty());
}
