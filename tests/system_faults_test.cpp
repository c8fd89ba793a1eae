// tests/system_faults_test.cpp · what a thread asks of the library when the C library refuses it memory and threads
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <spool/spool.hpp>

#include "support/failing_malloc.hpp"

using namespace std::chrono_literals;

namespace {

/// Calls f in new threads, in which the first, the second, ... request is refused, until it comes through.
/// Returns  how often it was refused by an exception that says so.
int refusals_of(const std::function<void()>& f) {
  int refusals = 0;
  bool done = false;
  for (int n = 1; !done; ++n) {
    std::thread([&] {
      const failing_system refuse(n);
      try {
        f();
        done = true;
      } catch (const std::bad_alloc&) {
        ++refusals;
      } catch (const std::system_error&) {
        ++refusals;
      }
    }).join();
    REQUIRE(n < 1000);
  }
  return refusals;
}

}  // namespace

TEST_CASE("the first block of a thread is there, or std::bad_alloc is thrown and nothing put") {
  spool::queue<std::string> q;
  CHECK(refusals_of([&] { q.put("x"); }) >= 0);
  CHECK(q.size() == 1);
  CHECK(refusals_of([] { spool::promise<int>().set_value(1); }) > 0);
}

TEST_CASE("a pool takes a task of a thread without memory, or refuses it and has not run it") {
  spool::thread_pool pool(1);
  pool.submit([] {}).wait();
  std::atomic<int> ran{0};
  CHECK(refusals_of([&] { pool.submit([&] { ++ran; }).wait(); }) > 0);
  CHECK(ran == 1);
  CHECK(refusals_of([&] { spool::thread_pool(1).submit([&] { ++ran; }).wait(); }) > 0);
  CHECK(ran == 2);
}

TEST_CASE("a thread starts, or says why not and can be started again") {
  int ran = 0;
  spool::thread t([&] { ++ran; });
  CHECK(refusals_of([&] { t.start(); }) > 0);
  t.join();
  CHECK(ran == 1);
  CHECK(spool::active_count() == 1);
}

TEST_CASE("a timer starts, or says why not and can be started again") {
  std::atomic<int> fired{0};
  spool::timer t(0s, [&] { ++fired; });
  CHECK(refusals_of([&] { t.start(); }) > 0);
  t.join();
  CHECK(fired == 1);
}

TEST_CASE(
    "a thread without memory that asks who it is, is told or gets std::bad_alloc, and is listed no more at its end") {
  const std::size_t before = spool::active_count();
  CHECK(refusals_of([] { static_cast<void>(spool::current_thread()); }) > 0);
  CHECK(spool::active_count() == before);
}

#endif
