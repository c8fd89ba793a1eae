// tests/thread_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/thread.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/failing_new.hpp"
#include "support/latch.hpp"
#include "support/process.hpp"
#include "support/tracked.hpp"

using namespace std::chrono_literals;
using spool::thread;
using spool::thread_info;
using spool::thread_options;
using steady = std::chrono::steady_clock;

// ── the shape ──

static_assert(std::is_nothrow_move_constructible_v<thread> && std::is_nothrow_move_assignable_v<thread>);
static_assert(!std::is_copy_constructible_v<thread> && !std::is_copy_assignable_v<thread>);
static_assert(!std::is_convertible_v<void (*)(), thread>);
static_assert(!std::is_constructible_v<thread, int>);
static_assert(!std::is_constructible_v<thread, void (*)(int), std::string>);
static_assert(std::is_aggregate_v<thread_options> && std::is_aggregate_v<thread_info>);
static_assert(std::is_same_v<decltype(std::declval<const thread&>().ident()), std::thread::id>);
static_assert(std::is_same_v<decltype(spool::enumerate()), std::vector<thread_info>>);

namespace {

std::optional<thread_info> listed(std::uint64_t native_id) {
  for (thread_info& t : spool::enumerate()) {
    if (t.native_id == native_id) return std::move(t);
  }
  return std::nullopt;
}
std::optional<thread_info> listed(const std::string& name) {
  for (thread_info& t : spool::enumerate()) {
    if (t.name == name) return std::move(t);
  }
  return std::nullopt;
}

bool is_numbered(const std::string& name, const std::string& prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

/// Keeps what comes to the excepthook.
class hook_log {
public:
  hook_log() {
    spool::set_excepthook([log = log_](const thread_info& t, std::exception_ptr p) {
      std::string what = "?";
      try {
        std::rethrow_exception(std::move(p));
      } catch (const std::exception& e) {
        what = e.what();
      } catch (...) {
      }
      const std::lock_guard held(log->mutex);
      log->entries.push_back(t.name + ": " + what);
    });
  }
  ~hook_log() { spool::set_excepthook({}); }
  std::vector<std::string> entries() const {
    const std::lock_guard held(log_->mutex);
    return log_->entries;
  }

private:
  struct log {
    std::mutex mutex;
    std::vector<std::string> entries;  // guarded by mutex
  };
  std::shared_ptr<log> log_ = std::make_shared<log>();
};

template <class F>
std::string outcome(F&& f) {
  try {
    f();
    return "fine";
  } catch (const spool::usage_error&) {
    return "usage_error";
  } catch (const std::system_error&) {
    return "system_error";
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// Runs f() in the destructor.
template <class F>
struct at_end {
  F f;
  ~at_end() { f(); }
};
template <class F>
at_end(F) -> at_end<F>;

// Static objects: the registry is there before main.
const thread_info main_before_main = spool::main_thread();
const thread_info me_before_main = spool::current_thread();
const std::size_t count_before_main = spool::active_count();
std::string name_seen_before_main;
const bool ran_before_main = [] {
  thread t(thread_options{.name = "early"}, [] { name_seen_before_main = spool::current_thread().name; });
  t.start();
  t.join();
  return true;
}();

}  // namespace

// ── made, not started ──

TEST_CASE("a thread is made, not started: no ids, not alive, not listed, its function not called") {
  bool called = false;
  const std::size_t before = spool::active_count();
  {
    thread t(thread_options{.name = "unstarted"}, [&] { called = true; });
    CHECK(t.name() == "unstarted");
    CHECK_FALSE(t.is_alive());
    CHECK_FALSE(t.daemon());
    CHECK(t.ident() == std::thread::id());
    CHECK(t.native_id() == 0);
    CHECK_FALSE(listed("unstarted"));
    CHECK(spool::active_count() == before);
  }
  CHECK_FALSE(called);
}

TEST_CASE("f is called with copies of its arguments, in another thread") {
  std::string text = "before";
  std::string seen;
  std::thread::id where;
  thread t([&](const std::string& s, int n) { seen = s + std::to_string(n), where = std::this_thread::get_id(); }, text,
           7);
  text = "after";
  t.start();
  t.join();
  CHECK(seen == "before7");
  CHECK(where == t.ident());
  CHECK(where != std::this_thread::get_id());
}

namespace {
struct counter {
  int value = 0;
  void add(int n) { value += n; }
};
int free_function_result = 0;
void free_function(std::unique_ptr<int> p) { free_function_result = *p; }
}  // namespace

TEST_CASE("f may be anything invocable, move-only ones and arguments included") {
  thread by_pointer(&free_function, std::make_unique<int>(5));
  by_pointer.start();
  by_pointer.join();
  CHECK(free_function_result == 5);

  counter c;
  thread member(&counter::add, &c, 3);
  member.start();
  member.join();
  thread member_of_reference(&counter::add, std::ref(c), 4);
  member_of_reference.start();
  member_of_reference.join();
  CHECK(c.value == 7);

  int got = 0;
  thread move_only([p = std::make_unique<int>(9), &got] { got = *p; });
  move_only.start();
  move_only.join();
  CHECK(got == 9);

  thread returns([] { return 42; });  // what it returns is dropped
  returns.start();
  returns.join();
}

namespace {
struct job {
  int* out;
  int value = 0;
  void run() {
    ++value;
    *out = value;
  }
};
struct stoppable_job {
  bool* possible;
  void run(const std::stop_token& token, int) const { *possible = token.stop_possible(); }
};
struct both_ways {
  std::string* called;
  void operator()() const { *called = "operator()"; }
  void run() const { *called = "run"; }
};
}  // namespace

TEST_CASE("f may be an object with run()") {
  int out = 0;
  job j{&out, 10};
  thread copy(j);
  copy.start();
  copy.join();
  CHECK(out == 11);
  CHECK(j.value == 10);
  thread by_reference{std::ref(j)};
  by_reference.start();
  by_reference.join();
  CHECK(j.value == 11);

  bool possible = false;
  thread with_token(stoppable_job{&possible}, 1);
  with_token.start();
  with_token.join();
  CHECK(possible);

  std::string called;
  thread either(both_ways{&called});
  either.start();
  either.join();
  CHECK(called == "operator()");
}

TEST_CASE("one that takes a stop token first gets the thread's, if it fits only so") {
  latch up(1);
  bool stopped = false;
  thread t(
      [&](const std::stop_token& token, int) {
        up.count_down();
        eventually([&] { return token.stop_requested(); });
        stopped = true;
      },
      1);
  CHECK_FALSE(t.get_stop_token().stop_requested());
  t.start();
  up.wait();
  CHECK(t.request_stop());
  CHECK_FALSE(t.request_stop());
  CHECK(t.get_stop_token().stop_requested());
  t.join();
  CHECK(stopped);

  std::size_t arguments = 0;
  thread fits_both([&](auto... args) { arguments = sizeof...(args); }, 1, 2);
  fits_both.start();
  fits_both.join();
  CHECK(arguments == 2);
}

// ── start and join ──

TEST_CASE("when start() returns the thread is listed and has its ids") {
  for (int i = 0; i < 200; ++i) {
    latch end(1);
    thread t([&] { end.wait(); });
    t.start();
    const auto entry = listed(t.name());
    const std::uint64_t id = t.native_id();
    const bool alive = t.is_alive();
    const bool real = real_threads().contains(id);
    end.count_down();
    REQUIRE(entry);
    REQUIRE(entry->native_id == id);
    REQUIRE(entry->ident == t.ident());
    REQUIRE(t.ident() != std::thread::id());
    REQUIRE_FALSE(entry->daemon);
    REQUIRE(alive);
    REQUIRE(real);
  }
}

TEST_CASE("when join() returns its thread-locals are destroyed and it is listed no more") {
  if (!destructors_see_thread_locals) return;
  int destroyed = 0;  // written by the threads one after the other
  bool own_name = true;
  bool listed_then = true;
  for (int i = 0; i < 300; ++i) {
    thread t([&] {
      static thread_local std::function<void()> at_exit;
      thread_local at_end last{[] { at_exit(); }};
      at_exit = [&, mine = spool::current_thread().name] {
        if (i % 16 == 0) std::this_thread::sleep_for(1ms);  // makes a join that is too early likelier to show
        own_name = own_name && spool::current_thread().name == mine;
        listed_then = listed_then && listed(spool::current_thread().native_id).has_value();
        ++destroyed;
      };
      static_cast<void>(last);
    });
    t.start();
    t.join();
    REQUIRE(destroyed == i + 1);
    REQUIRE_FALSE(t.is_alive());
    REQUIRE_FALSE(listed(t.name()));
    // The system wakes who joins a moment before it takes the thread off its own list.
    eventually([&] { return !real_threads().contains(t.native_id()); });
  }
  CHECK(own_name);
  CHECK(listed_then);
}

TEST_CASE("join may be called again, and by many at once") {
  for (int round = 0; round < 50; ++round) {
    latch end(1);
    int result = 0;
    thread t([&] {
      end.wait();
      result = 1;
    });
    t.start();
    std::array<int, 6> seen{};
    crew joiners(6, [&](std::size_t i) {
      if (i % 2 == 0) {
        t.join();
      } else {
        while (!t.join_for(1ms)) {
        }
      }
      seen[i] = result + (t.is_alive() ? 100 : 0);
    });
    end.count_down();
    joiners.join();
    REQUIRE(seen == std::array<int, 6>{1, 1, 1, 1, 1, 1});
    t.join();
    REQUIRE(t.join_for(0s));
    REQUIRE(t.join_until(steady::now() - 1h));
  }
}

TEST_CASE("a timed join gives up, not early, and leaves the thread as it was") {
  latch end(1);
  thread t([&] { end.wait(); });
  t.start();
  CHECK_FALSE(t.join_for(0s));
  CHECK_FALSE(t.join_for(-1h));
  CHECK_FALSE(t.join_until(steady::now() - 1s));
  CHECK_FALSE(t.join_until(std::chrono::system_clock::now()));
  const auto start = steady::now();
  CHECK_FALSE(t.join_for(5ms));
  CHECK(steady::now() - start >= 5ms);
  CHECK_FALSE(t.join_until(start + 10ms));
  CHECK(steady::now() - start >= 10ms);
  std::array<int, 4> gave_up{};
  crew::run(4, [&](std::size_t i) { gave_up[i] = t.join_for(2ms) ? 0 : 1; });
  CHECK(gave_up == std::array<int, 4>{1, 1, 1, 1});
  CHECK(t.is_alive());
  end.count_down();
  CHECK(t.join_for(std::chrono::hours::max()));
  CHECK(t.join_until(steady::time_point::max()));
  CHECK(t.join_for(std::chrono::duration<double>(1e300)));
}

TEST_CASE("starting twice is a usage_error, also after the end, and the thread is as it was") {
  latch end(1);
  thread t([&] { end.wait(); });
  t.start();
  CHECK_THROWS_AS(t.start(), spool::usage_error);
  CHECK(t.is_alive());
  end.count_down();
  t.join();
  CHECK_THROWS_AS(t.start(), spool::usage_error);
  t.join();
}

TEST_CASE("of threads that race to start it exactly one wins") {
  for (int round = 0; round < 300; ++round) {
    std::atomic<int> calls{0}, won{0}, lost{0}, up{0};
    thread t([&] { ++calls; });
    crew::run(4, [&] {
      try {
        t.start();
        ++won;
      } catch (const spool::usage_error&) {
        ++lost;
      }
      if (t.ident() != std::thread::id()) ++up;  // whoever knows that it is started sees it started
    });
    t.join();
    REQUIRE(calls == 1);
    REQUIRE(won == 1);
    REQUIRE(lost == 3);
    REQUIRE(up == 4);
  }
}

TEST_CASE("joining oneself is a usage_error, in a thread-local's destructor too") {
  if (!destructors_see_thread_locals) return;
  static std::string in_function, timed, in_destructor;
  thread t;
  static thread* self;
  self = &t;
  t = thread([] {
    in_function = outcome([] { self->join(); });
    timed = outcome([] { static_cast<void>(self->join_for(0s)); });
    thread_local at_end last{[] { in_destructor = outcome([] { self->join(); }); }};
    static_cast<void>(last);
  });
  t.start();
  t.join();
  CHECK(in_function == "usage_error");
  CHECK(timed == "usage_error");
  CHECK(in_destructor == "usage_error");
}

TEST_CASE("joining before the start is a usage_error, and it can still be started") {
  thread t([] {});
  CHECK_THROWS_AS(t.join(), spool::usage_error);
  CHECK_THROWS_AS(t.join_for(1s), spool::usage_error);
  CHECK_THROWS_AS(t.join_until(steady::now()), spool::usage_error);
  t.start();
  t.join();
}

TEST_CASE("if the system refuses the thread, start() throws system_error and the object is as before") {
  if (!no_more_threads::works) return;
  int calls = 0;
  const auto argument = std::make_shared<int>(1);
  const std::size_t before = spool::active_count();
  thread t(thread_options{.name = "refused"}, [&](const std::shared_ptr<int>& p) { calls += *p; }, argument);
  {
    const no_more_threads refuse;
    for (int i = 0; i < 3; ++i) {
      CHECK_THROWS_AS(t.start(), std::system_error);
      CHECK_FALSE(t.is_alive());
      CHECK(t.ident() == std::thread::id());
      CHECK(t.native_id() == 0);
      CHECK(t.name() == "refused");
      CHECK(spool::active_count() == before);
      CHECK(argument.use_count() == 2);
      CHECK_THROWS_AS(t.join(), spool::usage_error);
    }
  }
  t.start();
  t.join();
  CHECK(calls == 1);
}

TEST_CASE("of threads that race to start it while the system refuses, all are told so") {
  if (!no_more_threads::works) return;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> refused{0}, wrong{0}, calls{0};
    thread t([&] { ++calls; });
    latch up(3), go(1);
    crew starters;
    for (int i = 0; i < 3; ++i) {
      starters.start([&] {
        up.count_down();
        go.wait();
        (outcome([&] { t.start(); }) == "system_error" ? refused : wrong)++;
      });
    }
    up.wait();
    {
      const no_more_threads refuse;
      go.count_down();
      starters.join();
    }
    REQUIRE(refused == 3);
    REQUIRE(wrong == 0);
    t.start();
    t.join();
    REQUIRE(calls == 1);
  }
}

TEST_CASE("an operation that runs out of memory has changed nothing") {
  if (!failing_new::works) return;
  int calls = 0;
  for (int n = 1;; ++n) {
    std::string long_argument(100, 'x');
    std::optional<thread> t;
    try {
      const failing_new guard(n);
      t.emplace([&calls](const std::string&) { ++calls; }, std::move(long_argument));
    } catch (const std::bad_alloc&) {
      REQUIRE(long_argument.size() == 100);
      continue;
    }
    for (int m = 1;; ++m) {
      try {
        const failing_new guard(m);
        t->start();
        break;
      } catch (const std::bad_alloc&) {
        REQUIRE_FALSE(t->is_alive());
        REQUIRE(t->native_id() == 0);
      }
    }
    t->join();
    break;
  }
  CHECK(calls == 1);
}

TEST_CASE("an argument whose copy throws leaves the others whole, and what is called") {
  struct body {
    std::unique_ptr<int> held = std::make_unique<int>(1);
    void operator()(const tracked&, const std::unique_ptr<int>&) const {}
  };
  tracked::reset();
  {
    body f;
    auto argument = std::make_unique<int>(2);
    const tracked t(1);
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(thread(std::move(f), t, std::move(argument)), tracked_failure);
    tracked::fail_at_copy(1);
    CHECK_THROWS_AS(thread(thread_options{.name = "named"}, std::move(f), t, std::move(argument)), tracked_failure);
    tracked::fail_at_copy(0);
    CHECK(f.held != nullptr);
    CHECK(argument != nullptr);
  }
  CHECK(tracked::live() == 0);
}

// ── the end ──

TEST_CASE("the destructor of a started thread requests stop and joins") {
  std::atomic<bool> ended{false};
  {
    thread t([&](const std::stop_token& token) {
      eventually([&] { return token.stop_requested(); });
      ended = true;
    });
    t.start();
  }
  CHECK(ended);
}

TEST_CASE("a thread may be destroyed by itself") {
  for (int round = 0; round < 100; ++round) {
    latch given(1), over(1);
    bool stop_requested = false;
    std::unique_ptr<thread> t;
    std::uint64_t id = 0;
    t = std::make_unique<thread>([&](const std::stop_token& token) {
      given.wait();
      t.reset();
      stop_requested = token.stop_requested();
      over.count_down();
    });
    t->start();
    id = t->native_id();
    given.count_down();
    over.wait();
    REQUIRE(stop_requested);
    eventually([&] { return !listed(id); });
  }
}

TEST_CASE("the destructor of a daemon lets it go") {
  latch end(1), over(1);
  bool stop_requested = true;
  std::uint64_t id = 0;
  {
    thread t(thread_options{.daemon = true}, [&](const std::stop_token& token) {
      end.wait();
      stop_requested = token.stop_requested();
      over.count_down();
    });
    CHECK(t.daemon());
    t.start();
    id = t.native_id();
  }
  const auto entry = listed(id);
  REQUIRE(entry);
  CHECK(entry->daemon);
  end.count_down();
  over.wait();
  CHECK_FALSE(stop_requested);
  eventually([&] { return !listed(id); });
}

TEST_CASE("a daemon can be joined, and destroyed after its end") {
  thread t(thread_options{.daemon = true}, [] {});
  t.start();
  t.join();
  CHECK(t.join_for(0s));
  thread unjoined(thread_options{.daemon = true}, [] {});
  unjoined.start();
  eventually([&] { return !unjoined.is_alive(); });
}

TEST_CASE("daemon is never inherited") {
  bool inherited = true;
  thread t(thread_options{.daemon = true}, [&] {
    thread inner([] {});
    inherited = inner.daemon();
  });
  t.start();
  t.join();
  CHECK_FALSE(inherited);
}

TEST_CASE("the object may be destroyed by the thread that its own thread released, while start() is still returning") {
  for (int round = 0; round < 500; ++round) {
    latch released(1);
    auto t = std::make_unique<thread>(thread_options{.daemon = round % 2 == 0}, [&] { released.count_down(); });
    crew starter;
    starter.start([raw = t.get()] { raw->start(); });
    released.wait();
    t.reset();
    starter.join();
  }
}

TEST_CASE("the callable and its arguments are destroyed by the thread as soon as f has returned") {
  const auto held = std::make_shared<int>(0);
  std::atomic<std::thread::id> destroyer{};
  struct noting {
    std::atomic<std::thread::id>* destroyer;
    std::shared_ptr<int> held;
    noting(std::atomic<std::thread::id>* d, std::shared_ptr<int> h) : destroyer(d), held(std::move(h)) {}
    noting(noting&&) = default;
    ~noting() {
      if (held) *destroyer = std::this_thread::get_id();
    }
    void operator()() const {}
  };
  thread t(noting(&destroyer, held));
  thread never_started([](const std::shared_ptr<int>&) {}, held);
  CHECK(held.use_count() == 3);
  t.start();
  t.join();
  CHECK(destroyer.load() == t.ident());
  CHECK(held.use_count() == 2);
  never_started = thread();
  CHECK(held.use_count() == 1);
}

TEST_CASE("a moved-from thread is a usage_error in all it is asked, and the other one goes on") {
  latch end(1);
  thread from(thread_options{.name = "moved"}, [&] { end.wait(); });
  from.start();
  thread to = std::move(from);
  thread& empty = from;  // what is left of it
  CHECK_THROWS_AS(empty.start(), spool::usage_error);
  CHECK_THROWS_AS(empty.join(), spool::usage_error);
  CHECK_THROWS_AS(empty.join_for(1s), spool::usage_error);
  CHECK_THROWS_AS(empty.join_until(steady::now()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.is_alive()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.name()), spool::usage_error);
  CHECK_THROWS_AS(empty.set_name("x"), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.daemon()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.ident()), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.native_id()), spool::usage_error);
  CHECK_THROWS_AS(empty.request_stop(), spool::usage_error);
  CHECK_THROWS_AS(static_cast<void>(empty.get_stop_token()), spool::usage_error);
  CHECK(to.name() == "moved");
  CHECK(to.is_alive());
  end.count_down();
  to.join();
}

