// engine/engine.hpp · the state of one execution, shared by the files of the engine
// SPDX-License-Identifier: MIT
//
// Threads are fibers of one thread of the system, so a switch costs some 20 ns.
// Each has its own copy of the program's thread-locals, which is moved in and
// out at every switch. All static data of the program is put back before each
// execution, and all memory comes from one arena at a fixed address: a seed
// gives the same execution in any process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include <engine/access.hpp>
#include <model.hpp>

namespace model {

inline constexpr unsigned max_threads = 16;
inline constexpr unsigned history = 8;  // stores that are remembered of each atomic
inline constexpr std::size_t stack_size = std::size_t{512} << 10;

/// For each thread, how far what it did happens before.
struct vector_clock {
  std::uint32_t of[max_threads];
  void join(const vector_clock& other) noexcept {
    for (unsigned i = 0; i < max_threads; ++i) of[i] = of[i] < other.of[i] ? other.of[i] : of[i];
  }
};

struct at_thread_exit {
  void (*call)(void*);
  void* object;
};

enum class state : unsigned char { runnable, sleeping, joining, ended };
enum class woken : unsigned char { called, by_timeout, for_no_reason };

struct fiber {
  unsigned id;
  state is;
  woken how;
  bool timed, detached, joined, paused;
  void* stack_pointer;
  void* (*body)(void*);
  void* argument;
  void* result;
  std::uintptr_t sleeps_on;
  std::int64_t until_ns;
  unsigned joins;
  int priority;
  unsigned yields;
  unsigned steps_on_end;  // since it came to run
  unsigned in_guard;      // static objects that it is building
  vector_clock clock;
  unsigned char* thread_locals;
  void* exceptions[2];  // libstdc++'s own thread-local of this size
  unsigned exits;
  at_thread_exit at_exit[16];
  void* values_of_keys[8];
  std::uint32_t now() const noexcept { return clock.of[id]; }
};

// ── the interleaving, as it is told ──

enum class event_kind : unsigned char {
  load,
  store,
  modify,
  cas_done,
  cas_failed,
  futex_wait,
  futex_wake,
  woke_up,
  timed_out,
  woke_for_no_reason,
  futex_differs,
  start,
  end,
  join,
  detach,
  destroyed,
  refused
};

struct event {
  event_kind kind;
  unsigned char thread, order,
      behind;  // how many stores behind the newest one the value was
  unsigned location;
  std::uint64_t a, b;
  std::int64_t ns;
  void* pc;
};

inline constexpr unsigned most_events = 1U << 12;

enum class strategy : unsigned char { random_walk, priorities, exhaustive };

struct engine {
  bool active;  // an execution is running: what is called comes from one of its
                // threads
  bool failed;
  char failure[1024];
  void* failure_pcs[2];
  const scenario* running;
  std::uint32_t execution;  // counts them; what bears an older number is forgotten

  std::uint64_t random_state;
  strategy how;
  unsigned switch_one_in, stale_one_in, timeout_one_in;
  unsigned stale_left, spurious_left, rushes_left;
  bool several_cpus, yields_help;
  std::uint64_t steps;
  std::uint64_t change_points[8];
  unsigned changes;
  unsigned slice;  // steps that the first of all has before others get their turn
  int lowest_priority;
  unsigned threads_to_refuse, joins_to_refuse;

  // exhaustive
  unsigned preemption_bound, preemptions;
  struct choice {
    unsigned taken, of;
  } choices[1U << 16];
  unsigned depth, known;

  fiber fibers[max_threads];
  unsigned fiber_count;
  fiber* current;
  void* main_stack_pointer;
  std::int64_t ns;

  event events[most_events];
  std::uint64_t event_count;
  std::uint64_t total_steps;
};

extern engine* const g;

// ── schedule.cpp, sleep.cpp ──
void begin_schedule(std::uint64_t seed) noexcept;
std::uint64_t random_bits() noexcept;
unsigned below(unsigned n) noexcept;
bool one_in(unsigned n) noexcept;  // never, for 0
/// One of n ways to go on; the first is the plain one.
unsigned pick(unsigned n, unsigned one_in) noexcept;
void point() noexcept;
void go_on() noexcept;  // the current fiber cannot: switches to another
void wake(fiber& f, woken how) noexcept;
int futex_wait(const void* address, std::uint32_t expected, const std::int64_t* until_ns, void* pc) noexcept;
unsigned futex_wake(const void* address, unsigned most, void* pc) noexcept;

// ── fibers.cpp ──
void note_statics() noexcept;
void restore_statics() noexcept;
int new_key(unsigned* key, void (*destructor)(void*)) noexcept;  // of values that each thread has its own of
void** value_of_key(unsigned key) noexcept;                      // the current thread's; null: not one of ours
fiber* new_fiber(void* (*body)(void*), void* argument) noexcept;
void switch_to(fiber& next) noexcept;
void run_fibers() noexcept;
[[noreturn]] void leave_execution() noexcept;

// ── memory.cpp ──
enum access : unsigned char { reads = 0, writes = 1, atomically = 2 };
void note_access(const void* address, std::size_t size, unsigned char how, void* pc) noexcept;
void mark_lazy(const void* address) noexcept;
void begin_memory() noexcept;
std::size_t blocks_alive() noexcept;
void* first_block_alive() noexcept;  // what made it
void* map_at(std::uintptr_t address, std::size_t size) noexcept;
std::uintptr_t stack_of(unsigned fiber) noexcept;

// ── access.cpp ──
std::uint64_t cut(std::uint64_t value, unsigned size) noexcept;
std::uint64_t applied(operation what, std::uint64_t before, std::uint64_t operand) noexcept;

// ── atomics.cpp ──
void begin_atomics() noexcept;
void forget_lazy(std::uintptr_t address) noexcept;
std::uint64_t newest_value(const void* address, unsigned size) noexcept;
unsigned location_number(const void* address) noexcept;
std::uint64_t load_at(const void*, unsigned size, int order, void* pc) noexcept;
void store_at(void*, unsigned size, std::uint64_t value, int order, void* pc) noexcept;
std::uint64_t modify_at(void*, unsigned size, operation, std::uint64_t operand, int order, void* pc) noexcept;
bool compare_exchange_at(void*, unsigned size, std::uint64_t& expected, std::uint64_t desired, int success, int failure,
                         bool weak, void* pc) noexcept;

// ── report.cpp ──
void tell(event_kind kind, unsigned location, std::uint64_t a, std::uint64_t b, int order, unsigned behind,
          void* pc) noexcept;
[[noreturn]] void fault(void* pc1, void* pc2, const char* format, ...) noexcept __attribute__((format(printf, 3, 4)));
void print_interleaving(std::FILE* to) noexcept;

}  // namespace model
