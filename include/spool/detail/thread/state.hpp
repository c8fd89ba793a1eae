// spool/detail/thread/state.hpp · one thread's life, shared by its handle and itself
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>  // brings std::unwrap_reference_t
#include <type_traits>
#include <utility>

#include <spool/detail/base/bound_call.hpp>
#include <spool/detail/base/caught.hpp>
#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/deadline.hpp>
#include <spool/detail/platform/futex.hpp>
#include <spool/detail/platform/os_thread.hpp>
#include <spool/detail/platform/process_wide.hpp>
#include <spool/detail/platform/thread_end.hpp>
#include <spool/detail/registry/threads.hpp>
#include <spool/detail/sync/blocked_thread.hpp>
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a thread object and its thread share; it lives until both have let go of it.
class thread_state {
public:
  thread_state(const thread_state&) = delete;
  thread_state& operator=(const thread_state&) = delete;

  /// Lets go.
  struct owner_gone {
    void operator()(thread_state* s) const noexcept { s->drop_owner(); }
  };
  using owner = std::unique_ptr<thread_state, owner_gone>;

  void start();
  bool join(deadline until);
  void abandon() noexcept;

  bool started() const noexcept { return (word_.load(memory_order_acquire) & is_claimed) != 0; }
  bool alive() const noexcept { return (word_.load(memory_order_acquire) & (is_listed | has_ended)) == is_listed; }
  /// Whether it is the calling thread's; true until the very end of the thread, thread-locals gone or not.
  bool is_caller() const noexcept {
    return current_entry == &entry_ ||
           ((word_.load(memory_order_acquire) & (is_listed | is_gone)) == is_listed && entry_.is_callers());  // (B)
  }

  thread_entry& entry() noexcept { return entry_; }
  const thread_entry& entry() const noexcept { return entry_; }
  std::stop_source& stop() noexcept { return stop_; }

protected:
  thread_state(std::string name, bool daemon) : entry_(std::move(name), daemon) {}
  virtual ~thread_state() = default;

  virtual void call() = 0;
  virtual void drop_call() noexcept = 0;

private:
  //  bit 0  is_claimed   a start() is on its way, or was
  //  bit 1  is_listed    the thread has its ids and is in the registry, or was
  //  bit 2  has_handle   os_ may be joined: start() writes it no more
  //  bit 3  has_ended    the thread-locals are destroyed and the registry has forgotten the thread
  //  bit 4  is_taken     somebody joins os_, or has detached it
  //  bit 5  is_gone      it is joined
  //  bit 6  has_waiters  someone may sleep on the word; never cleared
  //
  //  claimed listed handle ended taken gone   meaning
  //     0      0      0      0     0    0     made; also again, after the system refused the thread
  //     1      0      *      0     0    0     starting: start() returns when listed and handle are set
  //     1      1      *      0     0    0     alive
  //     1      1      0      1     0    0     over, but start() has not put os_ in its place yet
  //     1      1      1      1     0    0     over: one of those who join takes it
  //     1      1      1      1     1    0     ... and has os_ joined, which takes as long as the system needs
  //     1      1      1      1     1    1     joined: every join() returns
  //     1      *      1      *     1    0     abandoned: a daemon without a handle; nobody joins any more
  //
  //  Invariants  Bits are only ever added, but for a refused start, which takes back is_claimed before anything else is
  //              set, and a join that throws, which takes back is_taken: another may join then.
  //              os_ is written by the one who claimed, before has_handle, then only by the one who took it.
  //  (A) every write that changes a bit releases, and wakes if it saw has_waiters; pairs with (B) every read.
  static constexpr std::uint32_t is_claimed = 1;
  static constexpr std::uint32_t is_listed = 2;
  static constexpr std::uint32_t has_handle = 4;
  static constexpr std::uint32_t has_ended = 8;
  static constexpr std::uint32_t is_taken = 16;
  static constexpr std::uint32_t is_gone = 32;
  static constexpr std::uint32_t has_waiters = 64;