TEST_CASE("assigning to a thread ends its own first") {
  std::atomic<bool> ended{false};
  thread t([&](const std::stop_token& token) {
    eventually([&] { return token.stop_requested(); });
    ended = true;
  });
  t.start();
  bool second = false;
  t = thread([&] { second = true; });
  CHECK(ended);
  t.start();
  t.join();
  CHECK(second);
  thread& same = t;
  t = std::move(same);
  CHECK_FALSE(t.is_alive());
}

TEST_CASE("an exception that leaves f goes to the excepthook, and no further") {
  const hook_log log;
  thread t(thread_options{.name = "thrower"}, [] { throw std::runtime_error("oh"); });
  t.start();
  t.join();
  CHECK(log.entries() == std::vector<std::string>{"thrower: oh"});
}

// ── names ──

TEST_CASE("a thread is named Thread-N unless named, and N is never used again") {
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    const thread t([] {});
    CHECK(is_numbered(t.name(), "Thread-"));
    names.insert(t.name());
  }
  const thread empty(thread_options{.name = ""}, [] {});
  names.insert(empty.name());
  CHECK(names.size() == 21);
  const thread one(thread_options{.name = "twin"}, [] {});
  const thread two(thread_options{.name = "twin"}, [] {});
  CHECK(one.name() == two.name());
}

