// tests/queue_linearizability_test.cpp · queue, lifo_queue, priority_queue: what overlapping calls returned, explained
// SPDX-License-Identifier: MIT
#include <spool/queue.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/latch.hpp"
#include "support/linearizable.hpp"

using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int rounds = 1'000;
#else
constexpr int rounds = 5'000;
#endif

enum class order { fifo, lifo, smallest };

/// A call and how it ended. What waits for a while, or until a stop, may end as what tries once. A get_many that takes
/// something is two: until the `handed_out` that follows it may bring that back.
struct queue_call {
  enum kind { put, get, get_many, handed_out, size, task_done, join, shutdown, shutdown_immediate };
  enum ending { ok, nothing, refused };
  kind what = size;
  ending end = ok;
  std::vector<int> items{};
  std::size_t number = 0;  // asked for by get_many, answered by size
};

struct queue_model {
  order leaves;
  std::size_t maxsize;
  std::vector<int> items{};  // in the order put
  std::size_t unfinished = 0;
  std::size_t on_loan = 0;  // calls of get_many
  bool shut = false;
  bool discards = false;

  auto operator<=>(const queue_model&) const = default;

  bool drained() const { return items.empty() && shut && (on_loan == 0 || discards); }
  bool full() const { return maxsize != 0 && items.size() >= maxsize; }
  bool take(int expected) {
    if (items.empty()) return false;
    const auto it = leaves == order::fifo ? items.begin()
                    : leaves == order::lifo
                        ? items.end() - 1
                        : std::min_element(items.begin(), items.end(), [](int a, int b) { return a / 100 < b / 100; });
    const bool same = *it == expected;
    items.erase(it);
    return same;
  }
  bool apply(const queue_call& call) {
    switch (call.what) {
      case queue_call::put:
        if (call.end == queue_call::refused) return shut;
        if (call.end == queue_call::nothing) return full() && !shut;
        if (full() || shut) return false;
        items.push_back(call.items[0]);
        ++unfinished;
        return true;
      case queue_call::get:
        if (call.end == queue_call::refused) return drained();
        if (call.end == queue_call::nothing) return items.empty() && !drained();
        return take(call.items[0]);
      case queue_call::get_many:
        if (call.end == queue_call::refused) return drained();
        ++on_loan;
        if (call.items.size() != std::min(call.number, items.size())) return false;
        return std::all_of(call.items.begin(), call.items.end(), [this](int x) { return take(x); });
      case queue_call::handed_out:
        --on_loan;
        return true;
      case queue_call::size:
        return call.number == items.size();
      case queue_call::task_done:
        if (call.end == queue_call::refused) return unfinished == 0;
        return unfinished-- != 0;
      case queue_call::join:
        return (call.end == queue_call::ok) == (unfinished == 0);
      case queue_call::shutdown_immediate:
        unfinished -= std::min(unfinished, items.size());
        items.clear();
        discards = true;
        [[fallthrough]];
      default:
        shut = true;
        return true;
    }
  }
};

using history = std::vector<recorded_call<queue_call>>;
bool explained(const history& h, const queue_model& m) { return linearization<queue_model, queue_call>::exists(h, m); }

/// For the message of a test that fails.
std::string written(const history& h) {
  constexpr const char* names[] = {"put",       "get",  "get_many", "handed_out",    "size",
                                   "task_done", "join", "shutdown", "shutdown(true)"};
  constexpr const char* endings[] = {"ok", "nothing", "refused"};
  std::ostringstream text;
  for (const auto& call : h) {
    text << call.called << ".." << call.returned << ' ' << names[call.op.what];
    for (const int x : call.op.items) text << ' ' << x;
    text << " (" << call.op.number << ") " << endings[call.op.end] << '\n';
  }
  return text.str();
}

