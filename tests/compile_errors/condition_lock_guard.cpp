// error: wait(guard, [stop,] [pred]) needs a guard variable with lock() and unlock()
#include <mutex>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>

void misuse(spool::condition& changed, spool::mutex& m) {
#ifdef CORRECTED
  std::unique_lock held(m);
#else
  std::lock_guard held(m);
#endif
  changed.wait(held);
}
