// tests/for_each_test.cpp · what thread_pool::for_each promises
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <forward_list>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <spool/thread_pool.hpp>

#include "support/adl_range.hpp"
#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"

using spool::thread_pool;

TEST_CASE("for_each calls f once with every element, and all that f did is seen") {
  for (const std::size_t workers : {1u, 2u, 4u}) {
    thread_pool pool(workers);
    for (const std::size_t size : {0u, 1u, 2u, 7u, 100u, 10'000u}) {
      std::vector<int> v(size, 0);
      pool.for_each(v, [](int& each) { ++each; });
      std::forward_list<int> l(size, 0);
      pool.for_each(l, [](int& each) { ++each; });
      CAPTURE(workers, size);
      CHECK(std::ranges::count(v, 1) == static_cast<std::ptrdiff_t>(size));
      CHECK(std::ranges::count(l, 1) == static_cast<std::ptrdiff_t>(size));
    }
  }
}

TEST_CASE("for_each takes views, and members to call") {
  struct counter {
    int count = 0;
    void raise() { ++count; }
  };
  thread_pool pool(2);
  std::vector<counter> v(100);
  pool.for_each(v, &counter::raise);
  pool.for_each(std::views::take(v, 50), &counter::raise);
  std::atomic<int> sum{0};
  pool.for_each(std::views::iota(0, 101), [&](int i) { sum += i; });
  int array[] = {1, 2, 3};
  pool.for_each(array, [](int& each) { each *= 2; });
  adl::range<int> mine{{4, 5, 6}};
  pool.for_each(mine, [](int& each) { each *= 2; });
  pool.for_each(adl::range<int>{{7}}, [](int& each) { each *= 2; });
  CHECK(std::ranges::count(v, 2, &counter::count) == 50);
  CHECK(std::ranges::count(v, 1, &counter::count) == 50);
  CHECK(sum == 5050);
  CHECK(std::ranges::equal(array, std::vector{2, 4, 6}));
  CHECK(mine.elements == std::vector{8, 10, 12});
}

TEST_CASE("for_each takes counting ranges of 64 bits, and what views make of them") {
  namespace views = std::views;
  thread_pool pool(2);
  std::atomic<unsigned long long> sum{0};
  const auto sum_of = [&](auto&& range) {
    sum = 0;
    pool.for_each(range, [&](auto i) { sum += static_cast<unsigned long long>(i); });
    return sum.load();
  };
  CHECK(sum_of(views::iota(0LL, 100LL)) == 4950);
  CHECK(sum_of(views::iota(0ULL, 100ULL)) == 4950);
  CHECK(sum_of(views::iota(std::size_t{0}) | views::take(100)) == 4950);
  CHECK(sum_of(views::iota(0L, 100L) | views::filter([](long i) { return i % 2 == 0; })) == 2450);
  CHECK(sum_of(views::iota(0LL) | views::take_while([](long long i) { return i < 100; })) == 4950);
  CHECK(sum_of(views::iota(0ULL, 100ULL) | views::drop(90) | views::reverse) == 945);
  CHECK(sum_of(views::iota(0L, 100L) | views::transform([](long i) { return 2 * i; })) == 9900);
  CHECK(sum_of(views::iota((std::numeric_limits<long long>::max)() - 1, (std::numeric_limits<long long>::max)())) ==
        static_cast<unsigned long long>((std::numeric_limits<long long>::max)() - 1));
  const std::vector<std::vector<int>> rows(10, std::vector<int>(10, 1));
  CHECK(sum_of(views::join(rows)) == 100);
  const std::string digits = "1,2,3";
  CHECK(sum_of(views::iota(0, 3) |
               views::transform([&](int i) { return digits[2 * static_cast<std::size_t>(i)] - '0'; }) |
               views::common) == 6);
}

namespace {

/// Counts up from a number and gives a function of it. It can only be copied, stepped and read: because of its reference
/// it has neither a default constructor nor an assignment.
template <class Category>
class mapped_iterator {
public:
  using iterator_category = Category;
  using value_type = int;
  using difference_type = int;
  using pointer = void;
  using reference = int;

  mapped_iterator(int at, const int& factor) : at_(at), factor_(factor) {}
  int operator*() const { return at_ * factor_; }
  mapped_iterator& operator++() {
    ++at_;
    return *this;
  }
  mapped_iterator operator+(int n) const { return {at_ + n, factor_}; }
  int operator-(mapped_iterator const& other) const { return at_ - other.at_; }
  bool operator==(mapped_iterator const& other) const { return at_ == other.at_; }

private:
  int at_;
  const int& factor_;
};

template <class Category>
struct mapped_range {
  int factor = 3;
  auto begin() const { return mapped_iterator<Category>(0, factor); }
  auto end() const { return mapped_iterator<Category>(100, factor); }
};

}  // namespace

TEST_CASE("for_each takes iterators that can be neither assigned nor made out of nothing") {
  static_assert(!std::is_default_constructible_v<mapped_iterator<std::forward_iterator_tag>>);
  static_assert(!std::is_copy_assignable_v<mapped_iterator<std::forward_iterator_tag>>);
  thread_pool pool(2);
  std::atomic<int> sum{0};
  pool.for_each(mapped_range<std::forward_iterator_tag>(), [&](int i) { sum += i; });
  CHECK(sum == 14850);
  pool.for_each(mapped_range<std::random_access_iterator_tag>(), [&](int i) { sum += i; });
  CHECK(sum == 2 * 14850);
}

TEST_CASE("for_each takes no step beyond the last element") {
  thread_pool pool(2);
  std::atomic<int> asked{0};
  std::vector<int> v(50);
  std::iota(v.begin(), v.end(), 0);
  auto first_ten = v | std::views::take_while([&](int i) { return asked = std::max(asked.load(), i), i < 10; });
  std::atomic<int> sum{0};
  pool.for_each(first_ten, [&](int i) { sum += i; });
  CHECK(sum == 45);
  CHECK(asked == 10);
}

TEST_CASE("for_each over as many elements as there are workers, and one, works on all of them at once") {
  thread_pool pool(7);
  std::vector<int> v(8, 0);
  for (int i = 0; i < 20; ++i) {
    meeting all(8);
    pool.for_each(v, [&](int& each) {
      all.arrive_and_wait();
      ++each;
    });
  }
  CHECK(std::ranges::count(v, 20) == 8);
}

TEST_CASE("for_each beside busy workers asks for one helper, however many workers there are") {
  thread_pool pool(3);
  std::vector<std::unique_ptr<busy>> all;
  for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<busy>(pool));
  std::vector<int> v(1000, 0);
  std::size_t most = 0;
  pool.for_each(v, [&](int&) { most = std::max(most, pool.pending()); });
  CHECK(most == 1);
  CHECK(pool.pending() == 0);
}

