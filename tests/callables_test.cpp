// tests/callables_test.cpp · whatever can be invoked can be given, wherever the library takes a callable
// SPDX-License-Identifier: MIT
//
// A table: odd callables one way, the functions that take a callable the other way. Each pair is compiled and called.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/future.hpp>
#include <spool/thread.hpp>
#include <spool/thread_pool.hpp>
#include <spool/timer.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::thread_pool;

namespace {

// ── callables ──

/// What calls add up to.
using tally = std::atomic<int>;

int number_in(int x) { return x; }
int number_in(const future<int>& f) { return f.result(); }

/// What all the callables below do.
template <class... Xs>
int count(tally* sum, const Xs&... xs) {
  const int n = (number_in(xs) + ... + 0);
  *sum += n;
  return n;
}

struct variadic {
  tally* sum;
  template <class... Xs>
  int operator()(Xs&&... xs) {
    return count(sum, xs...);
  }
};

struct ends_badly {
  explicit ends_badly(tally* s) : sum(s) {}
  ends_badly(const ends_badly&) = default;
  ~ends_badly() noexcept(false) {}  // NOLINT(*-exception-escape)
  template <class X>
  int operator()(X&& x) {
    return count(sum, x);
  }
  tally* sum;
};

struct move_only {
  explicit move_only(tally* s) : sum(s), block(std::make_unique<int>(1)) {}
  template <class X>
  int operator()(X&& x) {
    return *block * count(sum, x);
  }
  tally* sum;
  std::unique_ptr<int> block;
};

struct odd_operators {
  tally* sum;
  void operator&() const = delete;
  template <class T>
  void operator,(T&&) const = delete;
  template <class T>
  friend void operator,(T&&, const odd_operators&) = delete;
  template <class X>
  int operator()(X&& x) {
    return count(sum, x);
  }
};

struct final_one final {
  tally* sum;
  template <class X>
  int operator()(X&& x) {
    return count(sum, x);
  }
};

struct called_once {
  tally* sum;
  template <class X>
  int operator()(X&& x) && {
    return count(sum, x);
  }
};

struct constant {
  tally* sum;
  template <class X>
  int operator()(X&& x) const {
    return count(sum, x);
  }
};

struct alignas(256) wide {
  tally* sum;
  template <class X>
  int operator()(X&& x) {
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(this) % alignof(wide) == 0;
    return is_aligned ? count(sum, x) : 0;
  }
};

struct throws_when_copied {
  explicit throws_when_copied(tally* s) : sum(s) {}
  throws_when_copied(const throws_when_copied& other) noexcept(false) : sum(other.sum) {}
  template <class X>
  int operator()(X&& x) {
    return count(sum, x);
  }
  tally* sum;
};

// ── the functions that take one; each calls it with 1 ──

/// Whether it can be called again and again.
template <class F, class X>
constexpr bool stays = std::is_invocable_v<F&, X>;

template <class F>
void give_to_submit(thread_pool& pool, F& f) {
  CHECK(pool.submit(std::move(f), 1).result() == 1);
}
template <class F>
void give_to_try_submit(thread_pool& pool, F& f) {
  CHECK(pool.try_submit(std::move(f), 1)->result() == 1);
}
template <class F>
void give_to_post(thread_pool& pool, F& f) {
  pool.post(std::move(f), 1);
  pool.wait_idle();
}
template <class F>
void give_to_thread(thread_pool&, F& f) {
  spool::thread t(std::move(f), 1);
  t.start();
  t.join();
}
template <class F>
void give_to_timer(thread_pool&, F& f) {
  spool::timer t(0s, std::move(f), 1);
  t.start();
  t.join();
}
template <class F>
void give_to_then(thread_pool& pool, F& f) {
  CHECK(pool.submit([] { return 1; }).then(std::move(f)).result() == 1);
}
template <class F>
void give_to_then_of_an_lvalue(thread_pool& pool, F& f) {
  const auto source = pool.submit([] { return 1; });
  CHECK(source.then(std::move(f)).result() == 1);
}
template <class F>
void give_to_then_in_a_pool(thread_pool& pool, F& f) {
  CHECK(pool.submit([] { return 1; }).then(pool, std::move(f)).result() == 1);
}
template <class F>
void give_to_a_callback(thread_pool& pool, F& f) {
  if constexpr (stays<F, const future<int>&>) {
    pool.submit([] { return 1; }).add_done_callback(std::move(f));
    pool.wait_idle();
  } else {
    count(f.sum, 1);
  }
}
template <class F>
void give_to_map(thread_pool& pool, F& f) {
  if constexpr (stays<F, int&>) {
    for (const int n : pool.map(std::move(f), std::vector{1})) CHECK(n == 1);
  } else {
    count(f.sum, 1);
  }
}
template <class F>
void give_to_map_unordered(thread_pool& pool, F& f) {
  if constexpr (stays<F, int&>) {
    for (const int n : pool.map_unordered(std::move(f), std::vector{1})) CHECK(n == 1);
  } else {
    count(f.sum, 1);
  }
}
template <class F>
void give_to_for_each(thread_pool& pool, F& f) {
  if constexpr (stays<F, int&>) {
    std::vector elements{1};
    pool.for_each(elements, std::move(f));
  } else {
    count(f.sum, 1);
  }
}
template <class F>
void give_to_periodic_timer(thread_pool&, F& f) {
  if constexpr (stays<F, int&>) {
    tally* const sum = f.sum;
    spool::periodic_timer t(1ms, std::move(f), 1);
    t.start();
    while (*sum == 0) std::this_thread::yield();
    t.cancel();
    t.join();
    *sum = 1;
  } else {
    count(f.sum, 1);
  }
}

template <class F>
void give_everywhere(thread_pool& pool) {
  using giver = void (*)(thread_pool&, F&);
  const std::pair<const char*, giver> givers[] = {
      {"submit", give_to_submit<F>},
      {"try_submit", give_to_try_submit<F>},
      {"post", give_to_post<F>},
      {"thread", give_to_thread<F>},
      {"timer", give_to_timer<F>},
      {"periodic_timer", give_to_periodic_timer<F>},
      {"then", give_to_then<F>},
      {"then of an lvalue", give_to_then_of_an_lvalue<F>},
      {"then(pool)", give_to_then_in_a_pool<F>},
      {"add_done_callback", give_to_a_callback<F>},
      {"map", give_to_map<F>},
      {"map_unordered", give_to_map_unordered<F>},
      {"for_each", give_to_for_each<F>},
  };
  for (const auto& [name, give] : givers) {
    CAPTURE(name);
    tally sum{0};
    F f{&sum};
    give(pool, f);
    CHECK(sum == 1);
  }
}

}  // namespace

