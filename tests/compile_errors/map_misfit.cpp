// error: needs ranges, and an f that may be moved in and called with an element of each
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
#ifdef CORRECTED
  for (int& sum : pool.map([](int a, int b) { return a + b; }, numbers, numbers)) static_cast<void>(sum);
#else
  for (int& sum : pool.map([](int a, int b) { return a + b; }, numbers)) static_cast<void>(sum);
#endif
}
