// error: takes a range of spool::future<T>, not of std::future
#include <future>
#include <vector>

#include <spool/wait.hpp>

#ifdef CORRECTED
using handle = spool::future<int>;
#else
using handle = std::future<int>;
#endif

void misuse(std::vector<handle>& futures) { spool::wait(futures); }
