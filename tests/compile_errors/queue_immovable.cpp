// error: queue<T> needs a T that can be moved or copied
#include <memory>
#include <mutex>

#include <spool/queue.hpp>

#ifdef CORRECTED
using item = std::unique_ptr<std::mutex>;
#else
using item = std::mutex;
#endif

void misuse() { spool::queue<item> items; }
