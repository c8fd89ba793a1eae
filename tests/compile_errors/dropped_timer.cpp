// error: a timer runs once start() is called: name it
#include <spool/timer.hpp>

using namespace std::chrono_literals;

void misuse(void (*wake)(int)) {
#ifdef CORRECTED
  spool::timer alarm(1s, wake, 1);
  alarm.start();
  alarm.join();
#else
  spool::timer(1s, wake, 1);
#endif
}
