// engine/interpose.cpp · what the library and libstdc++ ask of the system, answered by the model
// SPDX-License-Identifier: MIT
//
// Defined in the program, these come before the system's own. Outside an
// execution they pass the call on.
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <ctime>

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <engine/engine.hpp>

namespace {

using model::g;

bool outside() noexcept { return g == nullptr || !g->active; }

constexpr std::uintptr_t first_handle = 0x7000;

unsigned fiber_of(pthread_t handle) noexcept { return static_cast<unsigned>((handle - first_handle) / 16); }

template <class F>
F* next(const char* name) noexcept {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

long real_syscall(long n, long a, long b, long c, long d, long e, long f) noexcept {
  long result = n;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

long futex(const void* address, int what, std::uint32_t value, const timespec* limit, void* pc) noexcept {
  switch (what & FUTEX_CMD_MASK) {
    case FUTEX_WAKE:
      return model::futex_wake(address, value, pc);
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      std::int64_t until = 0;
      if (limit != nullptr) {
        until = limit->tv_sec * 1'000'000'000 + limit->tv_nsec;
        if ((what & FUTEX_CMD_MASK) == FUTEX_WAIT) until += g->ns;
      }
      const int how = model::futex_wait(address, value, limit == nullptr ? nullptr : &until, pc);
      if (how == 0) return 0;
      errno = how == 1 ? EAGAIN : ETIMEDOUT;
      return -1;
    }
    default:
      model::fault(pc, nullptr, "a use of futex that the model does not know");
  }
}

}  // namespace

extern "C" {

long syscall(long n, ...) noexcept {
  std::va_list list;
  va_start(list, n);
  long x[6];
  for (long& each : x) each = va_arg(list, long);
  va_end(list);
  if (outside()) return real_syscall(n, x[0], x[1], x[2], x[3], x[4], x[5]);
  if (n == SYS_gettid) return 1'000'000 + static_cast<long>(g->current->id);
  if (n == SYS_futex) {
    return futex(reinterpret_cast<const void*>(x[0]), static_cast<int>(x[1]), static_cast<std::uint32_t>(x[2]),
                 reinterpret_cast<const timespec*>(x[3]), __builtin_return_address(0));
  }
  return real_syscall(n, x[0], x[1], x[2], x[3], x[4], x[5]);
}

pthread_t pthread_self() noexcept {
  if (outside()) return next<pthread_t()>("pthread_self")();
  return first_handle + 16 * g->current->id;
}

int pthread_create(pthread_t* handle, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) noexcept {
  if (outside()) return next<decltype(pthread_create)>("pthread_create")(handle, attributes, body, argument);
  model::point();
  if (g->threads_to_refuse != 0) {
    --g->threads_to_refuse;
    model::tell(model::event_kind::refused, 0, 0, 0, 0, 0, __builtin_return_address(0));
    return EAGAIN;
  }
  model::fiber* const f = model::new_fiber(body, argument);
  if (f == nullptr) model::fault(nullptr, nullptr, "too many threads for the model");
  ++g->current->clock.of[g->current->id];
  *handle = first_handle + 16 * f->id;
  model::point();
  return 0;
}

int pthread_join(pthread_t handle, void** result) {
  if (outside()) return next<decltype(pthread_join)>("pthread_join")(handle, result);
  model::point();
  model::fiber& other = g->fibers[fiber_of(handle)];
  if (g->joins_to_refuse != 0) {
    --g->joins_to_refuse;
    model::tell(model::event_kind::refused, 0, 0, 0, 0, 0, __builtin_return_address(0));
    return EDEADLK;
  }
  if (other.joined || other.detached) model::fault(nullptr, nullptr, "thread %u is joined twice", other.id);
  other.joined = true;
  while (other.is != model::state::ended) {
    g->current->is = model::state::joining;
    g->current->joins = other.id;
    model::go_on();
  }
  g->current->clock.join(other.clock);
  model::tell(model::event_kind::join, 0, other.id, 0, 0, 0, __builtin_return_address(0));
  if (result != nullptr) *result = other.result;
  return 0;
}

int pthread_tryjoin_np(pthread_t handle, void** result) noexcept {
  if (outside()) return next<int(pthread_t, void**)>("pthread_tryjoin_np")(handle, result);
  model::point();
  model::fiber& other = g->fibers[fiber_of(handle)];
  if (other.joined || other.detached) model::fault(nullptr, nullptr, "thread %u is joined twice", other.id);
  if (other.is != model::state::ended) return EBUSY;
  return pthread_join(handle, result);
}

int pthread_detach(pthread_t handle) noexcept {
  if (outside()) return next<decltype(pthread_detach)>("pthread_detach")(handle);
  model::point();
  model::fiber& other = g->fibers[fiber_of(handle)];
  if (other.joined || other.detached) model::fault(nullptr, nullptr, "thread %u is joined or detached twice", other.id);
  other.detached = true;
  model::tell(model::event_kind::detach, 0, other.id, 0, 0, 0, nullptr);
  return 0;
}

int pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) noexcept {
  if (!outside()) model::fault(nullptr, nullptr, "a key made in an execution: the model has those from before only");
  const int failed = next<decltype(pthread_key_create)>("pthread_key_create")(key, destructor);
  return failed != 0 ? failed : model::new_key(key, destructor);
}
int pthread_setspecific(pthread_key_t key, const void* value) noexcept {
  void** const mine = outside() ? nullptr : model::value_of_key(key);
  if (mine == nullptr) return next<decltype(pthread_setspecific)>("pthread_setspecific")(key, value);
  *mine = const_cast<void*>(value);
  return 0;
}
void* pthread_getspecific(pthread_key_t key) noexcept {
  void** const mine = outside() ? nullptr : model::value_of_key(key);
  return mine != nullptr ? *mine : next<decltype(pthread_getspecific)>("pthread_getspecific")(key);
}

// Signals come to no thread of the model.
int pthread_sigmask(int how, const sigset_t* wanted, sigset_t* before) noexcept {
  return outside() ? next<decltype(pthread_sigmask)>("pthread_sigmask")(how, wanted, before) : 0;
}

int pthread_setname_np(pthread_t handle, const char* name) noexcept {
  if (outside()) return next<int(pthread_t, const char*)>("pthread_setname_np")(handle, name);
  return 0;
}

int pthread_getcpuclockid(pthread_t handle, clockid_t* clock) noexcept {
  if (outside()) return next<decltype(pthread_getcpuclockid)>("pthread_getcpuclockid")(handle, clock);
  return ENOENT;
}

int sched_yield() noexcept {
  if (outside()) return static_cast<int>(real_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0));
  model::yield();
  return 0;
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (outside())
    return static_cast<int>(real_syscall(SYS_clock_gettime, clock, reinterpret_cast<long>(now), 0, 0, 0, 0));
  if (g->how != model::strategy::exhaustive) {
    g->ns += static_cast<std::int64_t>(model::random_bits() % 200);
    if (g->rushes_left != 0 && model::random_bits() % 32 == 0) {
      --g->rushes_left;
      g->ns += static_cast<std::int64_t>(model::random_bits() % 2'500'000);
    }
  }
  now->tv_sec = static_cast<time_t>(g->ns / 1'000'000'000);
  now->tv_nsec = static_cast<long>(g->ns % 1'000'000'000);
  return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* limit, timespec* left) {
  if (outside()) return next<decltype(clock_nanosleep)>("clock_nanosleep")(clock, flags, limit, left);
  static const std::uint32_t nobody_wakes = 0;
  std::int64_t until = limit->tv_sec * 1'000'000'000 + limit->tv_nsec;
  if (flags == 0) until += g->ns;
  while (g->ns < until) model::futex_wait(&nobody_wakes, 0, &until, __builtin_return_address(0));
  return 0;
}
int nanosleep(const timespec* limit, timespec* left) { return clock_nanosleep(CLOCK_MONOTONIC, 0, limit, left); }

// ── statics inside functions: built once, and what built them happens before
// their use ──

int __cxa_guard_acquire(std::uint64_t* guard) noexcept {  // NOLINT
  auto* const bytes = reinterpret_cast<unsigned char*>(guard);
  if (outside()) return bytes[0] == 0 ? 1 : 0;
  void* const pc = __builtin_return_address(0);
  while ((model::modify_at(bytes, 1, model::operation::bit_or, 0, 2, pc) & 1) == 0) {
    if (bytes[1] == 0) {
      bytes[1] = 1;
      ++g->current->in_guard;
      return 1;
    }
    model::yield();
  }
  return 0;
}
void __cxa_guard_release(std::uint64_t* guard) noexcept {  // NOLINT
  auto* const bytes = reinterpret_cast<unsigned char*>(guard);
  if (outside()) {
    bytes[0] = 1;
    return;
  }
  --g->current->in_guard;
  model::store_at(bytes, 1, 1, 3, __builtin_return_address(0));
  bytes[1] = 0;
}
void __cxa_guard_abort(std::uint64_t* guard) noexcept {  // NOLINT
  reinterpret_cast<unsigned char*>(guard)[1] = 0;
  if (!outside()) --g->current->in_guard;
}

}  // extern "C"
