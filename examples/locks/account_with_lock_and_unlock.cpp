// examples/locks/account_with_lock_and_unlock.cpp · a hundred deposits, one at a time: locked and unlocked by hand
// SPDX-License-Identifier: MIT
#include <spool/recursive_mutex.hpp>
#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

class account {
public:
  explicit account(demo_clock const& clock) : clock_(clock) {}

  void deposit(int money) {
    lock_.lock();
    try {
      int const new_balance = balance_ + money;
      clock_.sleep(0.01);
      balance_ = new_balance;
    } catch (...) {
      lock_.unlock();  // on every way out, or all others wait for ever. Better to see: account_with_guard.cpp
      throw;
    }
    lock_.unlock();
  }
  int balance() const { return balance_; }

private:
  demo_clock const& clock_;
  spool::recursive_mutex lock_;
  int balance_ = 0;  // changed under lock_
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  account savings(clock);
  {
    spool::thread_pool pool{16};
    for (int i = 0; i < 100; ++i) pool.submit([&] { savings.deposit(1); });
  }  // all deposits are made; nobody else touches the account any more
  print_line("balance: ", savings.balance());
}

// Output:
// balance: 100
