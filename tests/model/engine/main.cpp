// engine/main.cpp · runs the scenarios of a program, each with many seeds
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <initializer_list>

#include <sys/single_threaded.h>
#include <unistd.h>
#include <csignal>

#include <engine/engine.hpp>

namespace model {

engine* const g = static_cast<engine*>(map_at(0x630000000000, sizeof(engine)));

namespace {

scenario* first_scenario = nullptr;

std::uint64_t current_seed = 0;

void* run_body(void*) {
  g->running->body();
  return nullptr;
}

bool execute(const scenario& s, std::uint64_t seed) noexcept {
  restore_statics();
  current_seed = seed;
  begin_memory();
  begin_atomics();
  g->running = &s;
  ++g->execution;
  g->failed = false;
  g->event_count = 0;
  g->fiber_count = 0;
  g->current = nullptr;
  begin_schedule(seed);
  new_fiber(&run_body, nullptr);
  g->active = true;
  run_fibers();
  g->active = false;
  g->total_steps += g->steps;
  if (!g->failed && blocks_alive() != 0) {
    g->failed = true;
    g->failure_pcs[0] = first_block_alive();
    g->failure_pcs[1] = nullptr;
    std::snprintf(g->failure, sizeof g->failure, "%zu blocks of memory leak, the first made at", blocks_alive());
  }
  return !g->failed;
}

void report(const scenario& s, const char* how) noexcept {
  std::printf("\n%s, %s %" PRIu64 ":\n", s.name, how, current_seed);
  print_interleaving(stdout);
  if (g->how == strategy::exhaustive) {
    std::printf("again: %s --scenario %s --exhaustive %u\n\n", program_invocation_name, s.name, g->preemption_bound);
  } else {
    std::printf("again: %s --scenario %s --seed %" PRIu64 "\n\n", program_invocation_name, s.name, current_seed);
  }
  std::fflush(stdout);
}

void crash(int number) {
  g->active = false;
  std::snprintf(g->failure, sizeof g->failure, "signal %d: %s", number, ::strsignal(number));
  g->failure_pcs[0] = g->failure_pcs[1] = nullptr;
  report(*g->running, "seed");
  std::fflush(stdout);
  ::_exit(3);
}

void terminated() {
  if (g->active) fault(nullptr, nullptr, "std::terminate");
  std::abort();
}

double seconds() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

bool next_choices() noexcept {
  while (g->known != 0) {
    auto& last = g->choices[g->known - 1];
    if (last.taken + 1 < last.of) {
      ++last.taken;
      return true;
    }
    --g->known;
  }
  return false;
}

struct wishes {
  const char* name = nullptr;
  std::uint64_t seeds = 5'000, from = 1;
  bool one = false, trace = false, exhaustive = false;
  unsigned bound = 2;
  double seconds_each = 1e9;
};

bool run_all_seeds(const scenario& s, const wishes& w) {
  const double begin = seconds();
  const std::uint64_t steps_before = g->total_steps;
  std::uint64_t runs = 0;
  std::uint64_t seeds = w.one ? 1 : w.seeds;
  if (s.options.must_fail && !w.one) seeds = std::max<std::uint64_t>(seeds, 20'000);  // how soon is luck
  bool good = true;
  g->known = 0;
  for (std::uint64_t seed = w.from; runs < seeds && good; ++seed) {
    g->how = w.exhaustive ? strategy::exhaustive : strategy::random_walk;
    g->preemption_bound = w.bound;
    good = execute(s, seed);
    ++runs;
    if (w.exhaustive && !next_choices()) break;
    if ((runs & 255) == 0 && seconds() - begin > w.seconds_each) break;
  }
  if (s.options.must_fail == good) {
    if (good) {
      std::printf("%s: not found out\n", s.name);
    } else {
      report(s, w.exhaustive ? "execution" : "seed");
    }
  } else if (w.trace) {
    report(s, "seed");
  }
  const bool as_wanted = s.options.must_fail != good;
  const double took = seconds() - begin;
  std::printf("%-50s %s %8" PRIu64 " executions %10" PRIu64 " steps %6.2f s\n", s.name,
              as_wanted ? (good ? "good " : "found") : "WRONG", runs, g->total_steps - steps_before, took);
  std::fflush(stdout);
  return as_wanted;
}

}  // namespace

scenario::scenario(const char* n, void (*b)(), scenario_options o) noexcept
    : name(n), body(b), options(o), next(nullptr) {
  scenario** last = &first_scenario;
  while (*last != nullptr) last = &(*last)->next;
  *last = this;
}

int run_scenarios(int argc, char** argv) {
  wishes w;
  if (const char* const seeds = std::getenv("SPOOL_MODEL_SEEDS")) w.seeds = std::strtoull(seeds, nullptr, 10);
  if (const char* const limit = std::getenv("SPOOL_MODEL_SECONDS")) w.seconds_each = std::strtod(limit, nullptr);
  for (int i = 1; i < argc; ++i) {
    const auto is = [&](const char* text) { return std::strcmp(argv[i], text) == 0; };
    const auto value = [&] { return ++i < argc ? argv[i] : "0"; };
    if (is("--list")) {
      for (const scenario* s = first_scenario; s != nullptr; s = s->next) std::puts(s->name);
      return 0;
    } else if (is("--scenario")) {
      w.name = value();
    } else if (is("--seeds")) {
      w.seeds = std::strtoull(value(), nullptr, 10);
    } else if (is("--seed")) {
      w.one = true;
      w.from = std::strtoull(value(), nullptr, 10);
    } else if (is("--trace")) {
      w.trace = true;
    } else if (is("--seconds")) {
      w.seconds_each = std::strtod(value(), nullptr);
    } else if (is("--exhaustive")) {
      w.exhaustive = true;
      w.bound = static_cast<unsigned>(std::strtoul(value(), nullptr, 10));
    } else {
      std::fprintf(stderr,
                   "%s [--list] [--scenario NAME] [--seeds N] [--seed N] "
                   "[--trace] [--seconds EACH] "
                   "[--exhaustive PREEMPTIONS]\n",
                   argv[0]);
      return 2;
    }
  }
  static char signal_stack[1 << 16];
  stack_t alternative{};
  alternative.ss_sp = signal_stack;
  alternative.ss_size = sizeof signal_stack;
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action{};
  action.sa_handler = &crash;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) ::sigaction(number, &action, nullptr);
  std::set_terminate(&terminated);

  __libc_single_threaded = 0;
  begin_memory();
  note_statics();
  bool good = true;
  unsigned run = 0;
  for (const scenario* s = first_scenario; s != nullptr; s = s->next) {
    if (w.name != nullptr && std::strcmp(s->name, w.name) != 0) continue;
    good = run_all_seeds(*s, w) && good;
    ++run;
  }
  if (run == 0) std::puts("no such scenario");
  return good && run != 0 ? 0 : 1;
}

}  // namespace model

int main(int argc, char** argv) {
  const int result = model::run_scenarios(argc, argv);
  std::fflush(stdout);
  ::_exit(result);
}
