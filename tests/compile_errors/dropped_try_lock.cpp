// error: declared with
#include <spool/mutex.hpp>

bool misuse(spool::mutex& m) {
#ifdef CORRECTED
  return m.try_lock();
#else
  m.try_lock();
  return true;
#endif
}
