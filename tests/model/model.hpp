// tests/model/model.hpp · scenarios: a few threads and a few operations, run in thousands of interleavings
// SPDX-License-Identifier: MIT
//
//   MODEL_SCENARIO(a_name) { ... }    the main thread of one execution; it may start std::threads and spool::threads
//   MODEL_CHECK(condition)            in any thread of it; ends the execution and reports it
//
// An execution runs one thread at a time. It is found at fault if a check fails, if plain data is accessed by two threads
// with nothing in the memory model that orders them, if memory or an atomic is used after its end, if nobody can run any
// more, if it does not come to an end, if a thread is neither joined nor detached, or if memory leaks.
//
// Within an execution std::thread, std::stop_token, std::shared_ptr, the clocks and sleeping are those of the model too.
// No iostreams: what they allocate belongs to the process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace model {

struct scenario_options {
  unsigned steps = 20'000;          ///< more scheduling points than these are taken for a livelock
  bool timeouts_may_rescue = true;  ///< whether it is right that nobody can run
                                    ///< until some time has passed
  bool must_fail = false;           ///< a wrong algorithm, to be found out
};

struct scenario {
  const char* name;
  void (*body)();
  scenario_options options;
  scenario* next;
  scenario(const char* n, void (*b)(), scenario_options o = {}) noexcept;
};

[[noreturn]] void fail(const char* what, const char* file, int line) noexcept;

/// A random number below n, of the seed's own.
unsigned choose(unsigned n) noexcept;

/// Threads that the system refuses from now on: the next `n`.
void refuse_threads(unsigned n) noexcept;

/// Joins that the system refuses from now on, as if the two threads waited for each other: the next `n`.
void refuse_joins(unsigned n) noexcept;

/// What came before was preparation: the changes of priority that were planned happen from here on.
void begin_contest() noexcept;

/// Until so many threads sleep.
void wait_for_sleepers(unsigned n) noexcept;

/// The simulated steady clock.
std::int64_t now_ns() noexcept;

}  // namespace model

#define MODEL_SCENARIO(name, ...)                                                                 \
  static void name();                                                                             \
  static ::model::scenario name##_scenario(#name, &name, ::model::scenario_options{__VA_ARGS__}); \
  static void name()

#define MODEL_CHECK(...) \
  ((__VA_ARGS__) ? static_cast<void>(0) : ::model::fail("check failed: " #__VA_ARGS__, __FILE__, __LINE__))
