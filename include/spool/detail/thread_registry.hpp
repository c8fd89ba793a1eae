// spool/detail/thread_registry.hpp · floor 0 · the list of living threads and the caller's entry in it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include <spool/detail/atomic.hpp>
#include <spool/detail/intrusive_list.hpp>
#include <spool/detail/os_thread.hpp>
#include <spool/detail/platform/thread.hpp>
#include <spool/detail/word_lock.hpp>
#include <spool/thread_info.hpp>

namespace spool::detail {

class thread_record;

/// Process state. Usable before main and after it: built at compile time, never destroyed.
struct thread_registry {
  word_lock lock;                         // guards the list, and the names of the records in it
  intrusive_list<thread_record> threads;  // oldest first
  atomic<std::uint64_t> dummies{0};       // how many foreign threads have asked who they are
};

inline constinit thread_registry the_threads{};

/// The entry of the calling thread, if it has one.
inline constinit thread_local thread_record* current_record = nullptr;

/// One living thread: made by the thread itself, in the list until it is destroyed there.
class thread_record : public list_node {
public:
  explicit thread_record(std::string name, bool daemon = false)
      : info_{std::move(name), std::this_thread::get_id(), native_thread_id(), daemon}, outer_(current_record) {
    current_record = this;
    word_guard held(the_threads.lock);
    the_threads.threads.push_back(*this);
  }
  ~thread_record() {
    {
      word_guard held(the_threads.lock);
      the_threads.threads.erase(*this);
    }
    current_record = outer_;
  }
  thread_record(const thread_record&) = delete;
  thread_record& operator=(const thread_record&) = delete;

  thread_info copy() const {
    word_guard held(the_threads.lock);
    return info_;
  }

private:
  thread_info info_;            // the name guarded by the registry's lock, the rest constant
  thread_record* const outer_;  // a foreign thread's entry, if one of the library's is made on top of it
};

/// Who is calling: its entry if it has one, else what can be said of a thread that spool did not make.
inline thread_info this_thread_info() {
  if (current_record != nullptr) return current_record->copy();
  if (is_main_thread()) return {"MainThread", std::this_thread::get_id(), native_thread_id(), false};
  // Listed as long as the thread lives; the entry dies with its thread-locals.
  thread_local thread_record dummy(
      "Dummy-" + std::to_string(the_threads.dummies.fetch_add(1, memory_order_relaxed) + 1), true);
  return dummy.copy();
}

}  // namespace spool::detail
