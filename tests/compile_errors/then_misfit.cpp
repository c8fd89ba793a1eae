// error: then([pool,] f) needs an f that can be called with the result, not with the future
#include <string>

#include <spool/future.hpp>

void misuse(spool::future<int> f) {
#ifdef CORRECTED
  f.then([](int) {});
#else
  f.then([](spool::future<int>) {});
#endif
}
