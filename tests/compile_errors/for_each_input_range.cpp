// error: for_each(range, f) needs a forward range, and an f that can be called with its elements
#include <iterator>

#include <spool/thread_pool.hpp>

struct keyboard {
  std::istream_iterator<int> begin() const;
  std::istream_iterator<int> end() const;
};

void misuse(spool::thread_pool& pool, keyboard& numbers) {
#ifdef CORRECTED
  for (int& n : pool.map({.buffer_size = 8}, [](int i) { return i; }, numbers)) static_cast<void>(n);
#else
  pool.for_each(numbers, [](int) {});
#endif
}
