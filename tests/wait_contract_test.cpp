// tests/wait_contract_test.cpp · what the contract says of wait and as_completed, written from the contract alone
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <iterator>
#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/wait.hpp>

#include "support/adl_range.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/outcome.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using steady = std::chrono::steady_clock;

// ── the shape ──

static_assert(
    std::is_same_v<decltype(spool::wait(std::declval<std::vector<future<int>>&>())), spool::wait_result<int>>);
static_assert(std::is_same_v<decltype(spool::wait_for(std::declval<std::vector<future<void>>&>(), 1s)),
                             spool::wait_result<void>>);
static_assert(std::is_same_v<decltype(spool::wait_until(std::declval<std::list<future<int&>> const&>(), steady::now(),
                                                        spool::first_completed)),
                             spool::wait_result<int&>>);
static_assert(std::is_same_v<decltype(spool::wait_result<int>::done), std::vector<future<int>>>);
static_assert(std::is_same_v<decltype(spool::wait_result<int>::not_done), std::vector<future<int>>>);
static_assert(spool::first_completed == spool::return_when::first_completed);
static_assert(spool::first_exception == spool::return_when::first_exception);
static_assert(spool::all_completed == spool::return_when::all_completed);
static_assert(std::is_enum_v<spool::return_when>);
static_assert(!std::is_convertible_v<spool::return_when, int>);
using completed_range = decltype(spool::as_completed(std::declval<std::vector<future<int>>&>()));
static_assert(std::ranges::input_range<completed_range>);
static_assert(std::is_same_v<std::ranges::range_value_t<completed_range>, future<int>>);

namespace {

/// Promises and their futures, side by side.
struct pairs {
  explicit pairs(std::size_t n) : promises(n) {
    for (auto& p : promises) futures.push_back(p.get_future());
  }
  std::vector<future<int>> of(std::initializer_list<std::size_t> which) const {
    std::vector<future<int>> chosen;
    for (const std::size_t i : which) chosen.push_back(futures[i]);
    return chosen;
  }
  std::vector<promise<int>> promises;
  std::vector<future<int>> futures;
};

/// The results in the order in which the range gives them; -1 for a cancelled one, -2 for one that failed.
template <class Range>
std::vector<int> collect(Range&& range) {
  std::vector<int> results;
  for (auto&& f : range) {
    try {
      results.push_back(f.result());
    } catch (spool::cancelled_error const&) {
      results.push_back(-1);
    } catch (std::runtime_error const&) {
      results.push_back(-2);
    }
  }
  return results;
}

/// A range that can be gone through once, by an iterator that cannot be copied, to an end of another type.
template <class T>
class once {
public:
  explicit once(std::vector<T> items) : items_(std::move(items)) {}

