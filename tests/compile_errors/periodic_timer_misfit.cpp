// error: periodic_timer(interval, f, args...) needs an interval with a unit
#include <memory>

#include <spool/timer.hpp>

using namespace std::chrono_literals;

void misuse() {
#ifdef CORRECTED
  spool::periodic_timer tick(1s, [](std::unique_ptr<int>&) {}, std::make_unique<int>(1));
#else
  spool::periodic_timer tick(1s, [](std::unique_ptr<int>) {}, std::make_unique<int>(1));
#endif
  tick.start();
}
