// tests/support/crew.hpp · threads for tests: started together, their exceptions kept, always joined
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

/// Threads of a test. An exception that leaves one is kept; the first, in the order of the threads, is rethrown
/// in the caller once all have ended.
///
///     crew::run(4, [&](std::size_t i) { ... });   // 4 threads, released together; returns when all have ended
///
///     crew waiters(4, [&](std::size_t i) { ... });  // the same, in the background
///     waiters.start([&] { ... });                   // one more, at once
///     waiters.join();                               // rethrows; the destructor joins too, but drops exceptions
///
/// Synchronization  What happens before a start happens before the thread's function, whose end happens before
///                  the return of run() or join().
class crew {
public:
  crew() = default;

  /// Starts n threads that run f(i), or f(), all released when the last of them is up.
  template <class F>
  crew(std::size_t n, F f) {
    enlist(n, std::move(f));
  }

  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew() { join_all(); }

  template <class F>
  static void run(std::size_t n, F&& f) {
    crew c;
    c.enlist(n, [&f](std::size_t i) { call(f, i); });
    c.join();
  }

  /// Starts one thread that runs f() at once.
  template <class F>
  void start(F f) {
    add([f = std::move(f)](member&) mutable { f(); });
  }

  /// Waits for all threads so far, then rethrows the first exception; afterwards the crew is empty.
  void join() {
    join_all();
    std::exception_ptr first;
    for (member& m : members_) {
      if (m.failure && !first) first = std::move(m.failure);
    }
    members_.clear();
    if (first) std::rethrow_exception(std::move(first));
  }

private:
  struct member {
    std::exception_ptr failure;  // written by the thread, read after the join
    std::thread thread;
  };

  /// What the threads of one call to enlist() share.
  struct gate {
    enum : unsigned { closed, open, abandoned };
    std::atomic<std::size_t> arrived{0};
    std::atomic<unsigned> state{closed};

    bool pass() {
      arrived.fetch_add(1);
      arrived.notify_one();
      wait_while(state, unsigned{closed});
      return state.load() == open;
    }
    void set(unsigned to) {
      state.store(to);
      state.notify_all();
    }
  };

  template <class T>
  static void wait_while(const std::atomic<T>& a, T value) {
#if defined(__linux__)
    a.wait(value);
#else  // libstdc++ without a futex loses wakes (see latch.hpp)
    while (a.load() == value) std::this_thread::yield();
#endif
  }

  template <class F>
  static void call(F& f, std::size_t i) {
    if constexpr (std::is_invocable_v<F&, std::size_t>) {
      f(i);
    } else {
      f();
    }
  }

  template <class F>
  void enlist(std::size_t n, F f) {
    const auto shared_gate = std::make_shared<gate>();
    const auto shared_f = std::make_shared<F>(std::move(f));
    try {
      for (std::size_t i = 0; i < n; ++i) {
        add([=](member&) {
          if (shared_gate->pass()) call(*shared_f, i);
        });
      }
    } catch (...) {
      shared_gate->set(gate::abandoned);  // the system refused a thread: nobody runs
      throw;
    }
    for (std::size_t up = shared_gate->arrived.load(); up != n; up = shared_gate->arrived.load()) {
      wait_while(shared_gate->arrived, up);
    }
    shared_gate->set(gate::open);
  }

  template <class Body>
  void add(Body body) {
    member& m = members_.emplace_back();
    try {
      m.thread = std::thread([&m, body = std::move(body)]() mutable {
        std::exception_ptr failure;
        try {
          body(m);
        } catch (...) {
          failure = std::current_exception();
        }
        m.failure = std::move(failure);  // after the handler, whose hidden count ThreadSanitizer cannot see
      });
    } catch (...) {
      members_.pop_back();
      throw;
    }
  }

  void join_all() {
    for (member& m : members_) {
      if (m.thread.joinable()) m.thread.join();
    }
  }

  std::deque<member> members_;  // a deque: the threads hold references into it
};
