// examples/queues/progress_messages.cpp · messages of several kinds, from the thread that works to the one that shows
// SPDX-License-Identifier: MIT
#include <string>
#include <variant>

#include <spool/queue.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"
#include "support/progress_line.hpp"

// A message is one of these. A kind that the visitor below forgets is an error when the program is compiled.
struct started {
  std::string what;
};
struct progressed {
  int percent;
};
struct completed {};
using message = std::variant<started, progressed, completed>;

struct screen {
  void operator()(started const& m) const { print_line("downloading ", m.what); }
  void operator()(progressed const& m) const { print_line(progress_line(m.percent)); }
  void operator()(completed const&) const { print_line("complete"); }
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  spool::queue<message> messages;

  // Asleep until there is a message; compare polled_list, which asks again and again.
  spool::thread ui([&] {
    for (message const& m : messages) std::visit(screen{}, m);
  });
  spool::thread download([&] {
    messages.put(started{"a video"});
    for (int percent = 20; percent <= 100; percent += 20) {
      clock.sleep(0.5);
      messages.put(progressed{percent});
    }
    messages.put(completed{});
    messages.shutdown();  // ends the loop of the other, once it has shown all
  });
  ui.start();
  download.start();
  ui.join();
}

// Output:
// downloading a video
// [##........]  20 %
// [####......]  40 %
// [######....]  60 %
// [########..]  80 %
// [##########] 100 %
// complete
