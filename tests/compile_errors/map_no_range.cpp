// error: needs ranges, and an f that may be moved in and called with an element of each
#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool) {
#ifdef CORRECTED
  const int numbers[] = {10};
  for (int& n : pool.map([](int i) { return i; }, numbers)) static_cast<void>(n);
#else
  for (int& n : pool.map([](int i) { return i; }, 10)) static_cast<void>(n);
#endif
}