TEST_CASE("set_name works before, during and after the run, from any thread") {
  latch end(1);
  std::atomic<int> asked{0}, answered{0};
  std::string seen;
  thread t([&] {
    for (int n = 1; n <= 2; ++n) {
      eventually([&] { return asked == n; });
      seen = spool::current_thread().name;
      answered = n;
    }
    end.wait();
  });
  const auto ask = [&](int n) {
    asked = n;
    eventually([&] { return answered == n; });
  };
  t.set_name("before");
  CHECK(t.name() == "before");
  t.start();
  ask(1);
  CHECK(seen == "before");
  CHECK((!system_names_threads || system_name(t.native_id()) == "before"));
  t.set_name("during");
  CHECK(t.name() == "during");
  CHECK((!system_names_threads || system_name(t.native_id()) == "during"));
  CHECK(listed("during"));
  ask(2);
  CHECK(seen == "during");
  end.count_down();
  t.join();
  t.set_name("after");
  CHECK(t.name() == "after");
}

TEST_CASE("the name is also the system's, cut to 15 bytes, never inside a character, and at a NUL") {
  if (!system_names_threads) return;
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"short", "short"},
      {"exactly-15-byte", "exactly-15-byte"},
      {"sixteen-bytes-xx", "sixteen-bytes-x"},
      {"with\0nul"s, "with"},
      {"fourteen-bytes\u00e9", "fourteen-bytes"},      // two bytes, of which one would fit
      {"thirteen-byte\u00e9", "thirteen-byte\u00e9"},  // two that fit
      {"\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e", "\u65e5\u672c\u8a9e\u65e5\u672c"},
      {"twelve-bytes\U0001f600", "twelve-bytes"}};  // four bytes, of which three would fit
  for (const auto& [name, cut] : cases) {
    latch end(1);
    thread t(thread_options{.name = name}, [&] { end.wait(); });
    t.start();
    const std::string at_start = system_name(t.native_id());
    t.set_name("other");
    t.set_name(name);
    const std::string renamed = system_name(t.native_id());
    const std::string kept = t.name();
    end.count_down();
    CHECK(at_start == cut);
    CHECK(renamed == cut);
    CHECK(kept == name);
  }
}

