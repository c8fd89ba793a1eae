// error: barrier(parties, action) needs an action that can be called with nothing
#include <spool/barrier.hpp>

void misuse() {
#ifdef CORRECTED
  spool::barrier step(2, [] {});
#else
  spool::barrier step(2, [](int) {});
#endif
  step.abort();
}
