// error: queue<T> needs a T that can be moved or copied
#include <spool/queue.hpp>

#ifdef CORRECTED
spool::queue<int*> items;
#else
spool::queue<int&> items;
#endif
