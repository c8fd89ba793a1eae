// tests/map_inputs_test.cpp · what the iterators of a map's inputs may be, and what f gets of them
// SPDX-License-Identifier: MIT
//
// Each call has to get what its iterator gave, though the iterator moves on before the call: references into the
// iterator itself, proxies, and places that are used again with the next ++ included.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <list>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <spool/queue.hpp>
#include <spool/thread_pool.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"

using spool::map_options;
using spool::thread_pool;

namespace {

using ints = std::vector<int>;

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
ints sorted_results(Range&& range) {
  ints all;
  for (const int r : range) all.push_back(r);
  std::sort(all.begin(), all.end());
  return all;
}

ints up_to(int n, int factor = 1) {
  ints all;
  for (int i = 0; i < n; ++i) all.push_back(factor * i);
  return all;
}

/// Runs the test with all at once, in chunks, and through a window.
constexpr map_options ways[] = {{}, {.chunk_size = 7}, {.chunk_size = 2, .buffer_size = 5}};

/// Counts up; what it gives lies in itself, on the stack and on the heap. Claims to be as good as Category.
template <class Category>
class counter {
public:
  using iterator_category = Category;
  using value_type = std::pair<int, std::string>;
  using difference_type = std::ptrdiff_t;
  using pointer = const value_type*;
  using reference = const value_type&;

  counter() = default;
  explicit counter(int at) : at_(at, text_of(at)) {}
  reference operator*() const { return at_; }
  pointer operator->() const { return &at_; }
  counter& operator++() { return *this = counter(at_.first + 1); }
  counter operator++(int) { return std::exchange(*this, counter(at_.first + 1)); }
  friend bool operator==(const counter& a, const counter& b) { return a.at_.first == b.at_.first; }

  static std::string text_of(int i) { return "this is number " + std::to_string(i) + ", in words on the heap"; }

private:
  value_type at_{0, text_of(0)};
};
template <class Category>
auto counting(int n) {
  return std::ranges::subrange(counter<Category>(0), counter<Category>(n));
}
/// i if all of the element is still there.
int intact(const std::pair<int, std::string>& p) {
  return p.second == counter<std::input_iterator_tag>::text_of(p.first) ? p.first : -1;
}

/// Goes through two sequences at once and gives a tuple of the references that they give, which it calls its value, too.
template <class A, class B>
class both {
public:
  using iterator_category = std::input_iterator_tag;  // as its reference is a proxy; for C++20 it is a forward iterator
  using iterator_concept = std::forward_iterator_tag;
  using reference = std::tuple<std::iter_reference_t<A>, std::iter_reference_t<B>>;
  using value_type = reference;
  using difference_type = std::ptrdiff_t;

  both() = default;
  both(A a, B b) : a_(std::move(a)), b_(std::move(b)) {}
  reference operator*() const { return {*a_, *b_}; }
  both& operator++() { return ++a_, ++b_, *this; }
  both operator++(int) {
    both old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const both& a, const both& b) { return a.a_ == b.a_; }

private:
  A a_{};
  B b_{};
};

/// Reads lines into a place of its own, as an istream_iterator does, and gives them together with their numbers.
class numbered_lines {
public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = std::tuple<int, std::string>;
  using reference = std::tuple<const int&, const std::string&>;
  using difference_type = std::ptrdiff_t;

  explicit numbered_lines(int n) : left_(n) {}
  numbered_lines(numbered_lines&&) = default;
  numbered_lines& operator=(numbered_lines&&) = default;
  reference operator*() const { return {*number_, *line_}; }
  numbered_lines& operator++() {
    --left_;
    *line_ = counter<std::input_iterator_tag>::text_of(++*number_);
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const numbered_lines& it, std::default_sentinel_t) { return it.left_ == 0; }

private:
  int left_;
  std::unique_ptr<int> number_ = std::make_unique<int>(0);
  std::unique_ptr<std::string> line_ = std::make_unique<std::string>(counter<std::input_iterator_tag>::text_of(0));
};

/// Goes through a list, tells who dereferences it, and throws when it is copied for the `fails_at`th time.
class watched {
public:
  struct log {
    std::vector<std::thread::id> dereferenced{};
    int copies_left = -1;
  };
  using iterator_category = std::forward_iterator_tag;
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  using pointer = int*;
  using reference = int&;

