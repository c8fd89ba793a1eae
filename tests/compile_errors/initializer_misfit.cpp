// error: needs a callable that fits
#include <spool/thread_pool.hpp>

void misuse() {
#ifdef CORRECTED
  spool::thread_pool pool(spool::pool_options{.initializer = [] {}});
#else
  spool::thread_pool pool(spool::pool_options{.initializer = [](int) {}});
#endif
}
