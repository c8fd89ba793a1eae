// examples/threads/shared_list.cpp · threads see the same objects: both add to one list
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <mutex>
#include <vector>

#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "support/list_text.hpp"
#include "support/print.hpp"

int main() {
  // In Python the interpreter lets one thread at a time change a list. In C++ nobody does, so the list gets a lock.
  spool::mutex lock;
  std::vector<int> list;
  auto const append = [&](int number) {
    std::scoped_lock const guard(lock);
    list.push_back(number);
  };

  spool::thread thread1(append, 1);
  spool::thread thread2(append, 2);
  thread1.start();
  thread2.start();
  thread1.join();
  thread2.join();

  // After the joins main is alone with the list, and needs no lock. Which thread came first is luck, so it sorts.
  std::ranges::sort(list);
  print_line("what two threads made of one list: ", list_text(list));
}

// Output:
// what two threads made of one list: [1, 2]
