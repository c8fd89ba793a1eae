// examples/locks/deposit_and_withdraw.cpp · who wants to withdraw waits, on a condition, until there is enough in the account
// SPDX-License-Identifier: MIT
#include <deque>
#include <mutex>

#include <spool/condition.hpp>
#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "support/demo_clock.hpp"
#include "support/print.hpp"

class account {
public:
  void deposit(int money) {
    std::scoped_lock const held(lock_);
    balance_ += money;
    grown_.notify_all();  // they want different sums: each looks for itself
  }
  int withdraw(int money) {  // gives what is left
    std::unique_lock held(lock_);
    grown_.wait(held, [&] { return balance_ >= money; });
    return balance_ -= money;
  }

private:
  spool::mutex lock_;
  spool::condition grown_;
  int balance_ = 0;  // guarded by lock_
};

int main(int argc, char** argv) {
  demo_clock const clock{argc, argv};
  account mine;
  std::deque<spool::thread> threads;
  for (int money = 10; money <= 50; money += 10) {
    threads.emplace_back([&, money] { print_line("withdrew ", money, ", left: ", mine.withdraw(money)); }).start();
  }
  for (int i = 0; i < 5; ++i) {
    threads
        .emplace_back([&] {
          for (int k = 0; k < 4; ++k) {
            clock.sleep(0.2);
            mine.deposit(10);
          }
        })
        .start();
  }
  for (spool::thread& t : threads) t.join();
  print_line("all have their money; left: ", mine.withdraw(50));
}

// Unordered output:
// withdrew 10, left: <0..>
// withdrew 20, left: <0..>
// withdrew 30, left: <0..>
// withdrew 40, left: <0..>
// withdrew 50, left: <0..>
// Output:
// all have their money; left: 0