TEST_CASE("a name may change while the thread starts, runs and ends") {
  for (int round = 0; round < 200; ++round) {
    thread t([] { static_cast<void>(spool::current_thread()); });
    std::atomic<bool> over{false};
    crew others;
    others.start([&] {
      for (int i = 0; !over; ++i) t.set_name("name " + std::to_string(i));
    });
    others.start([&] {
      while (!over) static_cast<void>(spool::enumerate());
    });
    t.start();
    t.join();
    over = true;
    others.join();
  }
}

// ── who is running ──

TEST_CASE("current_thread says who is calling") {
  thread_info seen;
  thread t(thread_options{.name = "asker", .daemon = true}, [&] { seen = spool::current_thread(); });
  t.start();
  t.join();
  CHECK(seen.name == "asker");
  CHECK(seen.ident == t.ident());
  CHECK(seen.native_id == t.native_id());
  CHECK(seen.daemon);
}

TEST_CASE("the main thread is named MainThread, and known to all") {
  const thread_info me = spool::current_thread();
  CHECK(me.name == "MainThread");
  CHECK(me.ident == std::this_thread::get_id());
  CHECK(me.native_id == own_thread_id());
  CHECK_FALSE(me.daemon);
  thread_info main;
  std::vector<thread_info> all;
  thread t([&] {
    main = spool::main_thread();
    all = spool::enumerate();
  });
  t.start();
  t.join();
  CHECK(main.name == "MainThread");
  CHECK(main.ident == me.ident);
  CHECK(main.native_id == me.native_id);
  REQUIRE_FALSE(all.empty());
  CHECK(all.front().name == "MainThread");
  CHECK(all.front().ident == me.ident);
  CHECK(std::count_if(all.begin(), all.end(), [](const thread_info& i) { return i.name == "MainThread"; }) == 1);
}