  watched() = default;
  watched(std::list<int>::iterator at, log& l) : at_(at), log_(&l) {}
  watched(const watched& other) : at_(other.at_), log_(other.log_) {
    if (log_ != nullptr && log_->copies_left >= 0 && log_->copies_left-- == 0) throw std::runtime_error("no copy");
  }
  watched& operator=(const watched&) = default;
  reference operator*() const {
    log_->dereferenced.push_back(std::this_thread::get_id());
    return *at_;
  }
  watched& operator++() { return ++at_, *this; }
  watched operator++(int) {
    watched old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const watched& a, const watched& b) { return a.at_ == b.at_; }

private:
  std::list<int>::iterator at_;
  log* log_ = nullptr;
};
struct watched_range {
  std::list<int>& numbers;
  watched::log& log;
  watched begin() { return {numbers.begin(), log}; }
  watched end() { return {numbers.end(), log}; }
};

}  // namespace

// ── references into the iterator ──

TEMPLATE_TEST_CASE("each call gets its own element of an iterator that refers into itself", "", ordered, unordered) {
  thread_pool pool(2);
  for (const map_options& way : ways) {
    auto forward = counting<std::forward_iterator_tag>(50);
    auto backward = counting<std::bidirectional_iterator_tag>(50);
    auto once = counting<std::input_iterator_tag>(50);
    CHECK(sorted_results(TestType::map(pool, way, intact, forward)) == up_to(50));
    CHECK(sorted_results(TestType::map(pool, way, intact, std::move(backward))) == up_to(50));
    CHECK(sorted_results(TestType::map(pool, way, intact, once)) == up_to(50));
    const auto sum = [](auto const&... all) { return (0 + ... + intact(all)); };
    CHECK(sorted_results(TestType::map(pool, way, sum, forward, once, forward)) == up_to(50, 3));
  }
}

TEST_CASE("the parts of a path go through a map") {
  thread_pool pool(2);
  const std::filesystem::path path = "/usr/share/some/where/deep/in/the/tree";
  std::vector<std::string> parts;
  for (std::string& part : pool.map([](const std::filesystem::path& p) { return p.string(); }, path)) {
    parts.push_back(std::move(part));
  }
  std::vector<std::string> expected;
  for (const std::filesystem::path& p : path) expected.push_back(p.string());
  CHECK(parts == expected);
}

TEST_CASE("what a call gets of an iterator that refers into itself may be its result") {
  thread_pool pool(2);
  auto numbers = counting<std::forward_iterator_tag>(50);
  const auto copy = [](const std::pair<int, std::string>& p) { return p; };
  ints seen;
  for (std::pair<int, std::string>& p : pool.map(map_options{.chunk_size = 3}, copy, numbers)) {
    seen.push_back(intact(p));
  }
  std::sort(seen.begin(), seen.end());
  CHECK(seen == up_to(50));
}

