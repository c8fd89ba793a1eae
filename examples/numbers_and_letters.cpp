// examples/numbers_and_letters.cpp · two jobs, one after the other, then at the same time
// SPDX-License-Identifier: MIT
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const numbers = [&] {
    for (int n = 0; n < 5; ++n) {
      clock.sleep(1);
      print_line(n);
    }
  };
  auto const letters = [&] {
    for (char c = 'a'; c < 'f'; ++c) {
      clock.sleep(1);
      print_line(c);
    }
  };

  numbers();
  letters();
  double const one_after_the_other = clock.now();
  print_line("one after the other: ", one_after_the_other, " s");

  spool::thread first(numbers), second(letters);
  first.start();
  second.start();
  first.join();
  second.join();
  print_line("at the same time: ", clock.now() - one_after_the_other, " s");
}

// Output:
// 0
// 1
// 2
// 3
// 4
// a
// b
// c
// d
// e
// one after the other: <10..> s
// Unordered output:
// 0
// 1
// 2
// 3
// 4
// a
// b
// c
// d
// e
// Output:
// at the same time: <4.9..> s
