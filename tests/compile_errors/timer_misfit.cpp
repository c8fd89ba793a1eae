// error: timer(delay, f, args...) needs a delay with a unit
#include <spool/timer.hpp>

using namespace std::chrono_literals;

void misuse() {
#ifdef CORRECTED
  spool::timer alarm(1s, [](int) {}, 1);
#else
  spool::timer alarm(1s, [](int) {});
#endif
  alarm.start();
}