TEST_CASE("whatever class a callable is of, it can be given wherever a callable is taken, and is called once") {
  thread_pool pool(2);
  SECTION("variadic and generic") { give_everywhere<variadic>(pool); }
  SECTION("a destructor that may throw") { give_everywhere<ends_badly>(pool); }
  SECTION("move-only") { give_everywhere<move_only>(pool); }
  SECTION("without & and comma") { give_everywhere<odd_operators>(pool); }
  SECTION("final") { give_everywhere<final_one>(pool); }
  SECTION("to be called once, as an rvalue") { give_everywhere<called_once>(pool); }
  SECTION("constant") { give_everywhere<constant>(pool); }
  SECTION("over-aligned") { give_everywhere<wide>(pool); }
  SECTION("a copy that may throw") { give_everywhere<throws_when_copied>(pool); }
}

TEST_CASE("a callable that is given as a constant or as a reference is copied, and the copy is called") {
  thread_pool pool(2);
  tally sum{0};
  const constant f{&sum};
  CHECK(pool.submit(f, 1).result() == 1);
  CHECK(pool.submit(std::ref(f), 1).result() == 1);
  CHECK(pool.submit([] { return 1; }).then(f).result() == 1);
  CHECK(pool.submit([] { return 1; }).then(std::cref(f)).result() == 1);
  pool.for_each(std::vector{1, 1}, f);
  for (const int n : pool.map(f, std::vector{1, 1})) CHECK(n == 1);
  CHECK(sum == 8);
}

// ── pointers ──

namespace {

struct account {
  int balance = 1;
  int doubled() const { return 2 * balance; }
  int plus(int x) const& { return balance + x; }
  int taken() && { return std::exchange(balance, 0); }
  int raised() noexcept { return ++balance; }
};

int next(int x) { return x + 1; }

}  // namespace

TEST_CASE("pointers to members and functions are callables, for objects, pointers and wrapped references") {
  thread_pool pool(2);
  account mine;
  const auto owned = std::make_shared<account>();
  const std::vector<account> accounts(3);

  CHECK(pool.submit(&account::doubled, mine).result() == 2);
  CHECK(pool.submit(&account::doubled, &mine).result() == 2);
  CHECK(pool.submit(&account::doubled, std::ref(mine)).result() == 2);
  CHECK(pool.submit(&account::doubled, owned).result() == 2);
  CHECK(pool.submit(&account::balance, mine).result() == 1);
  CHECK(pool.submit(&account::plus, mine, 2).result() == 3);
  CHECK(pool.submit(&account::taken, mine).result() == 1);
  CHECK(pool.submit(next, 1).result() == 2);
  CHECK(pool.try_submit(&account::plus, &mine, 2)->result() == 3);
  pool.post(&account::raised, &mine);
  pool.wait_idle();
  CHECK(mine.balance == 2);

  const auto one = pool.submit([] { return account{}; });
  CHECK(one.then(&account::doubled).result() == 2);
  CHECK(one.then(pool, &account::doubled).result() == 2);
  CHECK(one.then(&account::balance).result() == 1);
  CHECK(pool.submit([] { return account{}; }).then(&account::taken).result() == 1);
  CHECK(pool.submit([] { return 1; }).then(next).result() == 2);

  for (const int n : pool.map(&account::doubled, accounts)) CHECK(n == 2);
  for (const int n : pool.map(&account::balance, accounts)) CHECK(n == 1);
  pool.for_each(std::vector<account>(3), &account::doubled);

  spool::thread t(&account::raised, &mine);
  t.start();
  t.join();
  spool::timer alarm(0s, &account::raised, std::ref(mine));
  alarm.start();
  alarm.join();
  CHECK(mine.balance == 4);

  spool::promise<int> p;
  p.get_future().add_done_callback(&future<int>::done);
  p.set_value(1);
}

