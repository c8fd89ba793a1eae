// error: result() of an rvalue moves the result out
#include <spool/future.hpp>

struct fixed {
  fixed() = default;
  fixed(fixed&&) = delete;
  int value = 1;
};

int misuse(spool::future<fixed> f) {
#ifdef CORRECTED
  return f.result().value;
#else
  return std::move(f).result().value;
#endif
}
