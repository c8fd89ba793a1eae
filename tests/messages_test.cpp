// tests/messages_test.cpp · what() of every exception that spool throws: what was wrong, and what to do
//
// In all of them: `spool[::NAME]: WHAT WAS WRONG: WHAT TO DO`, in one line.

#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

#include "support/catch.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;

namespace {

/// What came of a call: what() of the exception that left it.
template <class F>
std::string message(F&& f) {
  try {
    f();
    return "nothing was thrown";
  } catch (std::exception const& e) {
    return e.what();
  }
}

/// The text, if it is of the form that all have.
std::string well_formed(std::string text) {
  const std::string_view seen = text;
  const bool is_one_line = seen.find('\n') == seen.npos && seen.size() <= 130;
  const std::size_t wrong = seen.find(": ");
  const std::size_t to_do = seen.find(": ", wrong + 2);
  const bool is_formed = seen.starts_with("spool") && wrong != seen.npos && to_do != seen.npos;
  return is_one_line && is_formed ? text : "not `spool: WHAT WAS WRONG: WHAT TO DO`: " + text;
}

/// Silences the excepthook for the time being.
struct quiet {
  quiet() {
    spool::set_excepthook([](spool::thread_info const&, std::exception_ptr const&) {});
  }
  ~quiet() { spool::set_excepthook({}); }
  quiet(quiet const&) = delete;
  quiet& operator=(quiet const&) = delete;
};

#define SAYS(text, ...) CHECK(well_formed(message([&] { __VA_ARGS__; })) == (text))

}  // namespace

TEST_CASE("misused locks say what to do") {
  spool::mutex m;
  SAYS("spool::mutex: unlocked, but it is not locked: unlock() once for each lock()", m.unlock());

  spool::recursive_mutex r;
  SAYS("spool::recursive_mutex: unlocked by a thread that does not hold it: unlock() where lock() was called",
       r.unlock());

  spool::recursive_mutex deep;
  SAYS("spool::recursive_mutex: locked again too often: unlock() once for each lock()", for (;;) deep.lock());
  while (deep.locked()) deep.unlock();

  spool::condition c;
  SAYS("spool::condition: waited without holding the lock: lock it first, and pass the guard that holds it", c.wait(m));

  const std::string below =
      "spool::semaphore: its value is not in 0..max(): begin with as many permits as may be taken";
  SAYS(below, spool::semaphore(-1));
  SAYS(below, spool::bounded_semaphore(-1));
  spool::semaphore s;
  SAYS("spool::semaphore: release(n) got an n below 1: give back at least one permit", s.release(0));
  spool::bounded_semaphore b;
  SAYS("spool::semaphore: released above its limit: release() once for each acquire()", b.release());
}

TEST_CASE("a barrier says why nobody may wait") {
  SAYS("spool::barrier: it was made for 0 parties: give the number of threads that meet", spool::barrier(0));

  spool::barrier b(2);
  SAYS("spool::barrier: broken by a timeout, abort() or its action, or reset meanwhile: reset() makes it whole",
       b.wait_for(0s));

  std::optional<spool::barrier> own;
  own.emplace(1, [&] { own->wait(); });
  SAYS("spool::barrier: its action waits for it, and would for ever: call abort(), reset() or observers only",
       own->wait());
}

TEST_CASE("a thread says what it was asked too early, too late or too often") {
  spool::thread none;
  SAYS("spool::thread: it is of no thread, or was moved from: use the one that it was moved to", none.start());

  std::string itself;
  spool::thread t([&] { itself = message([&] { t.join(); }); });
  SAYS("spool::thread: joined before it was started: call start() first", t.join());
  if (no_more_threads::works) {
    const no_more_threads refuse;
    const std::string refused = message([&] { t.start(); });
    CHECK(well_formed(refused).starts_with(
        "spool: the system refused a thread: let others end first, or raise the limit (ulimit -u)"));
    spool::thread_pool pool(1);
    CHECK(message([&] { pool.post([] {}); }) == refused);
  }
  t.start();
  t.join();
  CHECK(well_formed(itself) ==
        "spool::thread: a thread that joins itself would wait for ever: join() it from another one");
  SAYS("spool::thread: started twice: make a new thread for every start()", t.start());
}

TEST_CASE("a timer says what it was asked too early or too often") {
  SAYS("spool::periodic_timer: the interval is zero or negative: give a positive one",
       static_cast<void>(spool::periodic_timer(0s, [] {})));

  std::string itself;
  spool::timer t(0s, [&] { itself = message([&] { t.join(); }); });
  SAYS("spool::timer: joined before it was started: call start() first", t.join());
  t.start();
  t.join();
  CHECK(well_formed(itself) ==
        "spool::timer: a callback that joins its own timer would wait for ever: join() it from elsewhere");
  SAYS("spool::timer: started twice: make a new timer for every start()", t.start());
}

TEST_CASE("a queue says that it is shut down, or counted wrongly") {
  spool::queue<int> q;
  SAYS("spool::queue: task_done() was called more often than items were put: call it once for each that was taken",
       q.task_done());
  std::vector<int> taken;
  SAYS("spool::queue: get_many(out, max) got a max of 0: let it take at least one item",
       q.get_many(std::back_inserter(taken), 0));
  q.shutdown();
  const std::string shut =
      "spool::queue: it is shut down, and there is nothing left to get: let this be the end of the work";
  SAYS(shut, q.put(1));
  SAYS(shut, q.get());
}

