// error: needs ranges, and an f that may be moved in and called with an element of each
#include <vector>

#include <spool/thread_pool.hpp>

struct counter {
  counter() = default;
  counter(counter&&) = default;
  int operator()(int i) const { return i; }
};

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
  counter count;
#ifdef CORRECTED
  for (int& n : pool.map(std::move(count), numbers)) static_cast<void>(n);
#else
  for (int& n : pool.map(count, numbers)) static_cast<void>(n);
#endif
}
