// thread_join_test.cpp · what a thread that has ended still does before its join() returns
// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <thread>

#include <spool/thread.hpp>

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

#include <support/catch.hpp>

#if __has_include(<pthread.h>)

// The destructors of thread-specific data run after those of thread-locals: the thread is listed no more then, but it is
// not gone. One that joined while another thread joined already was once let go at that moment.
TEST_CASE("when join() returns the thread's POSIX thread-specific data is destroyed, though another joins it, too") {
  static std::atomic<int> returned;
  static std::atomic<bool> too_early;
  pthread_key_t key{};
  REQUIRE(pthread_key_create(&key, [](void*) {
            const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
            while (returned.load() == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
            if (returned.load() != 0) too_early.store(true);
          }) == 0);
  for (int round = 0; round < 3; ++round) {
    returned.store(0);
    spool::thread t([key] { pthread_setspecific(key, &returned); });
    t.start();
    std::thread others[2];
    for (std::thread& other : others) {
      other = std::thread([&t] {
        t.join();
        returned.fetch_add(1);
      });
    }
    for (std::thread& other : others) other.join();
  }
  CHECK(!too_early.load());
  CHECK(returned.load() == 2);
  pthread_key_delete(key);
}

#endif