TEST_CASE("a future says why it has no result, and a promise why it takes none") {
  SAYS("spool::future: it is empty: get one from submit() or promise::get_future()", spool::future<int>().wait());

  spool::promise<int> p;
  const spool::future<int> f = p.get_future();
  SAYS("spool::future: the result was not there in time: wait again, or cancel() what takes too long",
       f.result_for(0s));
  SAYS("spool::as_completed: the next result was not there in time: wait again, or cancel() what takes too long",
       spool::as_completed_for(std::vector{f}, 0s).begin());
  SAYS("spool::promise: set_exception() got null: give it std::current_exception() or std::make_exception_ptr(e)",
       p.set_exception(nullptr));
  p.set_value(1);
  SAYS("spool::promise: it is set already: set a value or an exception, once", p.set_value(2));
  SAYS("spool::promise: it is running or set already: call set_running_or_notify_cancel() once, before set_value()",
       static_cast<void>(p.set_running_or_notify_cancel()));
  static_cast<void>(spool::future<int>(f).result());
  SAYS("spool::future: its result was moved out before: call result() on a named future, which leaves it there",
       f.result());

  const spool::promise<int> other = std::move(p);
  SAYS("spool::promise: it was moved from: use the one that it was moved to", p.set_value(3));

  spool::promise<int> late;
  const spool::future<int> cancelled = late.get_future();
  cancelled.cancel();
  SAYS("spool::promise: its future was cancelled: ask set_running_or_notify_cancel() before the work",
       late.set_value(4));
  SAYS("spool: the task was cancelled before it started: ask cancelled() first, or catch this", cancelled.result());

  const spool::future<int> broken = spool::promise<int>().get_future();
  SAYS("spool::promise: it was destroyed without a result: call set_value() or set_exception() on every path",
       broken.result());
}

TEST_CASE("a pool says what options and what waits it does not take") {
  SAYS("spool::thread_pool: max_workers is 0: give at least 1, or usable_cpus()", spool::thread_pool(0));
  SAYS("spool::thread_pool: max_workers is beyond what a pool can count: give less than half a million",
       static_cast<void>(spool::thread_pool(std::numeric_limits<std::size_t>::max())));

  spool::thread_pool pool(1);
  std::vector<int> numbers{1};
  const auto same = [](int i) { return i; };
  SAYS("spool::thread_pool: chunk_size is 0: let each task make at least 1 call",
       static_cast<void>(pool.map({.chunk_size = 0}, same, numbers)));
  SAYS("spool::thread_pool: shutdown() that waits in a task of the same pool would wait for itself: pass .wait = false",
       pool.submit([&] { pool.shutdown(); }).result());
  SAYS("spool::thread_pool: wait_idle() in a task of the same pool would wait for itself: wait for futures instead",
       pool.submit([&] { pool.wait_idle(); }).result());

  auto all = pool.map(same, numbers);
  auto it = all.begin();
  ++it;
  SAYS("spool::thread_pool: a map was asked for a result beyond its end: compare the iterator with end() first", *it);
  SAYS("spool::thread_pool: an iterator of no map was used: get one from the begin() of a map", *decltype(it)());

  pool.shutdown();
  SAYS("spool::thread_pool: it is shut down: submit before that, or from its own tasks while it drains",
       pool.post([] {}));
}

TEST_CASE("a map says that its time ran out") {
  spool::event started;
  spool::event go_on;
  std::vector<int> numbers{1, 2};
  const auto same = [](int i) { return i; };
  spool::thread_pool pool({.max_workers = 1, .max_pending = 1});
  pool.post([&] {
    started.set();
    go_on.wait();
  });
  started.wait();
  {
    auto slow = pool.map({.timeout = 0s}, same, numbers);
    SAYS("spool::thread_pool: the next result of the map was not there in time: give it a longer timeout",
         *slow.begin());
  }
  const spool::future<void> waits_in_line = pool.submit([] {});
  auto none = pool.map({.timeout = 0s}, same, numbers);
  SAYS("spool::thread_pool: the map ran out of time: give it a longer timeout", none.begin());
  go_on.set();
}

TEST_CASE("a broken pool says whose fault it is") {
  const quiet silence;
  spool::thread_pool pool(spool::pool_options{.max_workers = 1, .initializer = [] { throw std::runtime_error("no"); }});
  const std::string broken =
      "spool::thread_pool: broken, as a worker's initializer threw what the excepthook got: mend that, "
      "make a new pool";
  SAYS(broken, pool.submit([] {}).result());
  SAYS(broken, pool.post([] {}));
}

TEST_CASE("a coroutine that a pool drops hears why") {
  spool::event started;
  spool::event go_on;
  spool::thread_pool pool(1);
  pool.post([&] {
    started.set();
    go_on.wait();
  });
  started.wait();
  const auto hop = [](spool::thread_pool& to) -> spool::future<std::string> {
    try {
      co_await to.schedule();
    } catch (spool::cancelled_error const& e) {
      co_return e.what();
    }
    co_return "nothing was thrown";
  };
  const spool::future<std::string> said = hop(pool);
  pool.shutdown({.wait = false, .cancel_pending = true});
  go_on.set();
  CHECK(well_formed(said.result()) ==
        "spool::thread_pool: shut down with cancel_pending before the coroutine went on: catch this to clean up");
}

TEST_CASE("an error made without words has some") {
  SAYS("spool: the time given ran out: wait again, or cancel() what takes too long", throw spool::timeout_error());
}
