// tests/consumers/sum.cpp · the program's second translation unit
// SPDX-License-Identifier: MIT
#if __has_include(<spool/spool.hpp>)
#include <spool/queue.hpp>
#else
#include <spool.hpp>
#endif

int sum_of(spool::queue<int>& numbers);

int sum_of(spool::queue<int>& numbers) {
  int sum = 0;
  for (int n : numbers) sum += n;
  return sum;
}
