// error: it waits only while it is iterated over: for (auto& f : as_completed(futures))
#include <vector>

#include <spool/wait.hpp>

void misuse(std::vector<spool::future<int>>& futures) {
#ifdef CORRECTED
  for (auto& f : spool::as_completed(futures)) f.result();
#else
  spool::as_completed(futures);
#endif
}
