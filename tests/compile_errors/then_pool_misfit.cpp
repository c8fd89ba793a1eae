// error: then([pool,] f) needs an f that can be called with the result, not with the future
#include <string>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, spool::future<int> f) {
#ifdef CORRECTED
  f.then(pool, [](int) {});
#else
  f.then(pool, [](std::string) {});
#endif
}
