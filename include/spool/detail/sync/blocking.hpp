// spool/detail/sync/blocking.hpp · what a pool learns of the threads that wait for its tasks
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <spool/detail/base/intrusive_list.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/thread_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

class future_state_base;
class task_host;
class task_thread;

/// The results that a thread is about to sleep for, so that their pools can run those first which have not started.
/// Belongs to the one that waits; it may be kept from wait to wait, so that a range of n results costs O(n) in all.
struct awaited_results {
  /// How far one pool has looked through them: those before have started, or are not its own.
  struct progress {
    const task_host* host = nullptr;  // of whom; another pool begins at the start
    std::size_t next = 0;             // guarded by the pool during a wait
  };

  awaited_results() noexcept = default;  // a wait for something else
  /// `all`  whether the wait ends only when all of them are done: then the thread may as well run them itself.
  awaited_results(future_state_base* const* f, std::size_t n, bool all) noexcept : first(f), count(n), needs_all(all) {}

  future_state_base* const* first = nullptr;  // null where there is nothing (any more)
  std::size_t count = 0;
  bool needs_all = false;
  progress own, visited;      // of the pool whose worker waits, and of another
  std::size_t elsewhere = 0;  // before it there is nothing left of another pool; the waiting thread's own
};

/// What a thread that waits for tasks of a pool is to that pool.
enum class wait_role : std::uint8_t {
  worker,  // one of its own: it lends its place
  guest,   // calls for_each from outside, and so was one more at work: it lends that place
  helper,  // runs code for the library elsewhere: a callback, a timer's call, a task of another pool; it may hold a lock
           // that the pool's workers want, and lends a place when the pool stands still
  visitor,  // any other: it lends nothing
};

struct awaited_entry : list_node {};
struct sleeper_entry : list_node {};

/// A thread's wait as a pool sees it, from begin_wait() to end_wait() in its lists.
///
/// Lifetime  On the stack of the thread that waits.
struct pool_wait : awaited_entry, sleeper_entry {
  awaited_results* awaited = nullptr;
  awaited_results::progress* at = nullptr;
  task_thread* thread = nullptr;                // of a worker
  const atomic<std::uint32_t>* word = nullptr;  // what it sleeps on; null if it cannot be woken, and looks by itself
  wait_role role = wait_role::visitor;
  bool out_of_turn = false;  // may be run before tasks submitted earlier; guarded by the pool
  // (A) set before the last look whether a thread is owed, see thread_debt.
  atomic<std::uint32_t> asleep{0};
  bool is_lookout = false;  // as the thread itself knows
  // For itself, to see whether the pool stands still.
  deadline next_look = deadline::never();
  std::uint64_t started = 0;  // how many tasks had at its last look
  std::int64_t still_ns = 0;  // for how long that has not changed
  std::int64_t patience_ns = 0;
};

/// A pool, as those see it that wait for its tasks.
class task_host {
public:
  /// The calling thread is about to sleep: the pool may start or wake another meanwhile.
  virtual void begin_wait(pool_wait& wait) noexcept = 0;
  /// Asks again whether another thread is needed, and for it.
  /// Returns  when to ask again at the latest.
  virtual deadline ask_again(pool_wait& wait) noexcept = 0;
  /// The calling thread goes on.
  virtual void end_wait(pool_wait& wait) noexcept = 0;

  /// Keeps what is behind the pool.
  virtual void hold() noexcept = 0;
  virtual void let_go() noexcept = 0;

protected:
  ~task_host() = default;
};

/// The side of a pool's worker that a result sees.
class task_thread {
public:
  /// The pool that the thread belongs to.
  task_host& host() const noexcept { return host_; }

protected:
  explicit task_thread(task_host& host) noexcept : host_(host) {}
  ~task_thread() = default;

private:
  task_host& host_;
};

/// The calling thread as a runner of tasks; null in all other threads.
struct task_thread_slot {
  static constexpr std::string_view process_name = "task thread";
  task_thread* pointer = nullptr;
};
inline constexpr thread_pointer<task_thread_slot> current_task_thread{};
inline const bool task_thread_found_at_start = (thread_wide<task_thread_slot>::get(), true);

class guest_scope;
struct guest_scope_slot {
  static constexpr std::string_view process_name = "guest scope";
  guest_scope* pointer = nullptr;
};
/// The calling thread's innermost one; null if there is none.
inline constexpr thread_pointer<guest_scope_slot> innermost_guest_scope{};
inline const bool guest_scope_found_at_start = (thread_wide<guest_scope_slot>::get(), true);

/// While it lives, the calling thread runs code of the caller's for the library: in a loop of the pool given, or as a
/// callback, a timer's call, a step of a map's inputs. Other threads may wait for locks that this code holds.
class guest_scope {
public:
  explicit guest_scope(task_host* loop_of = nullptr) noexcept : host_(loop_of), outer_(innermost_guest_scope) {
    innermost_guest_scope = this;
  }
  ~guest_scope() { innermost_guest_scope = outer_; }
  guest_scope(const guest_scope&) = delete;
  guest_scope& operator=(const guest_scope&) = delete;

  /// Whether the calling thread is in any.
  static bool is_here() noexcept { return innermost_guest_scope != nullptr; }
  /// Whether it is in a loop of that pool.
  static bool is_in_loop_of(const task_host* host) noexcept {
    const guest_scope* s = innermost_guest_scope;
    while (s != nullptr && s->host_ != host) s = s->outer_;
    return s != nullptr;
  }
  /// The innermost pool, not that one, of whose loops it is in one; null if there is none.
  static task_host* innermost_host(const task_host* but) noexcept {
    const guest_scope* s = innermost_guest_scope;
    while (s != nullptr && (s->host_ == nullptr || s->host_ == but)) s = s->outer_;
    return s == nullptr ? nullptr : s->host_;
  }

private:
  task_host* const host_;
  guest_scope* const outer_;
};

/// A sleep of the calling thread that tasks of pools may end. While it lasts a worker lets another stand in for it, and
/// the pool of what is waited for is told, too, if it is another.
class task_wait {
public:
  /// About to sleep on that word for the results. Without a word it looks by itself from time to time.
  explicit task_wait(awaited_results& awaited, const atomic<std::uint32_t>* word = nullptr) noexcept;
  /// About to sleep on that word for something else that this pool, which stays, will do.
  task_wait(task_host& pool, const atomic<std::uint32_t>* word) noexcept;
  ~task_wait();
  task_wait(const task_wait&) = delete;
  task_wait& operator=(const task_wait&) = delete;

  /// Until when to sleep now: the deadline given, or sooner, if a pool may need to be asked again.
  deadline nap(deadline until) noexcept;

private:
  struct result_elsewhere {
    future_state_base* result = nullptr;
    task_host* host = nullptr;  // null if there is none; to be compared only, unless it is held
    bool may_change = false;    // whether another pool may come to be the one
  };

  void enter_own() noexcept;
  deadline choose_visit() noexcept;
  deadline next_choice(bool may_change) noexcept;
  result_elsewhere next_elsewhere() noexcept;
  static bool holds_host_of(const result_elsewhere& found) noexcept;
  void visit(task_host& pool, wait_role role) noexcept;
  void leave() noexcept;

  awaited_results nothing_;
  awaited_results& awaited_;
  task_host* own_host_ = nullptr;  // whose worker the thread is
  task_host* visited_ = nullptr;   // another, held meanwhile
  task_host* const visited_always_ = nullptr;
  bool has_slept_ = false;
  std::chrono::milliseconds until_next_choice_{10};
  pool_wait own_;
  pool_wait visit_;
};

}  // namespace spool::inline SPOOL_ABI::detail
