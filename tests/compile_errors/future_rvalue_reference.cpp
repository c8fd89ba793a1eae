// error: future<T> needs a T that is void, an lvalue reference, or an object type
#include <spool/future.hpp>

#ifdef CORRECTED
spool::future<int> misused;
#else
spool::future<int&&> misused;
#endif
