// examples/locks/account_without_lock.cpp · a hundred deposits at once, most of which are lost
// SPDX-License-Identifier: MIT
#include <atomic>

#include <spool/thread_pool.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

class account {
public:
  explicit account(demo_clock const& clock) : clock_(clock) {}

  void deposit(int money) {
    int const new_balance = balance_.load(std::memory_order_relaxed) + money;
    clock_.sleep(0.01);  // meanwhile others read the same old balance, so that of all these deposits one will count
    balance_.store(new_balance, std::memory_order_relaxed);
  }
  int balance() const { return balance_.load(std::memory_order_relaxed); }

private:
  demo_clock const& clock_;
  std::atomic<int> balance_{0};  // with a plain int, anything might happen: that is a data race
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  account savings(clock);
  {
    spool::thread_pool pool{16};
    for (int i = 0; i < 100; ++i) pool.submit([&] { savings.deposit(1); });
  }
  print_line("deposited: 100");
  print_line("balance:   ", savings.balance());
}

// Output:
// deposited: 100
// balance:   <1..99>
