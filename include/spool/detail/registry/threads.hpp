// spool/detail/registry/threads.hpp · the list of living threads and the caller's entry in it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/os_thread.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/platform/thread.hpp>
#include <spool/detail/platform/thread_end.hpp>
#include <spool/detail/platform/thread_wide.hpp>
#include <spool/detail/sync/word_lock.hpp>
#include <spool/thread_info.hpp>

namespace spool::inline SPOOL_ABI::detail {

class thread_entry;

/// Process state. Usable before main and after it: built at compile time, never destroyed.
///
/// Invariant  An entry is in the list exactly while its thread says so, from enter() to leave(): so what is in the
///            list, and guarded by the lock, is a living thread. The main thread has no entry.
struct thread_registry {
  static constexpr std::string_view process_name = "threads";

  word_lock lock;                        // guards the list, its length, and the names and ids in its entries
  intrusive_list<thread_entry> threads;  // oldest first
  std::size_t count = 0;
  atomic<std::uint64_t> dummies{0};  // how many foreign threads have asked who they are
};

inline thread_registry& the_threads() noexcept { return process_wide<thread_registry>::get(); }

/// The entry of the calling thread, while it is in the list.
struct thread_entry_slot {
  static constexpr std::string_view process_name = "thread entry";
  thread_entry* pointer = nullptr;
};
inline constexpr thread_pointer<thread_entry_slot> current_entry{};

/// What is left of a thread's name once its entry has gone, for those destructors of thread-locals that come later.
/// Trivial, so that it can be read until the very end.
struct departed_name {
  static constexpr std::string_view process_name = "departed name";
  static constexpr std::size_t most = 15;

  bool set = false;
  bool daemon = false;
  char text[most + 1] = {};
};
inline departed_name& my_departed_name() noexcept { return thread_wide<departed_name>::get(); }
inline const bool registry_found_at_start =
    (the_threads(), my_departed_name(), thread_wide<thread_entry_slot>::get(), true);

/// What the list knows of a thread. Made by anyone; entered and taken out by the thread itself.
class thread_entry : public list_node {
public:
  thread_entry(std::string name, bool daemon) : name_(std::move(name)), daemon_(daemon) {}
  thread_entry(const thread_entry&) = delete;
  thread_entry& operator=(const thread_entry&) = delete;

  enum class native_name { keep, set };

  /// The calling thread is listed from now on as this, and has its ids.
  void enter(native_name what) noexcept {
    word_guard held(the_threads().lock);
    ident_ = std::this_thread::get_id();
    native_id_ = native_thread_id();
    native_ = this_native_thread();
    names_native_ = what == native_name::set;
    if (names_native_) name_native_thread(native_, name_);
    the_threads().threads.push_back(*this);
    ++the_threads().count;
    current_entry = this;
  }

  /// The calling thread is listed no more.
  /// Preconditions  entered by this thread.
  void leave() noexcept {
    word_guard held(the_threads().lock);
    const std::string_view cut = cut_name(name_, departed_name::most);
    departed_name& left = my_departed_name();
    left.text[cut.copy(left.text, cut.size())] = '\0';
    left.set = true;
    left.daemon = daemon_;
    the_threads().threads.erase(*this);
    --the_threads().count;
    current_entry = nullptr;
  }

  /// Gives it another name; the system's name of the thread follows, if it has one from here.
  void rename(std::string name) noexcept {
    word_guard held(the_threads().lock);
    name_.swap(name);
    if (linked() && names_native_) name_native_thread(native_, name_);  // listed, so it lives
  }

  thread_info copy() const {
    word_guard held(the_threads().lock);
    return copy_locked();
  }
  /// Preconditions  the registry's lock is held.
  thread_info copy_locked() const { return {name_, ident_, native_id_, daemon_}; }

  bool daemon() const noexcept { return daemon_; }

  /// Whether it is the calling thread's, also once that has left the list. The kernel's id besides, as the standard's may
  /// belong to a later thread.
  /// Preconditions  entered, which happened before this call.
  bool is_callers() const noexcept { return ident_ == std::this_thread::get_id() && native_id_ == native_thread_id(); }

private:
  // Guarded by the registry's lock, but for daemon_, and the ids once it was entered.
  std::string name_;
  std::thread::id ident_{};
  std::uint64_t native_id_ = 0;
  native_thread native_{};
  bool names_native_ = false;
  const bool daemon_;
};

/// An entry for the calling thread, from here to the end of the scope.
class thread_record {
public:
  explicit thread_record(std::string name, bool daemon = false,
                         thread_entry::native_name what = thread_entry::native_name::set)
      : entry_(std::move(name), daemon) {
    entry_.enter(what);
  }
  ~thread_record() { entry_.leave(); }
  thread_record(const thread_record&) = delete;
  thread_record& operator=(const thread_record&) = delete;

private:
  thread_entry entry_;
};

/// The entry of a thread that spool did not make: it dies with the thread.
class foreign_thread {
public:
  /// Lists the calling thread.
  /// Throws  std::bad_alloc, nothing changed.
  SPOOL_COLD static void enter_caller() {
    auto made = std::make_unique<foreign_thread>();
    if (!at_thread_end(made->at_end_)) throw std::bad_alloc();
    made.release()->entry_.enter(thread_entry::native_name::keep);
  }

  foreign_thread()
      : entry_("Dummy-" + std::to_string(the_threads().dummies.fetch_add(1, memory_order_relaxed) + 1), true) {}
  foreign_thread(const foreign_thread&) = delete;
  foreign_thread& operator=(const foreign_thread&) = delete;

private:
  static void end(void* itself) noexcept {
    const std::unique_ptr<foreign_thread> mine(static_cast<foreign_thread*>(itself));
    mine->entry_.leave();
  }

  thread_entry entry_;
  thread_end_call at_end_{&end, this};
};

/// Who is calling, if it has no entry: the main thread, a thread that spool did not make, or one at its end.
SPOOL_COLD inline thread_info unlisted_thread_info() {
  if (is_main_thread()) return {"MainThread", std::this_thread::get_id(), native_thread_id(), false};
  const departed_name& left = my_departed_name();
  if (!left.set) {
    foreign_thread::enter_caller();
    return current_entry->copy();
  }
  return {left.text, std::this_thread::get_id(), native_thread_id(), left.daemon};
}

/// Who is calling: its entry if it has one, else what can be said of it.
inline thread_info this_thread_info() {
  const thread_entry* const mine = current_entry;
  return mine != nullptr ? mine->copy() : unlisted_thread_info();
}

}  // namespace spool::inline SPOOL_ABI::detail
