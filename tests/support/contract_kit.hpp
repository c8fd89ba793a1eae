// tests/support/contract_kit.hpp · what the tests of the contract share: gates, duels, a log of the excepthook
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/excepthook.hpp>

#include "support/crew.hpp"
#include "support/eventually.hpp"
#include "support/process.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define CONTRACT_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONTRACT_UNDER_ASAN 1
#endif
#endif
#ifndef CONTRACT_UNDER_ASAN
#define CONTRACT_UNDER_ASAN 0
#endif

/// Fewer rounds where each costs 5-20 times as much.
constexpr int rounds_of(int n) { return CONTRACT_UNDER_TSAN ? (n + 4) / 5 : CONTRACT_UNDER_ASAN ? (n + 1) / 2 : n; }

/// Shut until somebody opens it, then open for good. Waits by the system's means, not the library's: a task that
/// waits here really occupies its worker.
class gate {
public:
  void open() {
    const std::lock_guard held(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void wait() const {
    std::unique_lock held(mutex_);
    opened_.wait(held, [this] { return open_; });
  }
  bool is_open() const {
    const std::lock_guard held(mutex_);
    return open_;
  }

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable opened_;
  bool open_ = false;  // guarded by mutex_
};

/// Opens a gate when it goes, whatever happened: no failed assertion leaves a pool waiting.
class opens {
public:
  explicit opens(gate& g) : gate_(g) {}
  ~opens() { gate_.open(); }
  opens(const opens&) = delete;
  opens& operator=(const opens&) = delete;

private:
  gate& gate_;
};

/// n threads meet; nobody goes on before all have come. Once only.
class meeting {
public:
  explicit meeting(int parties) : missing_(parties) {}
  void arrive_and_wait() {
    std::unique_lock held(mutex_);
    if (--missing_ == 0) {
      complete_.notify_all();
    } else {
      complete_.wait(held, [this] { return missing_ == 0; });
    }
  }

private:
  std::mutex mutex_;
  std::condition_variable complete_;
  int missing_;  // guarded by mutex_
};

/// Keeps what comes to the excepthook, from construction to destruction.
class hook_log {
public:
  struct entry {
    std::string what;         // of a std::exception, "int N", or "?"
    std::string thread_name;  // as told to the hook
    std::thread::id told;     // as told to the hook
    std::thread::id caller;   // where the hook ran
  };

  hook_log() : log_(std::make_shared<log>()), before_(spool::set_excepthook(recorder{log_})) {}
  ~hook_log() { spool::set_excepthook(before_); }
  hook_log(const hook_log&) = delete;
  hook_log& operator=(const hook_log&) = delete;

  std::vector<entry> entries() const {
    const std::lock_guard held(log_->mutex);
    return log_->entries;
  }
  std::size_t size() const { return entries().size(); }
  std::size_t count(std::string const& what) const {
    const auto all = entries();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](entry const& e) { return e.what == what; }));
  }

private:
  struct log {
    std::mutex mutex;
    std::vector<entry> entries;  // guarded by mutex
  };
  struct recorder {
    std::shared_ptr<log> to;
    void operator()(spool::thread_info const& thread, std::exception_ptr what) const {
      entry e{describe(std::move(what)), thread.name, thread.ident, std::this_thread::get_id()};
      const std::lock_guard held(to->mutex);
      to->entries.push_back(std::move(e));
    }
  };
  static std::string describe(std::exception_ptr what) {
    std::string text = "?";
    try {
      std::rethrow_exception(std::move(what));
    } catch (std::exception const& e) {
      text = e.what();
    } catch (int i) {
      text = "int " + std::to_string(i);
    } catch (...) {
    }
    return text;
  }

  std::shared_ptr<log> log_;  // shared with the handler, which may run a little longer
  spool::excepthook_handler before_;
};

/// Counts when it goes, whatever happened. Not inside duel(): clang 19 loses a local class's destructor there.
struct counts_at_exit {
  std::atomic<int>& count;
  ~counts_at_exit() { ++count; }
};

/// Rounds in which threads race: prepare() and check() run in the caller, alone; between them all acts run at once,
/// the first in the caller, each after a small random delay, so that each comes first now and then.
template <class Prepare, class Check, class First, class... Others>
void duel(int rounds, Prepare prepare, Check check, First first, Others... others) {
  std::atomic<int> round{0};
  std::atomic<int> finished{0};
  const auto pass_time = [](std::uint32_t& random) {
    random = random * 1664525u + 1013904223u;
    const std::uint32_t steps = (random >> 8) % (random >> 29 == 0 ? 4000 : 250);
    for (std::uint32_t i = 0; i < steps; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    if (random >> 27 == 3) std::this_thread::yield();
  };

  crew opponents;
  struct ender {  // also when prepare() or check() throws
    std::atomic<int>& round;
    ~ender() { round = -1; }
  };
  {
    const ender at_end{round};
    std::uint32_t seed = 1;
    const auto enlist = [&](auto act) {
      opponents.start([&, act, random = ++seed * 7919u]() mutable {
        for (int r = 1;; ++r) {
          int now = round.load();
          while (now != r && now >= 0) {
            std::this_thread::yield();
            now = round.load();
          }
          if (now < 0) return;
          const counts_at_exit at_exit{finished};
          pass_time(random);
          act();
        }
      });
    };
    (enlist(others), ...);
    std::uint32_t random = seed * 104729u;
    for (int r = 1; r <= rounds; ++r) {
      prepare();
      finished = 0;
      round = r;
      pass_time(random);
      first();
      eventually([&] { return finished.load() == static_cast<int>(sizeof...(others)); });
      check();
    }
  }
  opponents.join();
}

/// An object whose end can be seen through the weak pointer.
struct probe {
  std::shared_ptr<int> held = std::make_shared<int>(0);
  std::weak_ptr<int> seen = held;

  /// The only strong pointer: put it into what is to be watched.
  std::shared_ptr<int> take() { return std::move(held); }
  bool gone() const { return seen.expired(); }
};

/// Runs f() when it is destroyed, unless it was moved from.
template <class F>
class at_end_of_life {
public:
  explicit at_end_of_life(F f) : f_(std::move(f)) {}
  at_end_of_life(at_end_of_life&& other) noexcept
      : f_(std::move(other.f_)), armed_(std::exchange(other.armed_, false)) {}
  at_end_of_life& operator=(at_end_of_life&&) = delete;
  ~at_end_of_life() {
    if (armed_) f_();
  }

private:
  F f_;
  bool armed_ = true;
};

/// A clock that is neither steady nor the system's.
struct odd_clock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<odd_clock>;
  static constexpr bool is_steady = false;
  static time_point now() noexcept {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return time_point(std::chrono::duration_cast<duration>(since) - std::chrono::hours(1'000'000));
  }
};
