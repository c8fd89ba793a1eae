// error: post(f, args...) needs an f that can be called with
#include <functional>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool) {
#ifdef CORRECTED
  pool.post([](int& counter) { ++counter; }, std::ref(*new int(0)));
#else
  pool.post([](int& counter) { ++counter; }, 0);
#endif
}
