// error: future<T> needs a T that is void, an lvalue reference, or an object type
#include <array>

#include <spool/future.hpp>

#ifdef CORRECTED
spool::future<std::array<int, 2>> misused;
#else
spool::future<int[2]> misused;
#endif
