// error: get_many(out, max) needs an output iterator
#include <iterator>
#include <vector>

#include <spool/queue.hpp>

std::size_t misuse(spool::queue<int>& items, std::vector<int>& all) {
#ifdef CORRECTED
  return items.get_many(std::back_inserter(all), 10);
#else
  return items.get_many(all, 10);
#endif
}
