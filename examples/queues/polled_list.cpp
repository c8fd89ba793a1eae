// examples/queues/polled_list.cpp · a list behind a lock, asked again and again: what a queue spares
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"
#include "support/progress_line.hpp"

/// Safe to use from several threads; but it can't be waited for.
class thread_safe_list {
public:
  void append(int item) {
    std::scoped_lock const held{mutex_};
    items_.push_back(item);
  }
  std::vector<int> take_all() {
    std::scoped_lock const held{mutex_};
    return std::exchange(items_, {});
  }

private:
  spool::mutex mutex_;
  std::vector<int> items_;  // guarded by mutex_
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  thread_safe_list progress;

  spool::thread ui([&] {
    std::size_t looks = 0;
    for (int shown = 0; shown < 100; ++looks) {  // a processor is busy all the time, mostly finding nothing
      for (int const percent : progress.take_all()) print_line(progress_line(shown = percent));
    }
    print_line("looked ", looks, " times for 5 messages; a queue wakes who waits, once for each");
  });
  spool::thread download([&] {
    for (int percent = 20; percent <= 100; percent += 20) {
      clock.sleep(0.5);
      progress.append(percent);
    }
  });
  ui.start();
  download.start();
  ui.join();
}

// Output:
// [##........]  20 %
// [####......]  40 %
// [######....]  60 %
// [########..]  80 %
// [##########] 100 %
// looked <100..> times for 5 messages; a queue wakes who waits, once for each
