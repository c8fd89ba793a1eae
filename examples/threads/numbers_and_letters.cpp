// examples/threads/numbers_and_letters.cpp · two functions one after the other, then both at once
// SPDX-License-Identifier: MIT
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const numbers = [&] {
    for (int number = 1; number <= 5; ++number) {
      print_line("  number ", number);
      clock.sleep(0.1);
    }
  };
  auto const letters = [&] {
    for (char const letter : {'a', 'b', 'c', 'd', 'e'}) {
      print_line("  letter ", letter);
      clock.sleep(0.1);
    }
  };

  print_line("one after the other:");
  double const start = clock.now();
  numbers();
  letters();
  double const between = clock.now();
  print_line("that took ", between - start, " s");

  print_line("both at once:");
  spool::thread thread1(numbers);
  spool::thread thread2(letters);
  thread1.start();
  thread2.start();
  thread1.join();
  thread2.join();
  print_line("that took ", clock.now() - between, " s");
}

// Output:
// one after the other:
//   number 1
//   number 2
//   number 3
//   number 4
//   number 5
//   letter a
//   letter b
//   letter c
//   letter d
//   letter e
// that took <1..> s
// both at once:
// Unordered output:
//   number 1
//   letter a
//   number 2
//   letter b
//   number 3
//   letter c
//   number 4
//   letter d
//   number 5
//   letter e
// Output:
// that took <0.5..> s
