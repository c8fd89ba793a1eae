// error: try_submit(f, args...) needs an f that can be called with
#include <spool/thread_pool.hpp>

bool misuse(spool::thread_pool& pool) {
#ifdef CORRECTED
  return pool.try_submit([](int) {}, 1).has_value();
#else
  return pool.try_submit([](int) {}).has_value();
#endif
}
