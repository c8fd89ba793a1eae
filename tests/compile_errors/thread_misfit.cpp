// error: thread(f, args...) needs an f that can be called with
#include <spool/thread.hpp>

void misuse() {
#ifdef CORRECTED
  spool::thread worker([](int) {}, 1);
#else
  spool::thread worker([](int) {});
#endif
  worker.start();
}