// ── what they return ──

namespace {

struct made_of_int {
  explicit made_of_int(int x) : value(x) {}
  made_of_int() = delete;
  int value;
};

struct alignas(128) wide_result {
  int value = 1;
};

template <class R>
const auto& value_in(const R& r) {
  return r;
}
int value_in(const std::unique_ptr<int>& p) { return *p; }
int value_in(const made_of_int& m) { return m.value; }
int value_in(const wide_result& w) {
  return reinterpret_cast<std::uintptr_t>(std::addressof(w)) % alignof(wide_result) == 0 ? w.value : 0;
}

/// Gives f, which returns something of value 1, to whatever keeps what a callable returns.
template <class F>
void keep_everywhere(thread_pool& pool, F f) {
  const auto take = [f](int) -> decltype(auto) { return f(); };
  const auto source = pool.submit([] { return 1; });
  CHECK(value_in(pool.submit(f).result()) == 1);
  CHECK(value_in(pool.try_submit(f)->result()) == 1);
  CHECK(value_in(source.then(take).result()) == 1);
  CHECK(value_in(source.then(pool, take).result()) == 1);
  for (auto&& r : pool.map(take, std::vector{1, 2})) CHECK(value_in(r) == 1);
  for (auto&& r : pool.map_unordered(take, std::vector{1, 2})) CHECK(value_in(r) == 1);
  pool.post(f);
  pool.for_each(std::vector{1, 2}, take);
  pool.wait_idle();
}

int one = 1;

}  // namespace

TEST_CASE("what a callable returns is kept: references, constants, what cannot be copied or made of nothing") {
  thread_pool pool(2);
  keep_everywhere(pool, []() -> int { return 1; });
  keep_everywhere(pool, []() -> int& { return one; });
  keep_everywhere(pool, []() -> const int& { return one; });
  keep_everywhere(pool, []() -> int&& { return std::move(one); });
  keep_everywhere(pool, []() -> std::unique_ptr<int> { return std::make_unique<int>(1); });
  keep_everywhere(pool, []() -> made_of_int { return made_of_int(1); });
  keep_everywhere(pool, []() -> const made_of_int { return made_of_int(1); });  // NOLINT(*-const-return-type)
  keep_everywhere(pool, []() -> wide_result { return {}; });
  CHECK(&pool.submit([]() -> int& { return one; }).result() == &one);
}

TEST_CASE("a callable that returns nothing makes a future of nothing, everywhere") {
  thread_pool pool(2);
  tally calls{0};
  const auto call = [&calls](auto&&...) { ++calls; };
  pool.submit(call).result();
  pool.try_submit(call)->result();
  const auto source = pool.submit([] {});
  source.then(call).result();
  source.then(pool, call).then(call).result();
  int yielded = 0;
  auto range = pool.map(call, std::vector{1, 2});
  for (auto it = range.begin(); it != range.end(); ++it) {
    *it;
    ++yielded;
  }
  pool.for_each(std::vector{1, 2}, call);
  CHECK(yielded == 2);
  CHECK(calls == 9);
}

// ── what they are given ──

TEST_CASE("arrays decay, references are kept where they are wrapped, and what can only be moved is moved") {
  thread_pool pool(2);
  const auto length = [](std::string_view s, int& n, std::unique_ptr<int> p) { n += static_cast<int>(s.size()) + *p; };
  char text[] = "abc";
  int numbers[] = {1, 2, 3};
  int n = 0;
  const auto block = [] { return std::make_unique<int>(1); };
  pool.submit(length, text, std::ref(n), block()).result();
  pool.submit(length, "abc", std::ref(n), block()).result();
  pool.try_submit(length, text, std::ref(n), block())->result();
  pool.post(length, text, std::ref(n), block());
  pool.wait_idle();
  spool::thread t(length, text, std::ref(n), block());
  t.start();
  t.join();
  spool::timer alarm(0s, length, text, std::ref(n), block());
  alarm.start();
  alarm.join();
  CHECK(n == 24);

  CHECK(pool.submit([](const int* first) { return first[2]; }, numbers).result() == 3);
  int sum = 0;
  for (const int x : pool.map([](int x) { return x; }, numbers)) sum += x;
  pool.for_each(numbers, [](int& x) { x = 0; });
  CHECK(sum == 6);
  CHECK(numbers[0] + numbers[1] + numbers[2] == 0);
}