TEST_CASE("what a call throws leaves its neighbours and nothing of its element") {
  thread_pool pool(1);
  std::list<std::shared_ptr<int>> numbers;
  for (int i = 0; i < 4; ++i) numbers.push_back(std::make_shared<int>(i));
  const auto shared = std::views::transform([](std::shared_ptr<int>& p) { return p; });
  auto range = numbers | shared;
  {
    auto results = pool.map(
        map_options{.chunk_size = 4},
        [](const std::shared_ptr<int>& p) {
          if (*p == 2) throw std::runtime_error("two");
          return *p;
        },
        range);
    int sum = 0;
    int thrown = 0;
    for (auto it = results.begin(); it != results.end(); ++it) {
      try {
        sum += *it;
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    }
    CHECK(sum == 4);
    CHECK(thrown == 1);
  }
  for (const std::shared_ptr<int>& p : numbers) CHECK(p.use_count() == 1);
}

// ── who looks at the iterator, and how often ──

TEST_CASE("an iterator is dereferenced once for each element and by the thread that goes through the map") {
  thread_pool pool(2);
  std::list<int> numbers{0, 1, 2, 3, 4, 5};
  watched::log log;
  watched_range range{numbers, log};
  CHECK(sorted_results(pool.map(map_options{.buffer_size = 2}, [](int& i) { return i; }, range)) == up_to(6));
  CHECK(log.dereferenced == std::vector<std::thread::id>(6, std::this_thread::get_id()));
}

TEST_CASE("the elements of a container are referred to whatever its iterators are") {
  thread_pool pool(2);
  for (const map_options& way : ways) {
    std::vector<int> row{1, 2, 3};
    std::list<int> chain{10, 20, 30};
    const auto refer = [](int& a, int& b) -> int& { return a += b, b; };
    for (int& r : pool.map(way, refer, row, chain)) r *= 10;
    CHECK(row == ints{11, 22, 33});
    CHECK(chain == std::list<int>{100, 200, 300});
  }
}

TEST_CASE("an iterator whose copy throws ends the map at its place") {
  thread_pool pool(2);
  std::list<int> numbers{0, 1, 2, 3, 4, 5};
  watched::log log;
  watched_range range{numbers, log};
  auto results = pool.map(map_options{.buffer_size = 1}, [](int& i) { return i; }, range);
  log.copies_left = 2;
  ints seen;
  const auto go_through = [&] {
    for (const int i : results) seen.push_back(i);
  };
  CHECK_THROWS_WITH(go_through(), "no copy");
  CHECK(seen == up_to(static_cast<int>(seen.size())));
  CHECK(seen.size() < numbers.size());
}

// ── proxies ──

TEMPLATE_TEST_CASE("proxies go through a map", "", ordered, unordered) {
  thread_pool pool(2);
  for (const map_options& way : ways) {
    std::vector<bool> bits(70);
    for (std::size_t i = 0; i < bits.size(); i += 3) bits[i] = true;
    int set = 0;
    for (const bool b : TestType::map(pool, way, [](bool bit) { return bit; }, bits)) set += b ? 1 : 0;
    CHECK(set == 24);

    using stashing = counter<std::forward_iterator_tag>;
    using set_iterator = std::set<int>::iterator;
    std::set<int> numbers{0, 10, 20, 30, 40};
    std::ranges::subrange pairs(both<set_iterator, stashing>(numbers.begin(), stashing(0)),
                                both<set_iterator, stashing>(numbers.end(), stashing(5)));
    const auto add = [](std::tuple<const int&, const std::pair<int, std::string>&> p) {
      return std::get<0>(p) + intact(std::get<1>(p));
    };
    CHECK(sorted_results(TestType::map(pool, way, add, pairs)) == up_to(5, 11));

    std::ranges::subrange lines(numbered_lines(20), std::default_sentinel);
    const auto check = [](const std::tuple<int, std::string>& line) {
      return intact({std::get<0>(line), std::get<1>(line)});
    };
    CHECK(sorted_results(TestType::map(pool, way, check, std::move(lines))) == up_to(20));
  }
}

// ── single-pass iterators over what can only be moved ──

TEMPLATE_TEST_CASE("a queue of move-only items goes through a map", "", ordered, unordered) {
  thread_pool pool(2);
  for (const map_options& way : ways) {
    const auto filled = [](spool::queue<std::unique_ptr<int>>& q) -> auto& {
      for (int i = 0; i < 10; ++i) q.put(std::make_unique<int>(i));
      q.shutdown();
      return q;
    };
    spool::queue<std::unique_ptr<int>> a, b, c, d;
    const auto by_value = [](std::unique_ptr<int> p) { return *p; };
    const auto by_reference = [](std::unique_ptr<int>& p) { return *p; };
    const auto by_const_reference = [](std::unique_ptr<int> const& p) { return *p; };
    const auto by_any = [](auto&& p) { return *std::forward<decltype(p)>(p); };
    CHECK(sorted_results(TestType::map(pool, way, by_value, filled(a))) == up_to(10));
    CHECK(sorted_results(TestType::map(pool, way, by_reference, filled(b))) == up_to(10));
    CHECK(sorted_results(TestType::map(pool, way, by_const_reference, filled(c))) == up_to(10));
    CHECK(sorted_results(TestType::map(pool, way, by_any, filled(d))) == up_to(10));
  }
}

TEST_CASE("the results of a map of move-only ones go through another") {
  thread_pool pool(2);
  const ints numbers = up_to(10);
  auto boxes = pool.map({.buffer_size = 4}, [](int i) { return std::make_unique<int>(i); }, numbers);
  const auto open = [](std::unique_ptr<int> p) { return *p; };
  CHECK(sorted_results(pool.map({.chunk_size = 2, .buffer_size = 4}, open, boxes)) == numbers);
}

TEST_CASE("what can be copied is copied out of a single-pass range and left there") {
  thread_pool pool(2);
  auto words = pool.map([](int i) { return std::string(50, static_cast<char>('a' + i)); }, up_to(5));
  const auto word = words.begin();
  std::ranges::subrange rest(word, std::default_sentinel);
  auto sizes = pool.map({.buffer_size = 1}, [](std::string s) { return static_cast<int>(s.size()); }, rest);
  CHECK(*sizes.begin() == 50);
  CHECK(*word == std::string(50, 'a'));
}
