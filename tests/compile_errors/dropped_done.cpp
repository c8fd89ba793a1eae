// error: declared with
#include <spool/future.hpp>

void misuse(spool::future<int>& f) {
#ifdef CORRECTED
  f.wait();
#else
  f.done();
#endif
}