TEST_CASE("the caller of for_each works, too: it ends though all workers are busy") {
  thread_pool pool(1);
  busy worker(pool);
  std::vector<std::thread::id> where(100);
  pool.for_each(where, [](std::thread::id& each) { each = std::this_thread::get_id(); });
  CHECK(std::ranges::count(where, std::this_thread::get_id()) == 100);
  CHECK(pool.pending() == 0);
}

TEST_CASE("what f throws comes out of for_each, and what was not begun is skipped") {
  thread_pool pool(1);
  busy worker(pool);  // so that one thread goes through, in order
  std::vector<int> called(100, 0);
  const auto f = [&](int& each) {
    each = 1;
    if (&each == &called[10]) throw std::runtime_error("ten");
  };
  CHECK_THROWS_WITH(pool.for_each(called, f), "ten");
  CHECK(std::ranges::count(called, 1) == 11);
  CHECK(called[10] == 1);
}

TEST_CASE("what f throws in a worker comes out of for_each in the caller") {
  thread_pool pool(1);
  gate helped;
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<int> two(2);
  const auto f = [&](int&) {
    if (std::this_thread::get_id() == caller) return helped.wait();
    helped.open();
    throw std::runtime_error("from a worker");
  };
  CHECK_THROWS_WITH(pool.for_each(two, f), "from a worker");
}

