// tests/thread_pool_refused_threads_test.cpp · pools that were refused a thread, for a moment or for a while
// SPDX-License-Identifier: MIT
//
// Whatever was accepted runs once threads are to be had again, though nobody gives the pool a reason to ask. A test that
// hangs is ended by the test runner's timeout.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <spool/barrier.hpp>
#include <spool/condition.hpp>
#include <spool/errors.hpp>
#include <spool/event.hpp>
#include <spool/future.hpp>
#include <spool/mutex.hpp>
#include <spool/queue.hpp>
#include <spool/semaphore.hpp>
#include <spool/thread.hpp>
#include <spool/thread_pool.hpp>
#include <spool/timer.hpp>
#include <spool/wait.hpp>

#include "support/busy.hpp"
#include "support/catch.hpp"
#include "support/contract_kit.hpp"
#include "support/eventually.hpp"
#include "support/refused_threads.hpp"

using namespace std::chrono_literals;
using spool::future;
using spool::promise;
using spool::thread_pool;
using steady = std::chrono::steady_clock;

namespace {

/// Refuses threads until the system was asked for so many.
void refuse_until_asked(int times) {
  eventually([times] { return threads_refused >= times; });
  threads_left = no_limit;
}

}  // namespace

TEST_CASE("a task from outside runs though the system refused a thread once, when the stand-ins had retired") {
  for (const int refusals : {1, 2, 5, 20}) {
    CAPTURE(refusals);
    thread_pool pool(1);
    promise<void> p;
    const auto waits = pool.submit([&] {
      pool.post([] {});
      p.get_future().wait();
    });
    eventually([&] { return pool.worker_count() == 2; });
    eventually([&] { return pool.worker_count() == 1; });  // the one that stood in has retired
    threads_refused = 0;
    threads_left = 0;
    gate done;
    pool.post([&] {
      p.set_value();
      done.open();
    });
    refuse_until_asked(refusals);
    done.wait();  // this thread does nothing for the pool
    waits.wait();
  }
}

TEST_CASE("a task runs though a thread was refused for a while, when the only one that waits is a task that sleeps") {
  thread_pool pool(1);
  promise<void> p;
  gate waiting, done;
  const auto waits = pool.submit([&, f = p.get_future()] {
    waiting.open();
    f.wait();
  });
  waiting.wait();
  let_others_sleep();
  const no_threads guard;
  pool.post([&] {
    p.set_value();
    done.open();
  });
  refuse_until_asked(10);
  done.wait();
  waits.wait();
}

TEST_CASE("while a thread is owed, another sleeper asks when the one that did goes on with its task") {
  thread_pool pool(2);
  promise<void> first, second;
  gate went_on, done;
  std::atomic<int> waiting{0};
  const auto goes_on = pool.submit([&, f = first.get_future()] {
    ++waiting;
    f.wait();
    went_on.open();
    done.wait();
  });
  eventually([&] { return waiting == 1; });
  let_others_sleep();
  const auto sleeps = pool.submit([&, f = second.get_future()] {
    ++waiting;
    f.wait();
  });
  eventually([&] { return waiting == 2 && pool.worker_count() == 2; });
  let_others_sleep();
  const no_threads guard;
  pool.post([&] { done.open(); });
  eventually([] { return threads_refused >= 8; });
  first.set_value();
  went_on.wait();
  refuse_until_asked(threads_refused + 5);
  done.wait();
  second.set_value();
  goes_on.wait();
  sleeps.wait();
}

namespace {

/// Two workers, of which the second was refused; the task of the first sleeps until the second's has run. Nobody waits for
/// the pool, or submits.
template <class Sleep, class Wake>
void check_that_the_sleeper_asks_again(Sleep sleep, Wake wake) {
  thread_pool pool(2);
  gate begun, done;
  pool.post([&] {
    begun.open();
    sleep();
  });
  begun.wait();
  let_others_sleep();
  const no_threads guard;
  pool.post([&] {
    wake();
    done.open();
  });
  refuse_until_asked(10);
  done.wait();
}

}  // namespace

TEST_CASE("a worker whose task sleeps in a lock, a queue or a join asks again for a refused thread") {
  spool::event e;
  spool::mutex m;
  spool::semaphore s(0);
  spool::barrier b(2);
  spool::queue<int> q;
  spool::condition c;
  bool told = false;
  check_that_the_sleeper_asks_again([&] { e.wait(); }, [&] { e.set(); });
  e.clear();
  m.lock();
  check_that_the_sleeper_asks_again([&] { m.lock(); }, [&] { m.unlock(); });
  m.unlock();
  check_that_the_sleeper_asks_again([&] { s.acquire(); }, [&] { s.release(); });
  check_that_the_sleeper_asks_again([&] { CHECK(s.try_acquire_for(1h)); }, [&] { s.release(); });
  check_that_the_sleeper_asks_again([&] { b.wait(); }, [&] { b.wait(); });
  check_that_the_sleeper_asks_again([&] { q.get(); }, [&] { q.put(1); });
  check_that_the_sleeper_asks_again(
      [&] {
        std::unique_lock held(m);
        c.wait(held, [&] { return told; });
      },
      [&] {
        const std::scoped_lock held(m);
        told = true;
        c.notify_all();
      });
  spool::thread t([&] { e.wait(); });
  t.start();
  check_that_the_sleeper_asks_again([&] { t.join(); }, [&] { e.set(); });
}

TEST_CASE("a timer's thread whose callback sleeps in an event asks again for a refused thread") {
  spool::event go;
  gate sleeping, done;
  spool::timer first(0s, [&] {
    sleeping.open();
    go.wait();
  });
  spool::timer second(0s, [&] {
    go.set();
    done.open();
  });
  first.start();
  sleeping.wait();
  {
    const no_threads guard;
    second.start();  // comes back when it has given up asking
  }
  done.wait();
}

