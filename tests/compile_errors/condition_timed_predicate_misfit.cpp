// error: wait_for(guard, d, [pred]) needs a guard variable with lock() and unlock()
#include <mutex>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>

bool misuse(spool::condition& changed, std::unique_lock<spool::mutex>& held, int& left) {
  using namespace std::chrono_literals;
#ifdef CORRECTED
  return changed.wait_for(held, 1s, [&] { return --left == 0; });
#else
  return changed.wait_for(held, 1s, [&] { --left; });
#endif
}
