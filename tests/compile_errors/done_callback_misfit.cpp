// error: add_done_callback(f) needs an f that can be called with the future
#include <string>

#include <spool/future.hpp>

void misuse(spool::future<int> f) {
#ifdef CORRECTED
  f.add_done_callback([](spool::future<int> const&) {});
#else
  f.add_done_callback([](std::string) {});
#endif
}
