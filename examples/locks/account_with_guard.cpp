// examples/locks/account_with_guard.cpp · a hundred deposits, one at a time: the guard unlocks on every way out
// SPDX-License-Identifier: MIT
#include <mutex>

#include <spool/recursive_mutex.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

class account {
public:
  explicit account(demo_clock const& clock) : clock_(clock) {}

  void deposit(int money) {
    std::scoped_lock const guard(lock_);
    int const new_balance = balance() + money;  // locks again: its owner may, as the mutex is a recursive one
    clock_.sleep(0.01);
    balance_ = new_balance;
  }
  int balance() const {
    std::scoped_lock const guard(lock_);
    return balance_;
  }

private:
  demo_clock const& clock_;
  spool::recursive_mutex mutable lock_;
  int balance_ = 0;  // read and written under lock_
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  account savings(clock);
  {
    spool::thread_pool pool{16};
    for (int i = 0; i < 100; ++i) pool.submit([&] { savings.deposit(1); });
  }
  print_line("balance: ", savings.balance());
}

// Output:
// balance: 100
