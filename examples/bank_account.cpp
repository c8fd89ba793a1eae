// examples/bank_account.cpp · a hundred deposits of 1, some of them lost; with a lock that its owner may take again, none
// SPDX-License-Identifier: MIT
#include <atomic>
#include <deque>
#include <mutex>

#include <spool/recursive_mutex.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

struct account {
  demo_clock const& clock;
  spool::rlock lock{};          // the same as spool::recursive_mutex
  std::atomic<int> balance{0};  // atomic only so that going without the lock is no undefined behaviour

  void deposit_carelessly(int money) {
    int const before = balance;
    clock.sleep(0.01);  // so slow is the bank
    balance = before + money;
  }
  void deposit(int money) {
    std::scoped_lock const held(lock);
    deposit_carelessly(money);
  }
  /// Takes the lock, and again in each deposit: nobody else's comes between the two.
  void deposit_in_two_parts(int money) {
    std::scoped_lock const held(lock);
    deposit(money / 2);
    deposit(money - money / 2);
  }
};

/// The balance after a hundred deposits, each in a thread of its own.
template <class Deposit>
int after_a_hundred(demo_clock const& clock, Deposit deposit) {
  account mine{clock};
  std::deque<spool::thread> threads;
  for (int i = 0; i < 100; ++i) threads.emplace_back([&] { (mine.*deposit)(1); }).start();
  for (spool::thread& t : threads) t.join();
  return mine.balance;
}

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  print_line("without a lock: ", after_a_hundred(clock, &account::deposit_carelessly));
  print_line("with a lock: ", after_a_hundred(clock, &account::deposit));
  print_line("with a lock taken twice: ", after_a_hundred(clock, &account::deposit_in_two_parts));
}

// Output:
// without a lock: <1..100>
// with a lock: 100
// with a lock taken twice: 100