/// Ties are told apart, but not by the queue.
struct by_hundreds {
  bool operator()(int a, int b) const { return a / 100 < b / 100; }
  bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const { return (*this)(*a, *b); }
};
template <class Item>
Item made(int x) {
  if constexpr (std::is_same_v<Item, int>) {
    return x;
  } else {
    return std::make_unique<int>(x);
  }
}
int read(int x) { return x; }
int read(const std::unique_ptr<int>& x) { return *x; }

/// One thread's calls on a queue, as they come.
template <class Queue>
class caller {
  using item = typename Queue::value_type;

public:
  caller(Queue& q, std::stop_token stop, std::uint32_t seed, int first_value, history& to)
      : q_(q), stop_(std::move(stop)), random_(seed), value_(first_value), to_(to) {}

  void call_something(bool may_block) {
    for (auto n = random_() % 4; n == 0; n = random_() % 4) std::this_thread::yield();
    const auto choice = random_() % 16;
    if (choice < 6) {
      put(may_block);
    } else if (choice < 11) {
      get(may_block);
    } else if (choice == 11 && may_block) {
      get_many();
    } else {
      look(choice);
    }
  }
  void shut_down(bool immediate) {
    record(immediate ? queue_call::shutdown_immediate : queue_call::shutdown, [&](queue_call&) {
      q_.shutdown(immediate);
      return true;
    });
  }
  void drain() {
    while (record(queue_call::get, [&](queue_call& c) { return got(c, q_.try_get()); })) continue;
  }

private:
  template <class F>
  bool record(queue_call::kind what, F f) {
    recorded_call<queue_call> call{{what, queue_call::ok}, now(), 0};
    try {
      if (!f(call.op)) call.op.end = queue_call::nothing;
    } catch (spool::error const&) {
      call.op.end = queue_call::refused;
    } catch (spool::usage_error const&) {
      call.op.end = queue_call::refused;
    }
    call.returned = now();
    to_.push_back(call);
    return call.op.end == queue_call::ok;
  }
  /// Not the time: a call that returns before another begins shall also happen before it. size() takes no lock, and what
  /// a call on another processor wrote some nanoseconds ago it need not see.
  static std::int64_t now() {
    static std::atomic<std::int64_t> ticks{0};
    return ticks.fetch_add(1);
  }
  static bool got(queue_call& c, const std::optional<item>& x) {
    if (x) c.items.push_back(read(*x));
    return x.has_value();
  }

  void put(bool may_block) {
    const int value = static_cast<int>(random_() % 3) * 100 + value_++;
    record(queue_call::put, [&](queue_call& c) {
      c.items.push_back(value);
      switch (random_() % (may_block ? 5 : 2)) {
        case 0:
          return q_.try_put(made<item>(value));
        case 1:
          return q_.put_for(made<item>(value), 10us);
        case 2:
          return q_.put(made<item>(value), stop_);
        case 3:
          return q_.put_many(std::vector<item>(one(value))), true;
        default:
          return q_.put(made<item>(value)), true;
      }
    });
  }
  static std::vector<item> one(int value) {
    std::vector<item> v;
    v.push_back(made<item>(value));
    return v;
  }
  void get(bool may_block) {
    record(queue_call::get, [&](queue_call& c) {
      switch (random_() % (may_block ? 4 : 2)) {
        case 0:
          return got(c, q_.try_get());
        case 1:
          return got(c, q_.get_for(10us));
        case 2:
          return got(c, q_.get(stop_));
        default:
          return got(c, q_.get());
      }
    });
  }
  /// Says when it got the first item, and lets others look at what get_many leaves behind.
  struct slow_out {
    std::vector<item>* to;
    std::int64_t* began;
    slow_out& operator*() { return *this; }
    slow_out& operator++() { return *this; }
    void operator=(item&& x) {
      if (to->empty()) *began = now();
      std::this_thread::yield();
      to->push_back(std::move(x));
    }
  };
  void get_many() {
    std::int64_t began = 0;
    const bool took = record(queue_call::get_many, [&](queue_call& c) {
      std::vector<item> out;
      c.number = 1 + random_() % 3;
      q_.get_many(slow_out{&out, &began}, c.number);
      for (const item& x : out) c.items.push_back(read(x));
      return true;
    });
    if (!took) return;
    const std::int64_t returned = std::exchange(to_.back().returned, began);
    to_.push_back({{queue_call::handed_out, queue_call::ok}, began + 1, returned});
  }
  void look(unsigned long choice) {
    if (choice == 12) {
      record(queue_call::size, [&](queue_call& c) {
        c.number = q_.size();
        return true;
      });
    } else if (choice == 13) {
      record(queue_call::join, [&](queue_call&) { return q_.join_for(0s); });
    } else {
      record(queue_call::task_done, [&](queue_call&) {
        q_.task_done();
        return true;
      });
    }
  }