  void run();
  static void end(void* itself) noexcept;
  bool claim();

  void add(std::uint32_t bit) noexcept {
    if ((word_.fetch_or(bit, memory_order_acq_rel) & has_waiters) != 0) futex_wake_all(&word_);  // (A)
  }
  void take_back(std::uint32_t bit) noexcept {
    if ((word_.fetch_and(~bit, memory_order_acq_rel) & has_waiters) != 0) futex_wake_all(&word_);  // (A)
  }

  /// Sleeps until the word is no more what was seen, and reads it.      Returns  false when the time is over.
  bool sleep(std::uint32_t& seen, deadline until) noexcept {
    bool in_time = true;
    if ((seen & has_waiters) != 0 ||
        word_.compare_exchange_strong(seen, seen | has_waiters, memory_order_relaxed, memory_order_relaxed)) {
      in_time = sleep_on(word_, seen | has_waiters, until);
    }
    seen = word_.load(memory_order_acquire);  // (B)
    return in_time;
  }

  void drop_owner() noexcept {
    if (owners_.fetch_sub(1, memory_order_acq_rel) == 1) delete this;
  }

  thread_entry entry_;
  std::stop_source stop_;
  os_thread os_;
  atomic<std::uint32_t> word_{0};
  atomic<std::uint32_t> owners_{1};
  thread_end_call at_end_{&end, this};
};

/// Starts the thread, and returns once it is listed.
/// Throws  usage_error if it was started before; std::system_error or std::bad_alloc, all as before.
inline void thread_state::start() {
  if (!claim()) throw usage_error("spool::thread: started twice: make a new thread for every start()");
  owners_.fetch_add(2, memory_order_relaxed);  // the thread, and this call: the handle may go as soon as f runs
  const owner mine(this);
  try {
    os_ = start_os_thread([this] { run(); });
  } catch (...) {
    owners_.fetch_sub(1, memory_order_relaxed);
    take_back(is_claimed);
    throw;
  }
  add(has_handle);
  for (std::uint32_t seen = word_.load(memory_order_acquire); (seen & is_listed) == 0;) {  // (B)
    sleep(seen, deadline::never());
  }
}

/// Returns  false if it is started already; of several that call at once exactly one gets true, unless the system
///          refuses it: then another may try.
inline bool thread_state::claim() {
  std::uint32_t seen = word_.load(memory_order_acquire);  // (B)
  for (;;) {
    if ((seen & is_listed) != 0) return false;
    if ((seen & is_claimed) != 0) {
      sleep(seen, deadline::never());
    } else if (word_.compare_exchange_weak(seen, seen | is_claimed, memory_order_acq_rel, memory_order_acquire)) {
      return true;
    }
  }
}

/// What the thread does.
/// Throws  what ends the thread by pthread_exit() or pthread_cancel(), which does its way through here.
inline void thread_state::run() {
  entry_.enter(thread_entry::native_name::set);
  add(is_listed);
  // Without memory for that, the thread ends for others as soon as its function does.
  const bool ends_later = at_thread_end(at_end_, thread_end_asked::at_start);
  const at_scope_end spent([this, ends_later] {
    drop_call();
    if (!ends_later) end(this);
  });
  if (std::exception_ptr thrown = caught_from([this] { call(); })) report_unhandled(std::move(thrown));
}

inline void thread_state::end(void* itself) noexcept {
  thread_state& self = *static_cast<thread_state*>(itself);
  self.entry_.leave();
  self.add(has_ended);
  self.drop_owner();
}

