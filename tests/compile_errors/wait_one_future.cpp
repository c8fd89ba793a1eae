// error: takes a range of spool::future<T>, not of std::future
#include <vector>

#include <spool/wait.hpp>

void misuse(spool::future<int>& f) {
#ifdef CORRECTED
  f.wait();
#else
  spool::wait(f);
#endif
}
