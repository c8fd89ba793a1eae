// error: needs ranges, and an f that may be moved in and called with an element of each
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
#ifdef CORRECTED
  for (char& c : pool.map_unordered({.chunk_size = 2}, [](int) { return 'x'; }, numbers)) c = 'y';
#else
  for (char& c : pool.map_unordered({.chunk_size = 2}, [](char*) { return 'x'; }, numbers)) c = 'y';
#endif
}
