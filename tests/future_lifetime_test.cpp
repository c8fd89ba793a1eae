// tests/future_lifetime_test.cpp · how long results and continuations live, and what is left of those that were given up
// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>

#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/failing_new.hpp"
#include "support/outcome.hpp"

using spool::future;
using spool::promise;

namespace {

/// Whether a string can be read as it was made.
bool is_whole(std::string const& s) { return s == std::string(100, 'x'); }

/// The only handle to a result that is there.
future<std::string> only_handle() {
  promise<std::string> p;
  p.set_value(std::string(100, 'x'));
  return p.get_future();
}

/// Drops the handle when it is copied or moved.
struct drops_when_moved {
  future<std::string>* handle;

  explicit drops_when_moved(future<std::string>& f) : handle(&f) {}
  drops_when_moved(drops_when_moved const& other) : handle(other.handle) { *handle = {}; }
  template <class Given>
  bool operator()(Given const& given) const {
    if constexpr (std::is_same_v<Given, std::string>) {
      return is_whole(given);
    } else {
      return is_whole(given.result());
    }
  }
};

/// Too large for the blocks that lie ready.
using ballast = std::array<char, 1000>;

/// How many more blocks are in use after f() than before.
template <class F>
long blocks_left_by(F&& f) {
  const long before = failing_new::blocks_in_use();
  f();
  return failing_new::blocks_in_use() - before;
}

}  // namespace

// ── the last handle goes while the library is at work ──

TEST_CASE("then keeps the result as long as f runs, even if f drops the last handle") {
  future<std::string> f = only_handle();
  SECTION("that it refers to") {
    CHECK(f.then([&](std::string const& s) { return f = {}, is_whole(s); }).result());
  }
  SECTION("that it takes") {
    CHECK(std::move(f).then([&](std::string&& s) { return f = {}, is_whole(s); }).result());
  }
  SECTION("in a pool") {
    spool::thread_pool pool(1);
    gate dropped;
    auto whole = f.then(pool, [&](std::string const& s) { return dropped.wait(), is_whole(s); });
    f = {};
    dropped.open();
    CHECK(whole.result());
  }
  CHECK_FALSE(f.valid());
}

TEST_CASE("then passes an exception on, even if the destructor of f drops the last handle") {
  promise<std::string> p;
  p.set_exception(boom());
  future<std::string> f = p.get_future();
  p = {};
  p.set_value("another");
  auto failed = f.then([drop = at_end_of_life([&f] { f = {}; })](std::string const&) {});
  CHECK_THROWS_WITH(failed.result(), "boom");
}

TEST_CASE("a callback may drop the last handle, and still reads the result through its own") {
  future<std::string> f = only_handle();
  bool whole = false;
  f.add_done_callback([&](future<std::string> const& done) {
    f = {};
    whole = is_whole(done.result());
  });
  CHECK(whole);
}

TEST_CASE("copying f may drop the last handle") {
  future<std::string> f = only_handle();
  const drops_when_moved g(f);
  SECTION("for then") { CHECK(f.then(g).result()); }
  SECTION("for add_done_callback") { f.add_done_callback(g); }
  SECTION("for then in a pool") {
    spool::thread_pool pool(1);
    CHECK(f.then(pool, g).result());
  }
  CHECK_FALSE(f.valid());
}

TEST_CASE("the destructor of a cancelled continuation's callable may drop the last handles, to it and to its source") {
  promise<std::string> p;
  future<std::string> f = p.get_future();
  future<void> g;
  bool dropped = false;
  const auto drop_all = [&] {
    f = {};
    p = {};
    g = {};
    dropped = true;
  };
  g = f.then([drop = at_end_of_life(drop_all)](std::string const&) {});
  CHECK(g.cancel());
  CHECK(dropped);
}

TEST_CASE("the excepthook may drop the last handle to what told it") {
  const spool::excepthook_handler before = spool::set_excepthook({});
  future<std::string> f = only_handle();
  int calls = 0;
  spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr const&) { f = {}, ++calls; });
  f.add_done_callback([](future<std::string> const&) { throw std::runtime_error("from a callback"); });
  f = {};
  spool::set_excepthook(before);
  CHECK(calls == 1);
}

// ── what was given up ──