namespace {

/// For how many elements f is called in the caller after it has thrown in a worker.
std::ptrdiff_t called_after_a_throw(auto&& range) {
  thread_pool pool(1);
  gate ended;
  const std::thread::id caller = std::this_thread::get_id();
  const auto f = [&](int& each) {
    if (std::this_thread::get_id() != caller) {
      pool.post([&] { ended.open(); });  // when the worker has left the loop
      throw std::runtime_error("from a worker");
    }
    ended.wait();
    each = 1;
  };
  CHECK_THROWS_WITH(pool.for_each(range, f), "from a worker");
  return std::ranges::count(range, 1);
}

}  // namespace

TEST_CASE("what f throws in one thread ends the others' work, too, after at most 16 elements in a row") {
  CHECK(called_after_a_throw(std::vector<int>(10'000, 0)) <= 16);
  CHECK(called_after_a_throw(std::list<int>(10'000, 0)) == 1);
}

TEST_CASE("the steps of a range that for_each walks through may wait for tasks of the pool") {
  for (const std::size_t workers : {1u, 2u}) {
    thread_pool pool(workers);
    std::vector<int> numbers(40);
    std::iota(numbers.begin(), numbers.end(), 0);
    auto even = numbers | std::views::filter([&](int n) { return pool.submit([n] { return n % 2 == 0; }).result(); });
    std::atomic<int> sum{0};
    pool.for_each(even, [&](int n) { sum += n; });
    CHECK(sum == 380);
  }
}

TEST_CASE("of several exceptions for_each throws one, and no other is reported") {
  const hook_log log;
  {
    thread_pool pool(4);
    std::vector<int> v(1000);
    for (int i = 0; i < rounds_of(50); ++i) {
      CHECK_THROWS_WITH(pool.for_each(v, [](int&) { throw std::runtime_error("each"); }), "each");
    }
  }
  CHECK(log.size() == 0);
}

TEST_CASE("for_each in a task of its own pool ends, on one worker, and nested") {
  for (const std::size_t workers : {1u, 3u}) {
    thread_pool pool(workers);
    std::vector<std::vector<int>> rows(20, std::vector<int>(50, 0));
    pool.submit(
            [&] { pool.for_each(rows, [&](std::vector<int>& row) { pool.for_each(row, [](int& each) { ++each; }); }); })
        .result();
    CHECK(std::ranges::all_of(rows, [](auto const& row) { return std::ranges::count(row, 1) == 50; }));
  }
}

TEST_CASE("what f does in for_each may wait for tasks, cancel them, and loop again") {
  for (const std::size_t workers : {1u, 3u}) {
    thread_pool pool(workers);
    std::vector<int> v(40, 0);
    pool.for_each(v, [&](int& each) {
      const auto dropped = pool.submit([] {});
      dropped.cancel();
      each = pool.submit([] { return 1; }).result();
      std::vector<int> inner(5, 0);
      pool.for_each(inner, [](int& i) { i = 1; });
      each += std::accumulate(inner.begin(), inner.end(), 0);
    });
    CHECK(std::ranges::count(v, 6) == 40);
  }
}

TEST_CASE("for_each calls f itself, no copy of it") {
  struct only_here {
    std::atomic<int> calls{0};
    only_here() = default;
    only_here(const only_here&) = delete;
    only_here& operator=(const only_here&) = delete;
    void operator()(int&) { ++calls; }
  };
  thread_pool pool(2);
  only_here f;
  std::vector<int> v(100);
  pool.for_each(v, f);
  CHECK(f.calls == 100);
}

TEST_CASE("for_each on a pool that is shut down throws pool_shutdown_error and calls nothing") {
  thread_pool pool(2);
  pool.shutdown();
  std::vector<int> v(10, 0);
  CHECK_THROWS_AS(pool.for_each(v, [](int& each) { ++each; }), spool::pool_shutdown_error);
  CHECK(std::ranges::count(v, 0) == 10);
}