TEST_CASE("the registry is there before main") {
  CHECK(main_before_main.name == "MainThread");
  CHECK(main_before_main.ident == std::this_thread::get_id());
  CHECK(me_before_main.name == "MainThread");
  CHECK(count_before_main == 1);
  CHECK(ran_before_main);
  CHECK(name_seen_before_main == "early");
}

TEST_CASE("active_count and enumerate tell of all that live, the oldest first") {
  const std::size_t before = spool::active_count();
  latch end(1);
  std::vector<thread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back(thread_options{.name = "n" + std::to_string(i)}, [&] { end.wait(); });
    threads.back().start();
  }
  const auto all = spool::enumerate();
  const std::size_t count = spool::active_count();
  end.count_down();
  CHECK(count == before + 40);
  REQUIRE(all.size() == count);
  bool in_order = true;
  for (std::size_t i = 0; i < 40; ++i) in_order = in_order && all[before + i].name == "n" + std::to_string(i);
  CHECK(in_order);
  for (thread& t : threads) t.join();
  CHECK(spool::active_count() == before);
}

TEST_CASE("a thread that spool did not make is Dummy-N while it lives, from when it asks") {
  std::set<std::string> names;
  std::uint64_t id = 0;
  for (int i = 0; i < 3; ++i) {
    latch ask(1), asked(1), end(1);
    std::string first, second, native_before, native_after;
    bool daemon = false;
    std::thread foreign([&] {
      id = own_thread_id();
      native_before = system_name(id);
      asked.count_down();
      ask.wait();
      first = spool::current_thread().name;
      const thread_info again = spool::current_thread();
      second = again.name;
      daemon = again.daemon;
      native_after = system_name(id);
      end.count_down();
    });
    asked.wait();
    const bool listed_before = listed(id).has_value();
    ask.count_down();
    end.wait();
    foreign.join();
    CHECK_FALSE(listed_before);
    CHECK(is_numbered(first, "Dummy-"));
    CHECK(first == second);
    CHECK(daemon);
    CHECK(native_before == native_after);
    CHECK_FALSE(listed(id));
    names.insert(first);
  }
  CHECK(names.size() == 3);
}

