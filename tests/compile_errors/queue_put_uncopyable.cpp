// error: put(x) copies x, which cannot be copied: write put(std::move(x))
#include <memory>

#include <spool/queue.hpp>

void misuse(spool::queue<std::unique_ptr<int>>& items, std::unique_ptr<int>& item) {
#ifdef CORRECTED
  items.put(std::move(item));
#else
  items.put(item);
#endif
}
