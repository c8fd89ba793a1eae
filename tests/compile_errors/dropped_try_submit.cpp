// error: it may have been refused: look at it, or post()
#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool) {
#ifdef CORRECTED
  pool.post([] {});
#else
  pool.try_submit([] {});
#endif
}