TEST_CASE("a foreign thread is listed between its question and its end") {
  latch asked(1), end(1);
  std::uint64_t id = 0;
  crew foreign;
  foreign.start([&] {
    id = spool::current_thread().native_id;
    asked.count_down();
    end.wait();
  });
  asked.wait();
  const auto entry = listed(id);
  end.count_down();
  foreign.join();
  REQUIRE(entry);
  CHECK(is_numbered(entry->name, "Dummy-"));
  CHECK_FALSE(listed(id));
}

TEST_CASE("thread-local destructors of a foreign thread may ask, whatever came first") {
  if (!destructors_see_thread_locals) return;
  static std::vector<std::string> seen;
  static std::atomic<bool> listed_last;
  for (const bool asks_first : {false, true}) {
    seen.clear();
    crew::run(1, [&] {
      thread_local at_end last{[] {
        seen.push_back(spool::current_thread().name);
        static_cast<void>(spool::active_count());
        listed_last = listed(spool::current_thread().native_id).has_value();
      }};
      static_cast<void>(last);
      if (asks_first) seen.push_back(spool::current_thread().name);
      thread_local at_end first{[] {
        seen.push_back(spool::current_thread().name);
        thread inner([] { seen.push_back("inner"); });  // a thread's end may even start others
        inner.start();
        inner.join();
      }};
      static_cast<void>(first);
    });
    REQUIRE(seen.size() == (asks_first ? 4U : 3U));
    CHECK(is_numbered(seen.front(), "Dummy-"));
    CHECK(seen.back() == seen.front());
    CHECK(std::count(seen.begin(), seen.end(), seen.front()) == (asks_first ? 3 : 2));
  }
  CHECK(spool::active_count() == spool::enumerate().size());
}

