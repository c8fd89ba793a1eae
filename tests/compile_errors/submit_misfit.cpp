// error: submit(f, args...) needs an f that can be called with
#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool) {
#ifdef CORRECTED
  pool.submit([](int, const char*) {}, 1, "two");
#else
  pool.submit([](int) {}, 1, "two");
#endif
}
