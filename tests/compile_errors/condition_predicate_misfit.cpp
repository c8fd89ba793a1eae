// error: wait(guard, [stop,] [pred]) needs a guard variable with lock() and unlock()
#include <mutex>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>

void misuse(spool::condition& changed, std::unique_lock<spool::mutex>& held, int& left) {
#ifdef CORRECTED
  changed.wait(held, [&] { return left == 0; });
#else
  changed.wait(held, left == 0);
#endif
}
