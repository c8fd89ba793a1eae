// error: for_each(range, f) needs a forward range, and an f that can be called with its elements
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
#ifdef CORRECTED
  pool.for_each(numbers, [](int& n) { ++n; });
#else
  pool.for_each(numbers, [](int* n) { ++*n; });
#endif
}
