// error: thread(options, f, args...) needs an f that can be called with
#include <spool/thread.hpp>

void misuse() {
#ifdef CORRECTED
  spool::thread worker({.name = "copier"}, [](int) {}, 1);
#else
  spool::thread worker({.name = "copier"}, [](int) {});
#endif
  worker.start();
}
