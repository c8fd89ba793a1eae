// tests/detail/intrusive_list_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/detail/base/intrusive_list.hpp>

#include <vector>

#include "support/catch.hpp"

namespace {

struct item : spool::detail::list_node {
  explicit item(int n) : number(n) {}
  int number;
};

using list = spool::detail::intrusive_list<item>;

std::vector<int> numbers(list& l) {
  std::vector<int> seen;
  if (l.empty()) return seen;
  for (item* i = &l.front(); i != nullptr; i = l.after(*i)) seen.push_back(i->number);
  return seen;
}

}  // namespace

TEST_CASE("a list keeps its items in the order they were pushed") {
  list l;
  item a(1), b(2), c(3);
  CHECK(l.empty());
  l.push_back(a);
  l.push_back(b);
  l.push_back(c);
  CHECK(numbers(l) == std::vector{1, 2, 3});
  CHECK(&l.front() == &a);
  CHECK(&l.back() == &c);
}

TEST_CASE("an item is erased from wherever it stands") {
  list l;
  item a(1), b(2), c(3);
  for (item* i : {&a, &b, &c}) l.push_back(*i);
  l.erase(b);
  CHECK_FALSE(b.linked());
  CHECK(numbers(l) == std::vector{1, 3});
  l.erase(a);
  CHECK(numbers(l) == std::vector{3});
  l.push_back(b);
  l.erase(b);
  CHECK(numbers(l) == std::vector{3});
  l.erase(c);
  CHECK(l.empty());
}

TEST_CASE("popping takes the oldest from the front and the newest from the back, and null from an empty list") {
  list l;
  CHECK(l.pop_front() == nullptr);
  CHECK(l.pop_back() == nullptr);
  item a(1), b(2), c(3);
  for (item* i : {&a, &b, &c}) l.push_back(*i);
  CHECK(l.pop_front() == &a);
  CHECK(l.pop_back() == &c);
  CHECK(l.pop_back() == &b);
  CHECK(l.empty());
  CHECK_FALSE(a.linked());
}

TEST_CASE("an item that was taken out may join another list") {
  list one, two;
  item a(1);
  one.push_back(a);
  CHECK(a.linked());
  one.erase(a);
  two.push_back(a);
  CHECK(one.empty());
  CHECK(numbers(two) == std::vector{1});
  two.erase(a);
}
