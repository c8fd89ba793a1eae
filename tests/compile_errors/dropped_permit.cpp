// error: a permit is given back where it ends: name it
#include <spool/semaphore.hpp>

void misuse(spool::semaphore& slots) {
#ifdef CORRECTED
  const spool::permit held{slots};
#else
  spool::permit{slots};
#endif
}
