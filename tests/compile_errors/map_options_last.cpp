// error: needs ranges, and an f that may be moved in and called with an element of each
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
  const auto same = [](int i) { return i; };
#ifdef CORRECTED
  for (int& n : pool.map(spool::map_options{.chunk_size = 2}, same, numbers)) static_cast<void>(n);
#else
  for (int& n : pool.map(same, numbers, spool::map_options{.chunk_size = 2})) static_cast<void>(n);
#endif
}