namespace {

/// Two workers, of which the second was refused: the first is blocked until the second's task has run. Whoever waits
/// by `wait(pool, future of the first)` in another thread, asleep before the refusal, has to ask for the second.
void check_that_a_waiter_asks_again(std::function<void(thread_pool&, future<void> const&)> wait) {
  for (const bool asleep_before : {true, false}) {
    CAPTURE(asleep_before);
    auto pool = std::make_unique<thread_pool>(2);
    gate opened;
    const auto blocked = pool->submit([&] { opened.wait(); });
    std::thread waiter;
    if (asleep_before) {
      waiter = std::thread([&] { wait(*pool, blocked); });
      std::this_thread::sleep_for(40ms);  // makes it likelier that it sleeps; decides nothing
    }
    threads_refused = 0;
    threads_left = 0;
    pool->post([&] { opened.open(); });
    if (asleep_before) {
      refuse_until_asked(8);
      waiter.join();
    } else {
      threads_left = no_limit;
      wait(*pool, blocked);
    }
    opened.wait();
    blocked.wait();
  }
}

}  // namespace

TEST_CASE("a thread outside that waits for a result asks again for a refused thread") {
  check_that_a_waiter_asks_again([](auto&, future<void> const& f) { f.wait(); });
}

TEST_CASE("a thread outside that waits for some of several results asks again for a refused thread") {
  check_that_a_waiter_asks_again([](auto&, future<void> const& f) {
    promise<void> never;
    static_cast<void>(spool::wait(std::vector{never.get_future(), f}, spool::first_completed));
  });
}

TEST_CASE("a thread outside that waits for the pool to be idle asks again for a refused thread") {
  check_that_a_waiter_asks_again([](auto& pool, auto const&) { pool.wait_idle(); });
}

TEST_CASE("a task of another pool that waits asks again for a refused thread") {
  thread_pool other(1);
  other.submit([] {}).wait();
  check_that_a_waiter_asks_again([&](auto&, future<void> const& f) { other.submit([&] { f.wait(); }).wait(); });
}

TEST_CASE("a pool that shuts down, or is destroyed, asks again for a refused thread") {
  for (const bool by_destructor : {true, false}) {
    CAPTURE(by_destructor);
    gate opened;
    auto pool = std::make_unique<thread_pool>(2);
    const auto blocked = pool->submit([&] { opened.wait(); });
    gate refusing;
    std::thread again([&] {
      refusing.wait();
      refuse_until_asked(8);
    });
    threads_refused = 0;
    threads_left = 0;
    refusing.open();
    pool->post([&] { opened.open(); });
    if (by_destructor) {
      pool.reset();
    } else {
      pool->shutdown();
    }
    again.join();
    CHECK(blocked.done());
  }
}

TEST_CASE("with threads refused, a wait that may end before the task is done does not run the task itself") {
  // The child ends only when its parent has gone on: run on the parent's stack, it would never end.
  for (const int kind : {0, 1, 2, 3, 4, 5, 6, 7}) {
    CAPTURE(kind);
    thread_pool pool(1);
    pool.submit([] {}).wait();
    std::optional<no_threads> refused(std::in_place);
    const bool came_back = pool.submit([&] {
                                 gate go;
                                 std::atomic<bool> ran{false};
                                 const auto child = pool.submit([&] {
                                   ran = true;
                                   go.wait();
                                 });
                                 promise<void> p;
                                 const auto soon = p.get_future();
                                 std::stop_source stop;
                                 std::thread later;
                                 if (kind >= 5) {
                                   threads_left = 1;
                                   later = std::thread([&] {
                                     eventually([] { return threads_refused >= 5; });
                                     stop.request_stop();
                                     p.set_value();
                                   });
                                 }
                                 switch (kind) {
                                   case 0:
                                     static_cast<void>(child.wait_for(5ms));
                                     break;
                                   case 1:
                                     static_cast<void>(child.wait_until(steady::now() + 5ms));
                                     break;
                                   case 2:
                                     CHECK_THROWS_AS(child.result_for(5ms), spool::timeout_error);
                                     break;
                                   case 3:
                                     static_cast<void>(spool::wait_for(std::vector{child}, 5ms));
                                     break;
                                   case 4:
                                     try {
                                       for (auto&& f : spool::as_completed_for(std::vector{child}, 5ms)) f.wait();
                                     } catch (spool::timeout_error const&) {
                                     }
                                     break;
                                   case 5:
                                     static_cast<void>(child.wait(stop.get_token()));
                                     break;
                                   case 6:
                                     static_cast<void>(spool::wait(std::vector{child, soon}, spool::first_completed));
                                     break;
                                   default:
                                     for (auto&& f : spool::as_completed(std::vector{child, soon})) {
                                       if (f == soon) break;
                                     }
                                 }
                                 if (later.joinable()) later.join();
                                 const bool began = ran;
                                 go.open();
                                 refused.reset();
                                 child.wait();
                                 return !began;
                               })
                               .result();
    CHECK(came_back);
  }
}

TEST_CASE("a pool that is refused threads for long asks from time to time, and does not spin") {
  thread_pool pool(1);
  pool.submit([] {}).wait();
  const no_threads guard;
  const auto asked = pool.submit([&] {
                           const auto child = pool.submit([] {});
                           CHECK_FALSE(child.wait_for(200ms));
                           return threads_refused.load();
                         })
                         .result();
  CHECK(asked >= 2);
  CHECK(asked < 100);
}