TEST_CASE("thread-local destructors of a spool thread see the thread itself, in whatever order") {
  if (!destructors_see_thread_locals) return;
  static std::vector<std::string> seen;
  seen.clear();
  thread t(thread_options{.name = "mine"}, [] {
    thread_local at_end one{[] {
      thread_local at_end made_late{[] { seen.push_back(spool::current_thread().name); }};
      static_cast<void>(made_late);
      seen.push_back(spool::current_thread().name);
    }};
    thread_local at_end two{[] { seen.push_back(spool::current_thread().name); }};
    static_cast<void>(one);
    static_cast<void>(two);
  });
  t.start();
  t.join();
  CHECK(seen == std::vector<std::string>{"mine", "mine", "mine"});
}

TEST_CASE("a pool's workers are listed as PREFIX_N, their thread-locals' destructors included") {
  if (!destructors_see_thread_locals) return;
  static std::atomic<int> strange;
  strange = 0;
  {
    spool::thread_pool pool(spool::pool_options{.max_workers = 2, .thread_name_prefix = "crew"});
    latch both(2), end(1);
    for (int i = 0; i < 2; ++i) {
      pool.post([&] {
        thread_local at_end last{[] {
          const spool::thread_info me = spool::current_thread();
          if (me.name != "crew_0" && me.name != "crew_1") ++strange;
        }};
        static_cast<void>(last);
        both.count_down();
        end.wait();
      });
    }
    both.wait();
    const auto zero = listed("crew_0");
    const auto one = listed("crew_1");
    const std::string native = zero ? system_name(zero->native_id) : "";
    end.count_down();
    CHECK(zero);
    CHECK(one);
    CHECK((!system_names_threads || native == "crew_0"));
  }
  CHECK_FALSE(listed("crew_0"));
  CHECK(strange == 0);
}