  struct sentinel {};
  class iterator {
  public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit iterator(once& of) : of_(&of) {}
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    T operator*() const { return of_->items_[of_->at_]; }
    iterator& operator++() {
      ++of_->at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool at_end() const { return of_->at_ == of_->items_.size(); }
    friend bool operator==(iterator const& i, sentinel) { return i.at_end(); }

  private:
    once* of_;
  };
  iterator begin() { return iterator(*this); }
  sentinel end() { return {}; }

private:
  std::vector<T> items_;
  std::size_t at_ = 0;
};
static_assert(std::ranges::input_range<once<future<int>>>);

}  // namespace

// ── wait ──

TEST_CASE("wait waits for all by default, and gives them in the order given") {
  for (int round = 0; round < rounds_of(100); ++round) {
    pairs t(7);
    crew completer;
    completer.start([&] {
      for (const std::size_t i : {3u, 1u, 6u, 0u, 2u, 5u, 4u}) t.promises[i].set_value(static_cast<int>(i));
    });
    const auto [done, not_done] = spool::wait(t.futures);
    CHECK(done == t.futures);
    CHECK(not_done.empty());
    completer.join();
  }
}

TEST_CASE("wait mixes values, exceptions, cancelled and broken futures") {
  pairs t(5);
  t.promises[0].set_value(1);
  t.promises[1].set_exception(boom());
  t.futures[2].cancel();
  t.promises[3] = {};
  crew late(1, [&] { t.promises[4].set_value(5); });
  const auto result = spool::wait(t.futures, spool::all_completed);
  late.join();
  CHECK(result.done == t.futures);
  CHECK(result.not_done.empty());
  CHECK(t.futures[1].exception() != nullptr);
}

TEST_CASE("wait for the first completed returns with all that are done") {
  pairs t(4);
  t.promises[2].set_value(1);
  t.promises[0].set_exception(boom());
  const auto result = spool::wait(t.futures, spool::first_completed);
  CHECK(result.done == t.of({0, 2}));
  CHECK(result.not_done == t.of({1, 3}));
  CHECK(t.futures[0].exception() != nullptr);
}

TEST_CASE("wait for the first completed is ended by a value, an exception, a cancel and a broken promise") {
  for (int round = 0; round < rounds_of(80); ++round) {
    pairs t(3);
    const std::size_t which = static_cast<std::size_t>(round % 3);
    crew completer(1, [&] {
      switch (round % 4) {
        case 0:
          t.promises[which].set_value(1);
          break;
        case 1:
          t.promises[which].set_exception(boom());
          break;
        case 2:
          t.futures[which].cancel();
          break;
        default:
          t.promises[which] = {};
      }
    });
    const auto [done, not_done] = spool::wait(t.futures, spool::first_completed);
    completer.join();
    CHECK(done == t.of({which}));
    CHECK(not_done.size() == 2);
    if (round % 4 == 1) CHECK(t.futures[which].exception() != nullptr);
  }
}

TEST_CASE("wait for the first exception goes on past values and cancelled futures, and returns at an exception") {
  for (int round = 0; round < rounds_of(50); ++round) {
    pairs t(5);
    t.futures[4].cancel();
    std::optional<spool::wait_result<int>> result;
    std::atomic<bool> returned{false};
    crew waiter(1, [&] {
      result = spool::wait(t.futures, spool::first_exception);
      returned = true;
    });
    t.promises[0].set_value(1);
    t.futures[1].cancel();
    if (round % 2 == 0) static_cast<void>(t.futures[2].wait_for(200us));  // likelier to catch an early return
    CHECK_FALSE(returned);
    if (round % 3 == 0) {
      t.promises[2] = {};  // a broken promise is an exception
    } else {
      t.promises[2].set_exception(boom());
    }
    waiter.join();
    REQUIRE(result);
    CHECK(result->done == t.of({0, 1, 2, 4}));
    CHECK(result->not_done == t.of({3}));
    CHECK(t.futures[2].exception() != nullptr);
  }
}

TEST_CASE("wait for the first exception waits for all if there is none") {
  for (int round = 0; round < rounds_of(50); ++round) {
    pairs t(3);
    crew completer(1, [&] {
      t.promises[2].set_value(1);
      t.futures[0].cancel();
      t.promises[1].set_value(1);
    });
    const auto result = spool::wait(t.futures, spool::first_exception);
    completer.join();
    CHECK(result.done == t.futures);
    CHECK(result.not_done.empty());
  }
}

TEST_CASE("wait for the first exception with one that failed before returns at once") {
  pairs t(3);
  t.promises[1].set_exception(boom());
  const auto result = spool::wait(t.futures, spool::first_exception);
  CHECK(result.done == t.of({1}));
  CHECK(result.not_done == t.of({0, 2}));
  CHECK(t.futures[1].exception() != nullptr);
}

TEST_CASE("a cancelled future counts as completed, not as an exception") {
  pairs t(2);
  t.futures[0].cancel();
  const auto first = spool::wait(t.futures, spool::first_completed);
  CHECK(first.done == t.of({0}));
  const auto polled = spool::wait_for(t.futures, 0s, spool::first_exception);
  CHECK(polled.done == t.of({0}));
  CHECK(polled.not_done == t.of({1}));
  t.futures[1].cancel();
  CHECK(spool::wait(t.futures).done == t.futures);
  CHECK(spool::wait(t.futures, spool::first_exception).done == t.futures);
}

TEST_CASE("duplicates count once, at their first place") {
  pairs t(3);
  t.promises[1].set_value(1);
  const auto given = t.of({2, 1, 2, 0, 1, 1, 0});
  const auto result = spool::wait(given, spool::first_completed);
  CHECK(result.done == t.of({1}));
  CHECK(result.not_done == t.of({2, 0}));
  t.promises[0].set_value(1);
  t.promises[2].set_value(1);
  CHECK(spool::wait(given).done == t.of({2, 1, 0}));
  CHECK(spool::wait(std::vector<future<int>>(1000, t.futures[0])).done == t.of({0}));
}

TEST_CASE("duplicates of pending futures count once when they complete") {
  for (int round = 0; round < rounds_of(100); ++round) {
    pairs t(2);
    const auto given = t.of({0, 1, 0, 1, 0});
    crew completer(1, [&] {
      t.promises[1].set_value(1);
      t.promises[0].set_value(1);
    });
    const auto result = spool::wait(given);
    completer.join();
    CHECK(result.done == t.of({0, 1}));
    CHECK(result.not_done.empty());
  }
}

TEST_CASE("an empty range is done at once, in every mode") {
  const std::vector<future<int>> none;
  for (const auto mode : {spool::all_completed, spool::first_completed, spool::first_exception}) {
    for (const auto& result :
         {spool::wait(none, mode), spool::wait_for(none, 1h, mode), spool::wait_for(none, 0s, mode),
          spool::wait_until(none, steady::time_point::max(), mode)}) {
      CHECK(result.done.empty());
      CHECK(result.not_done.empty());
    }
  }
  int yielded = 0;
  for (auto&& f : spool::as_completed(none)) ++yielded, static_cast<void>(f);
  for (auto&& f : spool::as_completed_for(none, 0s)) ++yielded, static_cast<void>(f);
  for (auto&& f : spool::as_completed(std::list<future<void>>{})) ++yielded, static_cast<void>(f);
  CHECK(yielded == 0);
}

TEST_CASE("an empty future in the range is a usage_error, and nothing is left behind on the others") {
  pairs t(3);
  const auto with_empty = [&](std::size_t at) {
    auto given = t.futures;
    given.insert(given.begin() + static_cast<std::ptrdiff_t>(at), future<int>{});
    return given;
  };
  for (std::size_t at = 0; at <= 3; ++at) {
    const auto given = with_empty(at);
    CHECK_THROWS_AS(spool::wait(given), spool::usage_error);
    CHECK_THROWS_AS(spool::wait(given, spool::first_completed), spool::usage_error);
    CHECK_THROWS_AS(spool::wait_for(given, 0s), spool::usage_error);
    CHECK_THROWS_AS(spool::wait_until(given, steady::now()), spool::usage_error);
    CHECK_THROWS_AS(collect(spool::as_completed(given)), spool::usage_error);
    CHECK_THROWS_AS(collect(spool::as_completed_for(given, 0s)), spool::usage_error);
  }
  t.promises[0].set_value(0);  // also when some are done
  CHECK_THROWS_AS(spool::wait(with_empty(3), spool::first_completed), spool::usage_error);
  CHECK_THROWS_AS(collect(spool::as_completed(with_empty(3))), spool::usage_error);
  t.promises[1].set_value(1);
  t.promises[2].set_value(2);
  CHECK_THROWS_AS(spool::wait(with_empty(3)), spool::usage_error);
  CHECK(collect(spool::as_completed(t.futures)).size() == 3);
}

TEST_CASE("a range whose iterator throws leaves nothing behind on its futures") {
  pairs t(3);
  const auto throwing = [&] {
    return std::views::iota(std::size_t{0}, std::size_t{4}) | std::views::transform([&](std::size_t i) {
             if (i == 3) throw std::runtime_error("the iterator");
             return t.futures[i];
           });
  };
  CHECK_THROWS_WITH(spool::wait(throwing()), "the iterator");
  CHECK_THROWS_WITH(spool::wait(throwing(), spool::first_completed), "the iterator");
  CHECK_THROWS_WITH(collect(spool::as_completed(throwing())), "the iterator");
  CHECK_THROWS_WITH(collect(spool::as_completed_for(throwing(), 0s)), "the iterator");
  for (auto& p : t.promises) p.set_value(1);
  CHECK(spool::wait(t.futures).done == t.futures);
}

TEST_CASE("any input range of futures will do") {
  pairs t(4);
  for (int i = 0; i < 4; ++i) t.promises[static_cast<std::size_t>(i)].set_value(i);
  const auto sum = [](auto&& results) { return std::accumulate(results.begin(), results.end(), 0); };
  const std::vector<future<int>> const_vector = t.futures;
  const std::list<future<int>> list(t.futures.begin(), t.futures.end());
  std::deque<future<int>> deque(t.futures.begin(), t.futures.end());
  const std::array<future<int>, 2> array{t.futures[0], t.futures[3]};
  const future<int> plain[] = {t.futures[1], t.futures[2]};
  const std::unordered_set<future<int>> set(t.futures.begin(), t.futures.end());

  CHECK(spool::wait(const_vector).done == t.futures);
  CHECK(spool::wait(list).done == t.futures);
  CHECK(spool::wait(deque).done == t.futures);
  CHECK(spool::wait(array).done.size() == 2);
  CHECK(spool::wait(plain).done.size() == 2);
  CHECK(spool::wait(set).done.size() == 4);
  CHECK(spool::wait(std::span(t.futures).first(3)).done.size() == 3);
  CHECK(spool::wait(t.futures | std::views::drop(1)).done.size() == 3);
  CHECK(spool::wait(t.futures | std::views::reverse).done == t.of({3, 2, 1, 0}));
  CHECK(spool::wait(list | std::views::filter([](auto& f) { return f.result() % 2 == 0; })).done == t.of({0, 2}));
  CHECK(spool::wait(std::views::iota(0u, 4u) | std::views::transform([&](unsigned i) { return t.futures[i]; })).done ==
        t.futures);
  CHECK(spool::wait(std::views::single(t.futures[1])).done == t.of({1}));
  CHECK(spool::wait(std::vector<future<int>>(t.futures)).done == t.futures);
  CHECK(spool::wait(once<future<int>>(t.futures)).done == t.futures);
  once<future<int>> lvalue_once(t.futures);
  CHECK(spool::wait(lvalue_once).done == t.futures);
  CHECK(spool::wait_for(once<future<int>>(t.futures), 0s).done == t.futures);
  const adl::range<future<int>> adl_range{t.futures};
  CHECK(spool::wait(adl_range).done == t.futures);
  CHECK(spool::wait(adl::range<future<int>>{t.futures}).done == t.futures);

  CHECK(sum(collect(spool::as_completed(const_vector))) == 6);
  CHECK(sum(collect(spool::as_completed(list))) == 6);
  CHECK(sum(collect(spool::as_completed(deque))) == 6);
  CHECK(sum(collect(spool::as_completed(array))) == 3);
  CHECK(sum(collect(spool::as_completed(plain))) == 3);
  CHECK(sum(collect(spool::as_completed(set))) == 6);
  CHECK(sum(collect(spool::as_completed(std::span(t.futures).first(3)))) == 3);
  CHECK(sum(collect(spool::as_completed(t.futures | std::views::drop(3)))) == 3);
  CHECK(sum(collect(spool::as_completed(list | std::views::filter([](auto& f) { return f.result() > 1; })))) == 5);
  CHECK(sum(collect(spool::as_completed(std::vector<future<int>>(t.futures)))) == 6);
  CHECK(sum(collect(spool::as_completed(once<future<int>>(t.futures)))) == 6);
  CHECK(sum(collect(spool::as_completed(adl_range))) == 6);
  CHECK(sum(collect(spool::as_completed_for(once<future<int>>(t.futures), 1h))) == 6);
  CHECK(sum(collect(spool::as_completed_until(list, std::chrono::system_clock::now() + 1h))) == 6);
  for (auto const& f : t.futures) CHECK(f.valid());  // an lvalue range is left alone
}

TEST_CASE("futures of void, of references and of move-only types can be waited for") {
  promise<void> v;
  promise<int&> r;
  promise<std::unique_ptr<int>> m;
  int i = 3;
  v.set_value();
  r.set_value(i);
  m.set_value(std::make_unique<int>(4));
  CHECK(spool::wait(std::vector{v.get_future()}).done.size() == 1);
  CHECK(spool::wait(std::vector{r.get_future()}).done.at(0).result() == 3);
  CHECK(*spool::wait(std::vector{m.get_future()}).done.at(0).result() == 4);
  for (auto&& f : spool::as_completed(std::vector{v.get_future()})) f.result();
  for (auto&& f : spool::as_completed(std::vector{r.get_future()})) f.result() = 5;
  CHECK(i == 5);
  std::unique_ptr<int> taken;
  for (auto f : spool::as_completed(std::vector{m.get_future()})) taken = std::move(f).result();
  REQUIRE(taken);
  CHECK(*taken == 4);
}

TEST_CASE("a wait that runs out of time returns what is done and what is not, and polls at zero") {
  pairs t(4);
  t.promises[3].set_value(1);
  t.futures[1].cancel();
  const auto check = [&](spool::wait_result<int> const& result) {
    CHECK(result.done == t.of({1, 3}));
    CHECK(result.not_done == t.of({0, 2}));
  };
  for (const auto mode : {spool::all_completed, spool::first_exception}) {
    check(spool::wait_for(t.futures, 0s, mode));
    check(spool::wait_for(t.futures, -1h, mode));
    check(spool::wait_for(t.futures, std::chrono::nanoseconds::min(), mode));
    check(spool::wait_until(t.futures, steady::time_point::min(), mode));
    check(spool::wait_until(t.futures, std::chrono::system_clock::now() - 1s, mode));
    check(spool::wait_until(t.futures, odd_clock::now(), mode));
    check(spool::wait_for(t.futures, 1ms, mode));
  }
  check(spool::wait_for(t.futures, std::chrono::hours::max(), spool::first_completed));
  check(spool::wait_until(t.futures, steady::time_point::max(), spool::first_completed));
}

TEST_CASE("the largest duration waits for ever") {
  pairs t(2);
  std::vector<std::size_t> done(4);
  crew waiters(4, [&](std::size_t i) {
    switch (i) {
      case 0:
        done[i] = spool::wait_for(t.futures, std::chrono::hours::max()).done.size();
        break;
      case 1:
        done[i] = spool::wait_until(t.futures, std::chrono::system_clock::time_point::max()).done.size();
        break;
      case 2:
        done[i] = collect(spool::as_completed_for(t.futures, std::chrono::nanoseconds::max())).size();
        break;
      default:
        done[i] = collect(spool::as_completed_until(t.futures, steady::time_point::max())).size();
    }
  });
  static_cast<void>(t.futures[0].wait_for(2ms));
  t.promises[1].set_value(1);
  t.promises[0].set_value(1);
  waiters.join();
  CHECK(done == std::vector<std::size_t>(4, 2));
}

TEST_CASE("no timeout of wait or as_completed fires early") {
  pairs t(2);
  t.promises[0].set_value(1);
  auto begin = steady::now();
  static_cast<void>(spool::wait_for(t.futures, 3ms));
  CHECK(steady::now() - begin >= 3ms);
  begin = steady::now();
  static_cast<void>(spool::wait_until(t.futures, begin + 3ms));
  CHECK(steady::now() - begin >= 3ms);
  const auto odd = odd_clock::now() + 3ms;
  static_cast<void>(spool::wait_until(t.futures, odd));
  CHECK(odd_clock::now() >= odd);
  begin = steady::now();
  CHECK_THROWS_AS(collect(spool::as_completed_for(t.futures, 3ms)), spool::timeout_error);
  CHECK(steady::now() - begin >= 3ms);
  begin = steady::now();
  CHECK_THROWS_AS(collect(spool::as_completed_until(t.futures, begin + 3ms)), spool::timeout_error);
  CHECK(steady::now() - begin >= 3ms);
}

TEST_CASE("done and not_done part the distinct inputs, whatever completes meanwhile, and who is in done is done") {
  std::optional<pairs> t;
  spool::wait_result<int> seen;
  int wrong = 0, round = 0;
  const spool::return_when modes[] = {spool::all_completed, spool::first_completed, spool::first_exception};
  bool all_were_done = true;
  duel(
      rounds_of(5'000),
      [&] {
        t.emplace(3);
        ++round;
      },
      [&] {
        if (seen.done.size() + seen.not_done.size() != 3 || !all_were_done) ++wrong;
        for (auto const& f : t->futures) {
          const auto in = std::count(seen.done.begin(), seen.done.end(), f) +
                          std::count(seen.not_done.begin(), seen.not_done.end(), f);
          wrong += in == 1 ? 0 : 1;
        }
        if (!t->futures[2].exception()) ++wrong;
        if (spool::wait(t->futures).done != t->futures) ++wrong;
      },
      [&] {
        seen = spool::wait_for(t->futures, round % 2 == 0 ? 2us : 50us, modes[round % 3]);
        all_were_done = std::all_of(seen.done.begin(), seen.done.end(), [](auto const& f) { return f.done(); });
      },
      [&] {
        t->promises[0].set_value(1);
        t->promises[2].set_exception(boom());
      },
      [&] { t->futures[1].cancel(); });
  CHECK(wrong == 0);
}

TEST_CASE("completion against wait: an untimed wait returns with what its mode promises") {
  std::optional<pairs> t;
  spool::wait_result<int> all, first, failed;
  int wrong = 0;
  duel(
      rounds_of(5'000), [&] { t.emplace(3); },
      [&] {
        if (all.done != t->futures || !all.not_done.empty()) ++wrong;
        if (first.done.empty()) ++wrong;
        if (std::find(failed.done.begin(), failed.done.end(), t->futures[1]) == failed.done.end()) ++wrong;
        if (!t->futures[1].exception()) ++wrong;
      },
      [&] { all = spool::wait(t->futures); }, [&] { first = spool::wait(t->futures, spool::first_completed); },
      [&] { failed = spool::wait(t->futures, spool::first_exception); },
      [&] {
        t->promises[0].set_value(1);
        t->promises[1].set_exception(boom());
        t->futures[2].cancel();
      });
  CHECK(wrong == 0);
}

TEST_CASE("what a wait found not done may be waited for again, by any number of threads") {
  pairs t(64);
  std::array<std::size_t, 4> seen{};
  crew waiters(4, [&](std::size_t i) {
    auto left = t.futures;
    while (!left.empty()) {
      auto result = spool::wait(left, spool::first_completed);
      if (result.done.empty()) return;
      seen[i] += result.done.size();
      left = std::move(result.not_done);
    }
  });
  for (auto& p : t.promises) {
    p.set_value(1);
    std::this_thread::yield();
  }
  waiters.join();
  CHECK(seen == std::array<std::size_t, 4>{64, 64, 64, 64});
}

TEST_CASE("of two waits, one of which times out, the other is still released") {
  int late = 0;
  for (int round = 0; round < rounds_of(200); ++round) {
    pairs t(3);
    std::atomic<int> gave_up{0};
    std::size_t waited = 0, iterated = 0;
    {
      crew waiters;
      waiters.start([&] { waited = spool::wait(t.futures).done.size(); });
      waiters.start([&] { iterated = collect(spool::as_completed(t.futures)).size(); });
      waiters.start([&] {
        if (spool::wait_for(t.futures, 30us).done.empty()) ++gave_up;
      });
      waiters.start([&] {
        try {
          collect(spool::as_completed_for(t.futures, 30us));
        } catch (spool::timeout_error const&) {
          ++gave_up;
        }
      });
      eventually([&] { return gave_up == 2; });
      for (auto& p : t.promises) p.set_value(1);
      waiters.join();
    }
    if (waited != 3 || iterated != 3) ++late;
  }
  CHECK(late == 0);
}

TEST_CASE("what happened before the completions is seen after a wait, in every mode and in as_completed") {
  std::optional<pairs> t;
  std::vector<int> plain_all, plain_first;  // no atomics: ThreadSanitizer watches
  std::size_t seen_all = 0, seen_first = 0, seen_each = 0;
  int wrong = 0;
  duel(
      rounds_of(3'000),
      [&] {
        t.emplace(2);
        plain_all.clear();
        plain_first.clear();
      },
      [&] { wrong += seen_all == 2 && seen_first == 1 && seen_each == 2 ? 0 : 1; },
      [&] {
        static_cast<void>(spool::wait(t->futures));
        seen_all = plain_all.size() + plain_first.size();
      },
      [&] {
        static_cast<void>(spool::wait(t->of({0}), spool::first_completed));
        seen_first = plain_first.size();
      },
      [&] {
        seen_each = 0;
        for (auto&& f : spool::as_completed(t->futures))
          seen_each += f == t->futures[0] ? plain_first.size() : plain_all.size();
      },
      [&] {
        plain_first.push_back(1);
        t->promises[0].set_value(1);
      },
      [&] {
        plain_all.push_back(1);
        t->promises[1].set_value(1);
      });
  CHECK(wrong == 0);
}

TEST_CASE("waiting is not reading: the exception of a future only waited for goes to the excepthook") {
  const hook_log log;
  {
    pairs t(1);
    t.promises[0].set_exception(boom("only waited for"));
    static_cast<void>(spool::wait(t.futures));
    static_cast<void>(spool::wait(t.futures, spool::first_exception));
    for (auto&& f : spool::as_completed(t.futures)) CHECK(f.done());
  }
  CHECK(log.count("only waited for") == 1);
}

TEST_CASE("waiters of wait and as_completed are released before callbacks run") {
  for (int round = 0; round < rounds_of(50); ++round) {
    pairs t(1);
    std::atomic<int> released{0};
    bool all = false;
    t.futures[0].add_done_callback([&](future<int> const&) {
      eventually([&] { return released == 3; });
      all = true;
    });
    crew waiters(3, [&](std::size_t i) {
      switch (i) {
        case 0:
          static_cast<void>(spool::wait(t.futures));
          break;
        case 1:
          static_cast<void>(spool::wait(t.futures, spool::first_completed));
          break;
        default:
          static_cast<void>(collect(spool::as_completed(t.futures)));
      }
      ++released;
    });
    if (round % 2 == 0) {
      t.promises[0].set_value(1);
    } else {
      t.futures[0].cancel();
    }
    waiters.join();
    CHECK(all);
  }
}

TEST_CASE("one call on 100,000 futures ends in reasonable time, however they complete") {
  // Whatever is quadratic here needs 10^10 steps, and is stopped by the test's timeout.
  const std::size_t n = static_cast<std::size_t>(rounds_of(100'000));
  std::mt19937 random(7);
  for (const auto order : {0, 1, 2}) {
    pairs t(n);
    std::vector<std::size_t> sequence(n);
    std::iota(sequence.begin(), sequence.end(), std::size_t{0});
    if (order == 1) std::reverse(sequence.begin(), sequence.end());
    if (order == 2) std::shuffle(sequence.begin(), sequence.end(), random);
    std::size_t waited = 0, in_order = 0, failed = 0;
    auto range = spool::as_completed(t.futures);
    crew threads;
    threads.start([&] { waited = spool::wait(t.futures).done.size(); });
    threads.start([&] { failed = spool::wait(t.futures, spool::first_exception).done.size(); });
    threads.start([&] {
      for (auto&& f : range) in_order += f.result() == static_cast<int>(in_order) ? 1 : 0;
    });
    int count = 0;
    for (const std::size_t i : sequence) t.promises[i].set_value(count++);
    threads.join();
    CHECK(waited == n);
    CHECK(failed == n);
    CHECK(in_order == n);
    CHECK(spool::wait(t.futures, spool::first_completed).done.size() == n);
  }
}

// ── as_completed ──

TEST_CASE("as_completed yields in the order of completion") {
  pairs t(5);
  auto range = spool::as_completed(t.futures);
  for (const int i : {3, 0, 4, 1, 2}) t.promises[static_cast<std::size_t>(i)].set_value(i);
  CHECK(collect(range) == std::vector<int>{3, 0, 4, 1, 2});
}

TEST_CASE("as_completed yields those already done first, then the others in the order of completion") {
  pairs t(6);
  t.promises[4].set_value(4);
  t.promises[2].set_value(2);
  auto range = spool::as_completed(t.futures);
  t.promises[5].set_value(5);
  t.promises[0].set_value(0);
  t.promises[3].set_value(3);
  t.promises[1].set_value(1);
  auto seen = collect(range);
  REQUIRE(seen.size() == 6);
  std::sort(seen.begin(), seen.begin() + 2);
  CHECK(seen == std::vector<int>{2, 4, 5, 0, 3, 1});
}

TEST_CASE("as_completed yields each as soon as it is done, while the others are pending") {
  pairs t(4);
  auto range = spool::as_completed(t.futures);
  t.promises[2].set_value(2);
  auto it = range.begin();
  REQUIRE(it != range.end());
  CHECK((*it).result() == 2);
  t.promises[0].set_value(0);
  ++it;
  REQUIRE(it != range.end());
  CHECK((*it).result() == 0);
  crew completer(1, [&] { t.futures[3].cancel(); });
  ++it;
  completer.join();
  REQUIRE(it != range.end());
  CHECK((*it).cancelled());
  t.promises[1].set_exception(boom());
  ++it;
  REQUIRE(it != range.end());
  CHECK((*it).exception() != nullptr);
  ++it;
  CHECK(it == range.end());
}

TEST_CASE("as_completed wakes at completions that come while it waits") {
  for (int round = 0; round < rounds_of(200); ++round) {
    pairs t(4);
    std::vector<int> seen;
    crew consumer(1, [&] { seen = collect(spool::as_completed(t.futures)); });
    t.promises[1].set_value(1);
    if (round % 4 == 0) std::this_thread::yield();
    t.futures[3].cancel();
    t.promises[0].set_exception(boom());
    t.promises[2].set_value(2);
    consumer.join();
    std::sort(seen.begin(), seen.end());
    CHECK(seen == std::vector<int>{-2, -1, 1, 2});
  }
}

TEST_CASE("as_completed yields duplicates once") {
  pairs t(3);
  t.promises[1].set_value(1);
  auto range = spool::as_completed(t.of({0, 1, 0, 2, 1, 2, 2, 0}));
  t.promises[2].set_value(2);
  t.promises[0].set_value(0);
  CHECK(collect(range) == std::vector<int>{1, 2, 0});
}

TEST_CASE("as_completed with time run out yields what is done, then throws timeout_error") {
  pairs t(3);
  t.promises[1].set_value(1);
  for (const int way : {0, 1, 2, 3}) {
    CAPTURE(way);
    std::vector<int> seen;
    bool timed_out = false;
    const auto go_through = [&](auto&& range) {
      try {
        for (auto&& f : range) seen.push_back(f.result());
      } catch (spool::timeout_error const&) {
        timed_out = true;
      }
    };
    switch (way) {
      case 0:
        go_through(spool::as_completed_for(t.futures, 0s));
        break;
      case 1:
        go_through(spool::as_completed_for(t.futures, -1h));
        break;
      case 2:
        go_through(spool::as_completed_until(t.futures, steady::time_point::min()));
        break;
      default:
        go_through(spool::as_completed_for(t.futures, 1ms));
    }
    CHECK(seen == std::vector<int>{1});
    CHECK(timed_out);
  }
  t.promises[0].set_value(0);
  t.promises[2].set_value(2);
  CHECK(collect(spool::as_completed_for(t.futures, 0s)).size() == 3);  // all done: no error
}

TEST_CASE("the clock of as_completed_for starts at the call") {
  pairs t(2);
  const auto begin = steady::now();
  auto range = spool::as_completed_for(t.futures, 5ms);
  eventually([&] { return steady::now() - begin > 5ms; });
  t.promises[0].set_value(0);
  // If the clock started at begin(), the first would be waited for again; the second never comes.
  int seen = 0;
  bool timed_out = false;
  try {
    for (auto&& f : range) seen += f.done() ? 1 : 100;
  } catch (spool::timeout_error const&) {
    timed_out = true;
  }
  CHECK(timed_out);
  CHECK(seen <= 1);
  // Two of an hour each would not end: one total time for all steps.
  pairs u(100);
  const auto start = steady::now();
  std::atomic<bool> stop{false};
  crew completer(1, [&] {
    for (std::size_t i = 0; i + 1 < 100; ++i) {
      if (stop) return;
      static_cast<void>(u.futures[99].wait_for(1ms));
      u.promises[i].set_value(1);
    }
  });
  CHECK_THROWS_AS(collect(spool::as_completed_for(u.futures, 20ms)), spool::timeout_error);
  CHECK(steady::now() - start >= 20ms);
  stop = true;
  completer.join();
}

TEST_CASE("the range keeps no future that it has yielded") {
  std::vector<promise<std::shared_ptr<int>>> promises(3);
  std::vector<future<std::shared_ptr<int>>> futures;
  std::vector<std::weak_ptr<int>> seen;
  for (auto& p : promises) {
    futures.push_back(p.get_future());
    probe each;
    seen.push_back(each.seen);
    p.set_value(each.take());
  }
  promises.clear();
  auto range = spool::as_completed(futures);
  futures.clear();
  auto it = range.begin();
  int gone_in_time = 0;
  const auto count_gone = [&] {
    return static_cast<int>(std::count_if(seen.begin(), seen.end(), [](auto const& w) { return w.expired(); }));
  };
  for (int yielded = 1; it != range.end(); ++yielded) {
    CHECK((*it).done());
    gone_in_time += count_gone() == yielded - 1 ? 1 : 0;  // all that were yielded before, and nothing else
    ++it;
  }
  CHECK(gone_in_time == 3);
  CHECK(count_gone() == 3);  // the range itself is still there
}

TEST_CASE("moving a future out of the range of as_completed ends nothing: the rest comes all the same") {
  pairs t(3);
  for (const int i : {2, 0, 1}) t.promises[static_cast<std::size_t>(i)].set_value(i);
  auto range = spool::as_completed(t.futures);
  auto it = range.begin();
  std::vector<future<int>> taken;
  while (it != range.end()) {
    taken.push_back(std::move(*it));
    CHECK(it != range.end());  // it stands where it stood
    CHECK(range.begin() != range.end());
    ++it;
  }
  CHECK(taken == t.futures);
  CHECK(range.begin() == range.end());

  auto another = spool::as_completed(t.futures);
  const future<int> first = std::move(*another.begin());
  CHECK(first.result() == 0);
  CHECK_FALSE(another.begin()->valid());
  ++another.begin();
  CHECK(collect(another) == std::vector<int>{1, 2});
}

TEST_CASE("an iterator of as_completed goes on when its range is moved, also to another place that had one") {
  pairs t(4);
  for (std::size_t i = 0; i < 3; ++i) t.promises[i].set_value(static_cast<int>(i));
  auto range = spool::as_completed(t.futures);
  auto it = range.begin();
  const future<int>* const first = &*it;
  auto moved = std::move(range);
  CHECK(range.begin() == range.end());  // NOLINT(bugprone-use-after-move)
  CHECK(it != moved.end());
  CHECK(&*it == first);
  CHECK((*it).result() == 0);
  ++it;
  CHECK((*it).result() == 1);
  CHECK(moved.begin()->result() == 1);
  auto another = spool::as_completed_for(t.futures, 0s);
  another = std::move(moved);
  ++it;
  CHECK((*it).result() == 2);
  t.promises[3].set_value(3);
  ++it;
  CHECK((*another.begin()).result() == 3);
  ++it;
  CHECK(it == another.end());
  CHECK(another.begin() == another.end());
}

TEST_CASE("a range of as_completed given an rvalue range keeps the futures alive until it yields them") {
  std::vector<promise<std::shared_ptr<int>>> promises(2);
  probe first;
  auto range = [&] {
    std::vector<future<std::shared_ptr<int>>> futures;
    for (auto& p : promises) futures.push_back(p.get_future());
    return spool::as_completed(std::move(futures));
  }();
  promises[1].set_value(first.take());
  promises[1] = {};
  CHECK_FALSE(first.gone());
  auto it = range.begin();
  CHECK((*it).result() != nullptr);
  promises[0].set_value(nullptr);
  ++it;
  CHECK((*it).result() == nullptr);
  CHECK(first.gone());
}

TEST_CASE("a range of as_completed that is dropped early leaves nothing behind") {
  SECTION("no handle of a future") {
    probe kept;
    promise<std::shared_ptr<int>> pending, done;
    {
      future<std::shared_ptr<int>> f = pending.get_future(), g = done.get_future();
      done.set_value(nullptr);
      for (auto&& h : spool::as_completed(std::vector{f, g})) {
        CHECK(h == g);
        break;
      }
      auto unused = spool::as_completed(std::vector{f, g});
      CHECK_THROWS_AS(
          [&] {
            for (auto&& h : spool::as_completed_for(std::vector{f, g}, 0s)) CHECK(h == g);
          }(),
          spool::timeout_error);
    }
    pending.set_value(kept.take());
    CHECK_FALSE(kept.gone());
    pending = {};
    CHECK(kept.gone());
  }
  SECTION("no memory that grows") {
    pairs t(2);
    t.promises[1].set_value(1);
    const auto drop_often = [&](int n) {
      for (int i = 0; i < n; ++i) {
        auto range = spool::as_completed(t.futures);
        if (i % 2 == 0) static_cast<void>(range.begin());
      }
    };
    drop_often(1'000);
    const std::size_t before = live_bytes();
    drop_often(rounds_of(100'000));
    CHECK(live_bytes() < before + 64 * 1024);
    t.promises[0].set_value(1);
    CHECK(collect(spool::as_completed(t.futures)).size() == 2);
  }
  SECTION("by an exception that leaves the loop") {
    pairs t(2);
    t.promises[0].set_value(1);
    CHECK_THROWS_WITH(
        [&] {
          for (auto&& f : spool::as_completed(t.futures)) throw std::runtime_error(f.done() ? "mine" : "pending");
        }(),
        "mine");
    t.promises[1].set_value(1);
    CHECK(t.futures[1].result() == 1);
  }
}

TEST_CASE("completion against the drop of the range") {
  std::optional<pairs> t;
  int wrong = 0, round = 0;
  duel(
      rounds_of(10'000),
      [&] {
        t.emplace(3);
        ++round;
      },
      [&] {
        for (auto const& f : t->futures) wrong += f.done() ? 0 : 1;
      },
      [&] {
        auto range = spool::as_completed(t->futures);
        if (round % 3 == 0) return;
        auto it = range.begin();
        if (!(*it).done()) ++wrong;
        if (round % 3 == 1) return;
        ++it;
        if (!(*it).done()) ++wrong;
      },
      [&] {
        t->promises[0].set_value(1);
        t->promises[1].set_value(1);
      },
      [&] { t->futures[2].cancel(); });
  CHECK(wrong == 0);
}

TEST_CASE("completion against as_completed with a timeout: what it yields is done, what it does not is not lost") {
  std::optional<pairs> t;
  int wrong = 0;
  std::vector<int> first, second;
  const auto go_through = [&](std::vector<int>& seen) {
    seen.clear();
    try {
      for (auto&& f : spool::as_completed_for(t->futures, 5us)) seen.push_back(f.result_for(0s));
    } catch (spool::timeout_error const&) {
      seen.push_back(-1);
    }
  };
  duel(
      rounds_of(5'000), [&] { t.emplace(3); },
      [&] {
        for (auto* seen : {&first, &second}) {
          const bool all = seen->size() == 3 && seen->back() != -1;
          const bool some = !seen->empty() && seen->size() <= 3 && seen->back() == -1;
          if (!all && !some) ++wrong;
        }
        auto again = collect(spool::as_completed(t->futures));
        std::sort(again.begin(), again.end());
        if (again != std::vector<int>{0, 1, 2}) ++wrong;
      },
      [&] { go_through(first); }, [&] { go_through(second); },
      [&] {
        for (int i = 0; i < 3; ++i) t->promises[static_cast<std::size_t>(i)].set_value(i);
      });
  CHECK(wrong == 0);
}

TEST_CASE("futures completed by several threads at once are each yielded once") {
  for (int round = 0; round < rounds_of(30); ++round) {
    pairs t(300);
    std::vector<int> seen;
    auto range = spool::as_completed(t.futures);
    crew threads(4, [&](std::size_t i) {
      if (i == 3) {
        seen = collect(range);
      } else {
        for (std::size_t k = i; k < 300; k += 3) t.promises[k].set_value(static_cast<int>(k));
      }
    });
    threads.join();
    std::vector<std::vector<int>> each(3);
    for (const int v : seen) each[static_cast<std::size_t>(v % 3)].push_back(v);
    for (auto const& of_one : each) {
      CHECK(of_one.size() == 100);
      CHECK(std::is_sorted(of_one.begin(), of_one.end()));  // those of one thread in its order
    }
  }
}

TEST_CASE("the range of as_completed works with views and algorithms") {
  pairs t(4);
  for (int i = 0; i < 4; ++i) t.promises[static_cast<std::size_t>(i)].set_value(i);
  int sum = 0;
  for (auto&& f : spool::as_completed(t.futures) | std::views::take(2)) sum += f.done() ? 1 : 0;
  CHECK(sum == 2);
  auto range = spool::as_completed(t.futures);
  int total = 0;
  for (const int r : range | std::views::transform([](auto&& f) { return f.result(); })) total += r;
  CHECK(total == 6);
  auto third = spool::as_completed(t.futures);
  CHECK(std::ranges::distance(third.begin(), third.end()) == 4);
}

TEST_CASE("as_completed may be used in several threads at once on the same futures, and beside result and callbacks") {
  pairs t(100);
  std::atomic<int> callbacks{0};
  for (auto const& f : t.futures) f.add_done_callback([&](future<int> const&) { ++callbacks; });
  std::array<std::size_t, 6> counts{};
  crew threads(6, [&](std::size_t i) {
    if (i % 2 == 0) {
      counts[i] = collect(spool::as_completed(t.futures)).size();
    } else {
      for (auto const& f : t.futures) counts[i] += f.result() == 5 ? 1u : 0u;
    }
  });
  for (auto& p : t.promises) p.set_value(5);
  threads.join();
  CHECK(counts == std::array<std::size_t, 6>{100, 100, 100, 100, 100, 100});
  CHECK(callbacks == 100);
}

TEST_CASE("100,000 waits that time out leave nothing behind on the futures") {
  pairs t(3);
  t.promises[2].set_value(1);
  const auto wait_often = [&](int n) {
    for (int i = 0; i < n; ++i) static_cast<void>(spool::wait_for(t.futures, i % 16 == 0 ? 1ns : 0ns));
  };
  wait_often(1'000);
  const std::size_t before = live_bytes();
  wait_often(rounds_of(100'000));
  CHECK(live_bytes() < before + 64 * 1024);
  t.promises[0].set_value(1);
  t.promises[1].set_value(1);
  CHECK(spool::wait(t.futures).done == t.futures);
}

TEST_CASE("a future may be the last handle in what a wait returns, and dies with it") {
  probe kept;
  {
    promise<std::shared_ptr<int>> p;
    auto f = p.get_future();
    p.set_value(kept.take());
    std::vector<future<std::shared_ptr<int>>> all;
    all.push_back(std::move(f));
    p = {};
    const auto result = spool::wait(std::move(all));
    CHECK(result.done.at(0).result() != nullptr);
  }
  CHECK(kept.gone());
}
