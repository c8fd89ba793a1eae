// spool/detail/registry/main_thread.hpp · what is known of the main thread, and the list with it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <thread>
#include <vector>

#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/platform/thread.hpp>
#include <spool/detail/registry/threads.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/thread_info.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// The ids of the main thread, noted by itself. Process state: built at compile time, never destroyed.
///
/// (A) is_noted is raised once the ids are written; pairs with (B) its readings.
struct main_thread_ids {
  static constexpr std::string_view process_name = "main thread";

  atomic<bool> is_noted{false};
  union {
    char none;
    std::thread::id ident;
  };
  std::uint64_t native_id = 0;

  constexpr main_thread_ids() noexcept : none{} {}
};

inline main_thread_ids& the_main_thread() noexcept { return process_wide<main_thread_ids>::get(); }

/// Notes the caller's ids, if it is the main thread.
inline bool note_main_thread() noexcept {
  if (the_main_thread().is_noted.load(memory_order_relaxed)) return true;
  if (!is_main_thread()) return false;
  ::new (static_cast<void*>(&the_main_thread().ident)) std::thread::id(std::this_thread::get_id());
  the_main_thread().native_id = native_thread_id();
  the_main_thread().is_noted.store(true, memory_order_release);  // (A)
  return true;
}

/// Static objects are built by the main thread, those of this header before those of a file that includes it. Where
/// they are not (a library loaded by another thread), it is noted when the main thread first asks who it is.
inline const bool main_thread_noted_at_start = note_main_thread();

inline thread_info main_thread_info() {
  if (!the_main_thread().is_noted.load(memory_order_acquire)) return {"MainThread", {}, 0, false};  // (B)
  return {"MainThread", the_main_thread().ident, the_main_thread().native_id, false};
}

inline std::size_t count_threads() noexcept {
  const word_guard held(the_threads().lock);
  return the_threads().count + 1;
}

/// The living threads, the main thread first, then the oldest first.
inline std::vector<thread_info> list_threads() {
  std::vector<thread_info> all;
  for (std::size_t room = 8;; room *= 2) {
    all.reserve(room);  // outside the lock
    const word_guard held(the_threads().lock);
    if (the_threads().count + 1 > room) {
      room = the_threads().count;
      continue;
    }
    all.push_back(main_thread_info());
    thread_entry* t = the_threads().threads.empty() ? nullptr : &the_threads().threads.front();
    for (; t != nullptr; t = the_threads().threads.after(*t)) all.push_back(t->copy_locked());
    return all;
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
