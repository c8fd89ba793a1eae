// examples/queues/washer_and_dryers.cpp · a queue that knows when all that was put into it has been dealt with
// SPDX-License-Identifier: MIT
#include <string>

#include <spool/queue.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  spool::queue<std::string> dishes;

  // Taking a dish does not mean that it is dry: task_done() says that.
  auto const dry = [&] {
    for (std::string const& dish : dishes) {
      print_line("[", clock.now(), "] ", spool::current_thread().name, " dries: ", dish);
      clock.sleep(5);
      print_line("[", clock.now(), "] ", spool::current_thread().name, " is done: ", dish);
      dishes.task_done();
    }
  };
  spool::thread dryer1(spool::thread_options{.name = "dryer-1"}, dry);
  spool::thread dryer2(spool::thread_options{.name = "dryer-2"}, dry);
  dryer1.start();
  dryer2.start();

  for (char const* const dish : {"apple plate", "banana bowl", "orange cup", "salad fork"}) {
    print_line("[", clock.now(), "] washing: ", dish);
    clock.sleep(1);
    dishes.put(dish);
  }
  print_line("[", clock.now(), "] all is washed");
  dishes.join();
  print_line("[", clock.now(), "] all is dry");

  dishes.shutdown();  // ends the dryers' loops: no need to leave them behind as daemons
}

// Unordered output:
// [<0..>] washing: apple plate
// [<1..>] washing: banana bowl
// [<2..>] washing: orange cup
// [<3..>] washing: salad fork
// [<1..>] dryer-<1..2> dries: apple plate
// [<2..>] dryer-<1..2> dries: banana bowl
// [<6..>] dryer-<1..2> dries: orange cup
// [<7..>] dryer-<1..2> dries: salad fork
// [<6..>] dryer-<1..2> is done: apple plate
// [<7..>] dryer-<1..2> is done: banana bowl
// [<11..>] dryer-<1..2> is done: orange cup
// [<12..>] dryer-<1..2> is done: salad fork
// [<4..>] all is washed
// [<12..>] all is dry
// In this order:
// [<4..>] all is washed
// [<12..>] all is dry