TEST_CASE("a cancelled continuation is gone with its memory though its source is pending") {
  if (!failing_new::works) return;
  constexpr int n = 1000;
  promise<int> p;
  const future<int> f = p.get_future();
  future<int> first = f.then([room = ballast()](int i) { return i + room[0]; });
  SECTION("each at once") {
    CHECK(blocks_left_by([&] {
            for (int i = 0; i < n; ++i) f.then([room = ballast()](int k) { return k + room[0]; }).cancel();
          }) < 10);
  }
  SECTION("all in the end, those added first or last first") {
    for (const bool oldest_first : {true, false}) {
      CHECK(blocks_left_by([&] {
              std::vector<future<int>> all;
              for (int i = 0; i < n; ++i) all.push_back(f.then([room = ballast()](int k) { return k + room[0]; }));
              while (!all.empty()) {
                const auto next = oldest_first ? all.begin() : all.end() - 1;
                CHECK(next->cancel());
                all.erase(next);
              }
            }) < 10);
    }
  }
  SECTION("by another thread") {
    CHECK(blocks_left_by([&] {
            future<int> g;
            crew::run(1, [&] {
              for (int i = 0; i < n; ++i) f.then([room = ballast()](int k) { return k + room[0]; }).cancel();
            });
          }) < 10);
  }
  SECTION("that was to run in a pool") {
    spool::thread_pool pool(1);
    pool.submit([] {}).wait();
    CHECK(blocks_left_by([&] {
            for (int i = 0; i < n; ++i) f.then(pool, [room = ballast()](int k) { return k + room[0]; }).cancel();
          }) < 10);
  }
  SECTION("that was the source of others") {
    CHECK(blocks_left_by([&] {
            for (int i = 0; i < n; ++i) {
              auto g = f.then([room = ballast()](int k) { return k + room[0]; });
              auto h = std::move(g).then([room = ballast()](int k) { return k + room[0]; });
              CHECK(g.cancel());  // NOLINT(bugprone-use-after-move)
              CHECK(h.cancelled());
            }
          }) < 10);
  }
  future<int> last = f.then([](int i) { return i + 1; });
  p.set_value(1);
  CHECK(first.result() == 1);
  CHECK(last.result() == 2);
}

TEST_CASE("of a row of continuations any may be cancelled, and the others run, in order") {
  for (unsigned cancelled = 0; cancelled < 32; ++cancelled) {
    promise<int> p;
    const future<int> f = p.get_future();
    std::vector<int> ran, expected;
    std::vector<future<void>> all;
    for (int i = 0; i < 5; ++i) {
      all.push_back(f.then([&, i](int) { ran.push_back(i); }));
      if ((cancelled >> i & 1) == 0) expected.push_back(i);
    }
    for (std::size_t i = 0; i < 5; ++i) {
      if ((cancelled >> i & 1) != 0) CHECK(all[i].cancel());
    }
    p.set_value(1);
    CHECK(ran == expected);
  }
}

TEST_CASE("a continuation whose futures were all dropped runs all the same") {
  promise<int> p;
  const future<int> f = p.get_future();
  int ran = 0;
  f.then([&](int i) { ran += i; });
  {
    spool::thread_pool pool(1);
    f.then(pool, [&](int i) { ran += i; });
    CHECK(ran == 0);
    p.set_value(1);
  }
  CHECK(ran == 2);
}

TEST_CASE("the result is destroyed with its last handle, though continuations were made of it") {
  probe seen;
  promise<std::shared_ptr<int>> p;
  future<std::shared_ptr<int>> f = p.get_future();
  f.then([](auto const&) {}).cancel();
  const future<void> before = f.then([](auto const&) {});
  p.set_value(seen.take());
  const future<void> after = f.then([](auto const&) {});
  f.add_done_callback([](auto const&) {});
  p = {};
  CHECK_FALSE(seen.gone());
  f = {};
  CHECK(seen.gone());
}

// ── many handles ──

TEST_CASE("a result has as many handles as one likes, and is destroyed when the last of them goes") {
  probe seen;
  promise<std::shared_ptr<int>> p;
  p.set_value(seen.take());
  future<std::shared_ptr<int>> f = p.get_future();
  p = {};
  auto& state = spool::detail::future_access::state(f);  // handles that take no room
  const auto add = [&](int n) {
    for (int i = 0; i < n; ++i) state.add_handle();
  };
  const auto drop = [&](int n) {
    for (int i = 0; i < n; ++i) state.drop_handle();
  };
  // The word has room for 2^24, and passes chunks on when 12 * 2^20 are in it: two threads do that at once.
  add(12'500'000);
  crew::run(2, [&] { add(100'000); });
  add(7'000'000);
  CHECK_FALSE(seen.gone());
  drop(5'000'000);
  crew::run(2, [&] { drop(200'000); });
  CHECK_FALSE(seen.gone());
  drop(14'300'000);
  CHECK_FALSE(seen.gone());
  CHECK(*f.result() == 0);
  f = {};
  CHECK(seen.gone());
}

// ── coroutines ──

namespace {

struct throws_at_its_end {
  throws_at_its_end() = default;
  ~throws_at_its_end() noexcept(false) { throw std::runtime_error("at its end"); }
};

future<std::shared_ptr<int>> returns_twice(std::shared_ptr<int> first, std::shared_ptr<int> second) {
  try {
    const throws_at_its_end t;
    co_return std::move(first);
  } catch (std::runtime_error const&) {
  }
  co_return std::move(second);
}

future<void> returns_nothing_twice() {
  try {
    const throws_at_its_end t;
    co_return;
  } catch (std::runtime_error const&) {
  }
}

}  // namespace

TEST_CASE("a coroutine that returns once more after an exception on its way out has just the second result") {
  probe first, second;
  int* const expected = second.held.get();
  auto f = returns_twice(first.take(), second.take());
  CHECK(first.gone());
  CHECK(f.result().get() == expected);
  f = {};
  CHECK(second.gone());
  CHECK(returns_nothing_twice().exception() == nullptr);
}
