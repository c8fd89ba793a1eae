// tests/loaded/library.cpp · a library that a program loads and unloads; see loaded_library_test.cpp
// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <string>

#include <spool/spool.hpp>

using namespace std::chrono_literals;

namespace {

// The loader's lock is held while these are made.
std::atomic<int> answer{0};
spool::thread worker([] {
  static_cast<void>(spool::current_thread());
  answer = 42;
});
const bool started = (worker.start(), true);
const bool joined = (worker.join(), true);
const int of_a_pool = spool::thread_pool(2).submit([] { return 1; }).result();
const bool timer_fired = [] {
  spool::timer t(0s, [] {});
  t.start();
  t.join();
  return true;
}();

}  // namespace

extern "C" int library_answer() { return started && joined && of_a_pool == 1 && timer_fired ? answer.load() : 0; }

/// Leaves threads behind that end later: one that waits for timers, a daemon, one of a pool that was destroyed in it.
extern "C" void library_leave_threads() {
  spool::timer t(0s, [] {});
  t.start();
  t.join();
  spool::thread({.name = {}, .daemon = true}, [] { std::this_thread::sleep_for(20ms); }).start();
  auto* const pool = new spool::thread_pool(1);
  pool->submit([pool] { delete pool; }).wait();
}

/// Leaves something to be done when the calling thread ends.
extern "C" void library_meet_caller() {
  static_cast<void>(spool::current_thread());
  spool::queue<std::string>().put("a block of memory");
}