  Queue& q_;
  const std::stop_token stop_;
  std::mt19937 random_;
  int value_;
  history& to_;
};

template <class Queue>
constexpr order order_of = order::fifo;
template <class T>
constexpr order order_of<spool::lifo_queue<T>> = order::lifo;
template <class T, class Compare>
constexpr order order_of<spool::priority_queue<T, Compare>> = order::smallest;

}  // namespace

TEST_CASE("the checker of histories takes right ones and rejects wrong ones") {
  using call = queue_call;
  const auto at = [](std::int64_t from, std::int64_t to, call::kind what, call::ending end, std::vector<int> items = {},
                     std::size_t n = 0) { return recorded_call<call>{{what, end, std::move(items), n}, from, to}; };
  const queue_model fifo{order::fifo, 2};
  const auto put1 = at(0, 5, call::put, call::ok, {1});
  const auto put2 = at(0, 5, call::put, call::ok, {2});
  const auto get1 = at(6, 7, call::get, call::ok, {1});
  const auto get2 = at(8, 9, call::get, call::ok, {2});
  CHECK(explained({}, fifo));
  CHECK(explained({put1, put2, get1, get2}, fifo));
  CHECK(explained({get2, get1, put2, put1}, fifo));                                // in whatever row
  CHECK(explained({put1, put2, at(6, 8, call::get, call::ok, {2}), get1}, fifo));  // 2 may have been put first
  CHECK_FALSE(
      explained({put1, at(6, 7, call::put, call::ok, {2}), at(8, 9, call::get, call::ok, {2})}, fifo));  // order
  CHECK_FALSE(explained({put1, get1, at(8, 9, call::get, call::ok, {1})}, fifo));                        // doubled
  CHECK_FALSE(explained({get1}, fifo));                                                                  // invented
  CHECK_FALSE(explained({at(8, 9, call::put, call::ok, {1}), get1}, fifo));       // before it was put
  CHECK_FALSE(explained({put1, at(6, 7, call::get, call::nothing)}, fifo));       // lost
  CHECK(explained({put1, at(4, 7, call::get, call::nothing)}, fifo));             // a moment too early
  CHECK_FALSE(explained({put1, at(6, 7, call::put, call::nothing, {2})}, fifo));  // there was room
  CHECK(explained({put1, put2, at(6, 7, call::put, call::nothing, {3})}, fifo));
  CHECK_FALSE(explained({put1, put2, at(6, 7, call::put, call::ok, {3})}, fifo));  // too many
  CHECK_FALSE(explained({put1, at(6, 7, call::get, call::refused)}, fifo));        // not shut down
  CHECK_FALSE(explained({put1, at(6, 6, call::shutdown, call::ok), at(7, 7, call::get, call::refused)}, fifo));
  CHECK(explained({put1, at(6, 6, call::shutdown_immediate, call::ok), at(7, 7, call::get, call::refused)}, fifo));
  CHECK_FALSE(explained({at(0, 1, call::shutdown, call::ok), at(2, 3, call::put, call::ok, {1})}, fifo));
  CHECK_FALSE(explained({put1, at(6, 7, call::join, call::ok)}, fifo));
  CHECK_FALSE(explained({put1, at(6, 7, call::task_done, call::refused)}, fifo));
  CHECK_FALSE(explained({put1, put2, at(6, 7, call::size, call::ok, {}, 1)}, fifo));
  CHECK_FALSE(explained({put1, put2, at(6, 7, call::get_many, call::ok, {1}, 2)}, fifo));  // two were there

  const auto many1 = at(6, 7, call::get_many, call::ok, {1}, 2);
  const auto handed = at(8, 20, call::handed_out, call::ok);
  const auto end = at(9, 10, call::shutdown, call::ok);
  const auto no_more = at(11, 12, call::get, call::nothing);
  CHECK(explained({put1, many1, handed, end, no_more, at(13, 14, call::get, call::refused)}, fifo));
  CHECK_FALSE(explained({put1, many1, handed, end, no_more, at(21, 22, call::get, call::nothing)}, fifo));
  CHECK_FALSE(explained(
      {put1, many1, handed, end, at(11, 12, call::get, call::refused), at(13, 14, call::get, call::nothing)}, fifo));

  const auto put3 = at(6, 7, call::put, call::ok, {3});
  CHECK(explained({put1, put3, at(8, 9, call::get, call::ok, {3})}, {order::lifo, 0}));
  CHECK_FALSE(explained({put1, put3, at(8, 9, call::get, call::ok, {1})}, {order::lifo, 0}));
  const auto put100 = at(0, 5, call::put, call::ok, {100});
  CHECK(explained({put100, put3, at(8, 9, call::get, call::ok, {3})}, {order::smallest, 0}));
  CHECK_FALSE(explained({put1, put3, at(8, 9, call::get, call::ok, {3})}, {order::smallest, 0}));  // a tie: the first
}

