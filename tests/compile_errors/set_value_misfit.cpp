// error: set_value(x) needs an x that converts to
#include <string>

#include <spool/future.hpp>

void misuse(spool::promise<int> p) {
#ifdef CORRECTED
  p.set_value(1);
#else
  p.set_value(std::string("one"));
#endif
}
