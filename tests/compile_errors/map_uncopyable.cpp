// error: needs ranges, and an f that may be moved in and called with an element of each
#include <cstddef>
#include <mutex>
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<std::size_t>& numbers, std::vector<std::mutex>& locks) {
  // The results of the first map are gone through once: the second has to copy or move them.
#ifdef CORRECTED
  auto chosen = pool.map([&](std::size_t i) { return &locks[i]; }, numbers);
  for (bool& free : pool.map([](std::mutex* m) { return m->try_lock(); }, chosen)) static_cast<void>(free);
#else
  auto chosen = pool.map([&](std::size_t i) -> std::mutex& { return locks[i]; }, numbers);
  for (bool& free : pool.map([](std::mutex& m) { return m.try_lock(); }, chosen)) static_cast<void>(free);
#endif
}
