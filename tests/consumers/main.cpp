// tests/consumers/main.cpp · what every consumer builds: a program that uses the pool and a queue
// SPDX-License-Identifier: MIT
#if __has_include(<spool/spool.hpp>)
#include <spool/spool.hpp>
#else
#include <spool.hpp>
#endif

#include <cstdio>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#ifndef SPOOL_FUTEX
#define SPOOL_FUTEX own
#endif

int sum_of(spool::queue<int>& numbers);  // in sum.cpp

int main() {
  spool::queue<int> squares;
  spool::thread_pool pool;
  auto sum = pool.submit([&] { return sum_of(squares); });
  pool.for_each(std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, [&](int n) { squares.put(n * n); });
  squares.shutdown();
  std::printf("spool %d.%d.%d on %s futex: %d\n", spool::version_major, spool::version_minor, spool::version_patch,
              TEXT(SPOOL_FUTEX), sum.result());
}