TEMPLATE_TEST_CASE("whatever overlapping calls return a queue could have done one after the other", "",
                   spool::queue<int>, spool::queue<std::unique_ptr<int>>, spool::lifo_queue<int>,
                   (spool::priority_queue<int, by_hundreds>),
                   (spool::priority_queue<std::unique_ptr<int>, by_hundreds>)) {
  constexpr std::size_t threads = 4;
  constexpr int calls_each = 6;
  std::optional<TestType> q;
  std::optional<std::stop_source> stop;
  history of_thread[threads];
  int unexplained = 0;
  std::string example;
  std::size_t maxsize = 0;
  barrier together(threads);
  crew::run(threads, [&](std::size_t who) {
    std::mt19937 random(static_cast<std::uint32_t>(who) + 77);
    for (int round = 0; round < rounds; ++round) {
      if (who == 0) {
        maxsize = static_cast<std::size_t>(round) % 4;
        q.emplace(maxsize);
        stop.emplace();
      }
      together.arrive_and_wait();
      of_thread[who].clear();
      caller<TestType> mine(*q, stop->get_token(), static_cast<std::uint32_t>(random()), static_cast<int>(who) * 20,
                            of_thread[who]);
      // The first thread never waits for the others, and lets them go at the end.
      for (int i = 0; i < calls_each; ++i) {
        if (who == 0 && i == round % 8) stop->request_stop();
        mine.call_something(who != 0);
      }
      if (who == 0) mine.shut_down(round % 3 == 0);
      together.arrive_and_wait();
      if (who == 0) {
        mine.drain();
        history all;
        for (const history& h : of_thread) all.insert(all.end(), h.begin(), h.end());
        if (!explained(all, {order_of<TestType>, maxsize}) && unexplained++ == 0) {
          example = "maxsize " + std::to_string(maxsize) + '\n';
          for (const history& h : of_thread) example += "one thread:\n" + written(h);
        }
      }
    }
  });
  INFO(example);
  CHECK(unexplained == 0);
}
