// tests/flags/no_rtti.cpp · everything of spool, compiled without run-time type information
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <spool/spool.hpp>

#if defined(__cpp_rtti)
#error "this program is to be compiled with -fno-rtti"
#endif

namespace {

spool::future<int> twice(spool::future<int> f) { co_return 2 * co_await f; }

bool failure_comes_through(spool::thread_pool& pool) {
  try {
    pool.submit([]() -> int { throw std::runtime_error("oh"); }).result();
  } catch (const std::runtime_error& e) {
    return e.what() == std::string("oh");
  }
  return false;
}

}  // namespace

int main() {
  using namespace std::chrono_literals;
  spool::thread_pool pool(2);
  spool::queue<int> queue(4);
  spool::event fired;
  spool::timer timer(1ms, [&] { fired.set(); });
  timer.start();
  spool::thread producer([&] {
    for (int i = 0; i < 100; ++i) queue.put(i);
  });
  producer.start();
  int sum = 0;
  for (int i = 0; i < 100; ++i) sum += queue.get();
  producer.join();
  int squares = 0;
  for (const int square : pool.map([](int i) { return i * i; }, std::vector{1, 2, 3})) squares += square;
  const int doubled = twice(pool.submit([] { return 21; })).result();
  fired.wait();
  const bool right = sum == 4950 && squares == 14 && doubled == 42 && failure_comes_through(pool);
  std::printf("%d %d %d: %s\n", sum, squares, doubled, right ? "right" : "wrong");
  return right ? 0 : 1;
}