TEST_CASE("the registry equals reality after a thousand rounds") {
  for (int round = 0; round < 1'000; ++round) {
    std::vector<thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, round, i] {
        if ((round + i) % 3 == 0) {
          std::thread foreign([] { static_cast<void>(spool::current_thread()); });
          foreign.join();
        }
        if ((round + i) % 5 == 0) static_cast<void>(spool::enumerate());
      });
      threads.back().start();
    }
    if (round % 2 == 0) {
      for (thread& t : threads) t.join();
    }
  }
  const auto all = spool::enumerate();
  std::set<std::uint64_t> known;
  for (const thread_info& t : all) known.insert(t.native_id);
  CHECK(known.size() == all.size());
  CHECK(spool::active_count() == all.size());
  const auto real = real_threads();
  CHECK(std::includes(real.begin(), real.end(), known.begin(), known.end()));
  CHECK(known == std::set<std::uint64_t>{own_thread_id()});
}

// ── the end of the program: each of these is a process of its own ──

TEST_CASE("child: a daemon is left behind", "[.child]") {
  static latch up(3);
  for (int i = 0; i < 3; ++i) {
    thread daemon(thread_options{.daemon = true}, [i] {
      up.count_down();
      for (;;) {  // busy in the library's process state until the very end
        if (i == 0) static_cast<void>(spool::enumerate());
        if (i == 1) static_cast<void>(spool::current_thread());
        if (i == 2) {
          thread inner([] {});
          inner.start();
        }
      }
    });
    daemon.start();
  }
  up.wait();
  CHECK(spool::active_count() >= 4);
}

TEST_CASE("at the end of main the program ends without its daemons, with status 0") {
  for (int i = 0; i < 10; ++i) {
    const ended_process ended = run_child("child: a daemon is left behind");
    INFO(ended.output);
    REQUIRE(ended.code == 0);
  }
}

namespace {
/// Asks in its destructor, which runs after main if it is static.
struct asks_after_main {
  std::optional<thread> started_in_main;
  ~asks_after_main() {
    if (!started_in_main) return;
    std::string name;
    thread t([&] { name = spool::current_thread().name; });
    t.start();
    t.join();
    started_in_main.reset();
    std::printf("after main: %s %s %zu\n", spool::current_thread().name.c_str(), name.empty() ? "" : "ran",
                spool::enumerate().size());
  }
};
asks_after_main after_main;
}  // namespace

TEST_CASE("child: a thread of static lifetime", "[.child]") {
  after_main.started_in_main.emplace(
      [](const std::stop_token& token) { eventually([&] { return token.stop_requested(); }); });
  after_main.started_in_main->start();
}

TEST_CASE("threads and the registry work after main") {
  const ended_process ended = run_child("child: a thread of static lifetime");
  INFO(ended.output);
  CHECK(ended.code == 0);
  CHECK(ended.output.find("after main: MainThread ran 1\n") != std::string::npos);
}

TEST_CASE("child: an exception", "[.child]") {
  thread t(thread_options{.name = "thrower"}, [] { throw std::runtime_error("oh"); });
  t.start();
}

TEST_CASE("by default an exception that leaves f is a line on stderr, and the program goes on") {
  const ended_process ended = run_child("child: an exception");
  INFO(ended.output);
  CHECK(ended.code == 0);
  CHECK(ended.output.find("Exception in thread thrower: oh\n") != std::string::npos);
}
