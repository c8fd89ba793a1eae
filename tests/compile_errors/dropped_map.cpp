// error: a map that is dropped is cancelled: iterate over it, or use for_each()
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
#ifdef CORRECTED
  pool.for_each(numbers, [](int& n) { ++n; });
#else
  pool.map([](int& n) { ++n; }, numbers);
#endif
}
