// examples/downloads.cpp · three downloads take as long as all of them, or in threads as long as the longest
// SPDX-License-Identifier: MIT
#include <deque>
#include <functional>
#include <string>

#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

struct file {
  std::string name;
  double seconds;  // that its download takes
};
file const files[] = {{"a book", 3}, {"a film", 6}, {"a song", 5}};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  auto const download = [&](file const& f) {
    print_line("downloading ", f.name);
    clock.sleep(f.seconds);
    print_line("got ", f.name);
  };

  for (file const& f : files) download(f);
  double const before = clock.now();
  print_line("one after the other: ", before, " s");

  std::deque<spool::thread> threads;
  for (file const& f : files) threads.emplace_back(download, std::cref(f)).start();
  for (spool::thread& t : threads) t.join();
  print_line("all at once: ", clock.now() - before, " s");
}

// Output:
// downloading a book
// got a book
// downloading a film
// got a film
// downloading a song
// got a song
// one after the other: <14..> s
// Unordered output:
// downloading a book
// downloading a film
// downloading a song
// got a book
// got a film
// got a song
// Output:
// all at once: <5.9..> s