/// Waits until the thread is gone, thread-locals and all.      Returns  false if the time was over first.
/// Throws  usage_error in the thread itself, and if it was not started; std::system_error if the system sees that the
///         thread waits for the calling one: others may still join it.
inline bool thread_state::join(deadline until) {
  if (is_caller())
    throw usage_error("spool::thread: a thread that joins itself would wait for ever: join() it from another one");
  owners_.fetch_add(1, memory_order_relaxed);  // exit() may destroy the handle meanwhile, in a thread that never ends
  const owner mine(this);
  std::uint32_t seen = word_.load(memory_order_acquire);  // (B)
  for (bool in_time = true;;) {
    if ((seen & is_claimed) == 0) throw usage_error("spool::thread: joined before it was started: call start() first");
    if ((seen & is_gone) != 0) return true;
    if ((seen & (has_handle | has_ended | is_taken)) == (has_handle | has_ended)) {
      if (!word_.compare_exchange_weak(seen, seen | is_taken, memory_order_acq_rel, memory_order_acquire)) continue;
      try {
        os_.join();
      } catch (...) {
        take_back(is_taken);
        throw;
      }
      add(is_gone);
      return true;
    }
    if (!in_time) return false;
    in_time = sleep(seen, until);
  }
}

/// Lets the thread go on without a handle.
/// Preconditions  started, and nobody joins or will join.
inline void thread_state::abandon() noexcept {
  std::uint32_t seen = word_.load(memory_order_acquire);                               // (B)
  while ((seen & has_handle) == 0) sleep(seen, deadline::never());                     // start() is just returning
  if ((word_.fetch_or(is_taken, memory_order_acq_rel) & is_taken) == 0) os_.detach();  // (B)
}

/// A thread's state with what it calls.
template <class Call>
class thread_state_of final : public thread_state {
public:
  template <class... Args>
  thread_state_of(std::string name, bool daemon, Args&&... args) : thread_state(std::move(name), daemon) {
    if constexpr (Call::stoppable) {
      call_.emplace(stop().get_token(), std::forward<Args>(args)...);
    } else {
      call_.emplace(std::in_place, std::forward<Args>(args)...);
    }
  }

  ~thread_state_of() noexcept override {}  // whatever the callable's destructor says of itself

private:
  void call() override { static_cast<void>((*call_)()); }
  void drop_call() noexcept override { call_.reset(); }

  std::optional<Call> call_;
};

/// Whether f.run(args...) can be called; f may be given by std::ref.
template <class F, class... Args>
concept has_run = requires(std::unwrap_reference_t<F>& f, Args&&... args) { f.run(std::forward<Args>(args)...); };

/// Calls run() of an object.
template <class F>
class run_call {
public:
  template <class G>
    requires(!std::is_same_v<std::remove_cvref_t<G>, run_call>)
  explicit run_call(G&& f) : f_(std::forward<G>(f)) {}

  template <class... Args>
    requires has_run<F, Args...>
  void operator()(Args&&... args) {
    std::unwrap_reference_t<F>& f = f_;
    static_cast<void>(f.run(std::forward<Args>(args)...));
  }

private:
  F f_;
};

/// Whether a thread can be made of these: f(args...), or f.run(args...), or either with a stop token first.
template <class F, class... Args>
concept thread_body = is_callable<F, Args...> || has_run<F, Args...> || has_run<F, std::stop_token, Args...>;

/// What the thread calls: f itself wherever it can be called.
template <class F, class... Args>
struct thread_call_of {
  using type = bound_call<run_call<F>, Args...>;
};
template <class F, class... Args>
  requires is_callable<F, Args...>
struct thread_call_of<F, Args...> {
  using type = bound_call<F, Args...>;
};
template <class F, class... Args>
using thread_call = typename thread_call_of<F, Args...>::type;

/// How many threads were made without a name.
struct unnamed_threads {
  static constexpr std::string_view process_name = "unnamed threads";
  atomic<std::uint64_t> made{0};
};

inline std::string name_or_default(std::string name) {
  if (!name.empty()) return name;
  return "Thread-" + std::to_string(process_wide<unnamed_threads>::get().made.fetch_add(1, memory_order_relaxed) + 1);
}

}  // namespace spool::inline SPOOL_ABI::detail
