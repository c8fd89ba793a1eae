// tests/excepthook_test.cpp
// SPDX-License-Identifier: MIT
//
// detail::report_unhandled is what the library calls where an exception has nowhere else to go.
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>

#include <atomic>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/crew.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#define CAN_READ_STDERR 1
#endif

namespace {

void report(const std::string& what) {
  spool::detail::report_unhandled(std::make_exception_ptr(std::runtime_error(what)));
}

std::string text_of(std::exception_ptr p) {
  try {
    std::rethrow_exception(std::move(p));
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "?";
  }
}

/// Restores the default at the end of a test.
struct hook_scope {
  ~hook_scope() { spool::set_excepthook({}); }
};

#if defined(CAN_READ_STDERR)
/// What f() writes to stderr.
template <class F>
std::string stderr_of(F f) {
  std::fflush(stderr);
  std::FILE* file = std::tmpfile();
  if (file == nullptr) throw std::runtime_error("no temporary file");
  const int before = ::dup(2);
  ::dup2(::fileno(file), 2);
  f();
  std::fflush(stderr);
  ::dup2(before, 2);
  ::close(before);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}
#endif

}  // namespace

TEST_CASE("the hook gets the exception and the thread that it left") {
  hook_scope restore;
  std::string thread, what;
  std::thread::id ident;
  spool::set_excepthook([&](spool::thread_info const& t, std::exception_ptr p) {
    thread = t.name;
    ident = t.ident;
    what = text_of(std::move(p));
  });
  report("in main");
  CHECK(thread == "MainThread");
  CHECK(ident == std::this_thread::get_id());
  CHECK(what == "in main");

  std::thread::id other;
  crew::run(1, [&] {
    other = std::this_thread::get_id();
    report("elsewhere");
  });
  CHECK(thread.substr(0, 6) == "Dummy-");
  CHECK(ident == other);
  CHECK(what == "elsewhere");
}

TEST_CASE("setting a hook returns the one before, empty if it was the default") {
  hook_scope restore;
  int first = 0, second = 0;
  CHECK_FALSE(spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) { ++first; }));
  const spool::excepthook_handler before =
      spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) { ++second; });
  REQUIRE(before);
  report("x");
  CHECK(first == 0);
  CHECK(second == 1);
  spool::set_excepthook(before);
  report("x");
  CHECK(first == 1);
  CHECK(second == 1);
  CHECK(spool::set_excepthook({}));
  CHECK_FALSE(spool::set_excepthook({}));
}

TEST_CASE("a handler made of nothing is empty") {
  void (*no_function)(spool::thread_info const&, std::exception_ptr) = nullptr;
  CHECK_FALSE(spool::excepthook_handler());
  CHECK_FALSE(spool::excepthook_handler(nullptr));
  CHECK_FALSE(spool::excepthook_handler(no_function));
  CHECK_FALSE(spool::excepthook_handler(std::function<void(spool::thread_info const&, std::exception_ptr)>()));
  CHECK(spool::excepthook_handler([](spool::thread_info const&, std::exception_ptr) {}));
}

TEST_CASE("copies of a handler share one callable") {
  auto count = std::make_shared<int>(0);
  const spool::excepthook_handler one = [n = 0, count](spool::thread_info const&, std::exception_ptr) mutable {
    *count = ++n;
  };
  const spool::excepthook_handler two = one;
  one({}, nullptr);
  two({}, nullptr);
  CHECK(*count == 2);
}

TEST_CASE("a hook may set another hook, and so may the end of one that is replaced") {
  hook_scope restore;
  int ended = 0;
  struct resetting {
    int* ended;
    ~resetting() {
      spool::set_excepthook({});
      ++*ended;
    }
  };
  auto owned = std::make_shared<resetting>(resetting{&ended});
  ended = 0;  // the temporary's end is not meant
  spool::set_excepthook([owned](spool::thread_info const&, std::exception_ptr) { spool::set_excepthook({}); });
  owned.reset();
  report("x");
  CHECK(ended == 1);
  CHECK_FALSE(spool::set_excepthook({}));
}

TEST_CASE("hooks are replaced while exceptions arrive: each exception goes to one of them") {
  hook_scope restore;
  constexpr int rounds = 2000;
  std::atomic<int> seen{0};
  const auto hook = [&](spool::thread_info const&, std::exception_ptr) { ++seen; };
  spool::set_excepthook(hook);
  crew::run(4, [&](std::size_t me) {
    for (int n = 0; n < rounds; ++n) me == 0 ? void(spool::set_excepthook(hook)) : report("x");
  });
  CHECK(seen == 3 * rounds);
}

TEST_CASE("the library's own errors are not reported: broken promise, broken pool, cancelled") {
  hook_scope restore;
  std::vector<std::string> reported;
  spool::set_excepthook(
      [&](spool::thread_info const&, std::exception_ptr p) { reported.push_back(text_of(std::move(p))); });
  const auto leaves = [](auto error) { spool::detail::report_unhandled(std::make_exception_ptr(std::move(error))); };
  leaves(spool::broken_promise_error());
  leaves(spool::broken_pool_error());
  leaves(spool::cancelled_error());
  CHECK(reported.empty());
  leaves(spool::timeout_error("time"));
  leaves(spool::pool_shutdown_error("pool"));
  leaves(spool::queue_shutdown_error("queue"));
  leaves(spool::broken_barrier_error("barrier"));
  leaves(spool::usage_error("usage"));
  CHECK(reported == std::vector<std::string>{"time", "pool", "queue", "barrier", "usage"});
}

#if defined(CAN_READ_STDERR)

TEST_CASE("by default one line on stderr names the thread and the exception") {
  CHECK(stderr_of([] { report("the reason"); }) == "Exception in thread MainThread: the reason\n");
  CHECK(stderr_of([] { spool::detail::report_unhandled(std::make_exception_ptr(42)); }) ==
        "Exception in thread MainThread: not a std::exception\n");
  const std::string from_thread = stderr_of([] { crew::run(1, [] { report("why"); }); });
  CHECK_THAT(from_thread, Catch::Matchers::StartsWith("Exception in thread Dummy-"));
  CHECK_THAT(from_thread, Catch::Matchers::EndsWith(": why\n"));
}

TEST_CASE("an empty handler restores the default") {
  hook_scope restore;
  int called = 0;
  spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) { ++called; });
  spool::set_excepthook({});
  CHECK(stderr_of([] { report("again"); }) == "Exception in thread MainThread: again\n");
  CHECK(called == 0);
}

TEST_CASE("a hook that throws ends nothing: the default says what it was given") {
  hook_scope restore;
  int called = 0;
  spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) {
    ++called;
    throw std::logic_error("from the hook");
  });
  const std::string text = stderr_of([] { report("the first"); });
  CHECK(called == 1);
  CHECK_THAT(text, Catch::Matchers::EndsWith("Exception in thread MainThread: the first\n"));
  report("the second");
  CHECK(called == 2);
}

#endif
