// tests/images/image.cpp · an image: compiled into a library that is linked, and into plugins
// SPDX-License-Identifier: MIT
#include "image.hpp"

#include <memory>
#include <stdexcept>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED [[gnu::visibility("default")]]
#endif

namespace {

spool::thread_pool* make_pool(std::size_t workers) { return new spool::thread_pool(workers); }
void delete_pool(spool::thread_pool* pool) { delete pool; }

int double_in(spool::thread_pool& pool, int number) {
  return pool.submit([number] { return 2 * number; }).result();
}

int double_by_ranges(spool::thread_pool& pool, int number) {
  std::vector<int> numbers(4, number);
  pool.for_each(numbers, [](int& n) { ++n; });
  int sum = 0;
  for (const int n : pool.map([](int x) { return x - 1; }, numbers)) sum += n;
  std::vector<spool::future<int>> halves{pool.submit([sum] { return sum / 4; }),
                                         pool.submit([sum] { return sum / 4; })};
  int all = 0;
  for (const spool::future<int>& f : spool::as_completed(halves)) all += f.result();
  return all;
}

void shut_down(spool::thread_pool& pool) { pool.shutdown(); }

void misuse() { spool::future<int>().wait(); }

const char* catch_by_class(void (*throws)()) {
  try {
    throws();
  } catch (spool::usage_error const&) {
    return "usage_error";
  } catch (spool::error const&) {
    return "error";
  } catch (std::exception const&) {
    return "std::exception";
  }
  return "nothing";
}

spool::excepthook_handler set_excepthook(spool::excepthook_handler handler) {
  return spool::set_excepthook(std::move(handler));
}

void fail_in_thread() {
  spool::thread t([] { throw std::runtime_error("it failed"); });
  t.start();
  t.join();
}

std::vector<spool::thread_info> enumerate() { return spool::enumerate(); }
spool::thread_info current_thread() { return spool::current_thread(); }
spool::thread_info main_thread() { return spool::main_thread(); }
std::string name_of_new_thread() {
  return spool::thread([] {}).name();
}
std::string name_of_new_pool() {
  spool::thread_pool pool(1);
  return pool.submit([] { return spool::current_thread().name; }).result();
}

void lock(spool::recursive_mutex& mutex) { mutex.lock(); }
void unlock(spool::recursive_mutex& mutex) { mutex.unlock(); }

void join_timer(spool::timer& timer) { timer.join(); }
void delete_timer(spool::timer* timer) { delete timer; }

}  // namespace

extern "C" EXPORTED image IMAGE_NAME();

extern "C" EXPORTED image IMAGE_NAME() {
  return {make_pool,          delete_pool,      double_in,      double_by_ranges, shut_down,      misuse,
          catch_by_class,     set_excepthook,   fail_in_thread, enumerate,        current_thread, main_thread,
          name_of_new_thread, name_of_new_pool, lock,           unlock,           join_timer,     delete_timer};
}
