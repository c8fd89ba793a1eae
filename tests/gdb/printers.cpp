// tests/gdb/printers.cpp · what gdb shows of spool's objects, and how it names the threads
//
// gdb runs it up to look_here(), and asks there what ask.py says.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <spool/spool.hpp>

namespace {

/// Where gdb stops. Not to be inlined, nor its call left out.
[[gnu::noinline]] void look_here() { asm volatile(""); }

struct backwards {
  bool operator()(int a, int b) const { return a > b; }
};

}  // namespace

int main() {
  spool::promise<int> soon;
  const spool::future<int> pending = soon.get_future();
  spool::promise<std::string> said;
  const spool::future<std::string> text = said.get_future();
  said.set_value("hello");
  int number = 7;
  spool::promise<int&> reference;
  const spool::future<int&> referring = reference.get_future();
  reference.set_value(number);
  spool::promise<void> nothing;
  const spool::future<void> done = nothing.get_future();
  nothing.set_value();
  const spool::future<int> broken = spool::promise<int>().get_future();
  const spool::future<int> empty;

  spool::queue<int> ring(4);
  for (int i = 1; i <= 6; ++i) {
    if (i > 3) ring.get();
    ring.put(i);
  }
  spool::queue<std::unique_ptr<int>> owners;
  owners.put(std::make_unique<int>(8));
  spool::lifo_queue<std::string> stack;
  stack.put("below");
  stack.put("above");
  stack.shutdown();
  spool::priority_queue<int, backwards> largest;
  largest.put(1);
  largest.put(3);
  spool::queue<char> none;

  [[maybe_unused]] spool::mutex open;
  spool::mutex held;
  held.lock();
  spool::recursive_mutex twice;
  twice.lock();
  twice.lock();
  spool::event up(true);
  spool::event down;
  spool::semaphore permits(3);
  spool::bounded_semaphore slots(2);
  slots.acquire();
  spool::barrier meeting(5);
  spool::thread_pool pool({.max_workers = 2, .thread_name_prefix = "crew"});
  spool::event begun;
  spool::event go_on;
  pool.post([&] {
    begun.set();
    go_on.wait();
  });
  begun.wait();
  pool.submit([] {}).wait();
  spool::thread courier(spool::thread_options{.name = "courier"}, [&] { go_on.wait(); });
  courier.start();

  look_here();
  go_on.set();
  held.unlock();
}

// Output:
// pending = spool::future<int>, pending
// soon = spool::promise<int>, pending
// text = spool::future<std::string>, done = {value = "hello"}
// referring = spool::future<int&>, done = {value = 7}
// done = spool::future<void>, done
// broken = spool::future<int>, failed
// empty = spool::future<int>, empty
// ring = spool::queue<int> of 3, maxsize 4 = {4, 5, 6}
// *owners[0] = 8
// stack = spool::lifo_queue<std::string> of 2, shut down = {"above", "below"}
// largest = spool::priority_queue<int> of 2 = {3, 1}
// none = spool::queue<char> of 0
// open = spool::mutex, free
// held = spool::mutex, locked
// twice = spool::recursive_mutex, locked 2 deep
// up = spool::event, set
// down = spool::event, not set
// permits = spool::semaphore of 3
// slots = spool::bounded_semaphore of 1
// meeting = spool::barrier of 5
// pool = spool::thread_pool of 2, 2 threads = {thread_name_prefix = "crew"}
// threads: courier crew_0 crew_1 gdb_printers
