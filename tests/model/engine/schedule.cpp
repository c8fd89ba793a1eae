// engine/schedule.cpp · who runs next, and when
// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <engine/engine.hpp>

namespace model {

namespace {

constexpr std::int64_t first_ns = 1'000'000'000'000;
constexpr std::int64_t longest_absence_ns = 200'000'000;

bool can_run(const fiber& f) noexcept { return f.is == state::runnable; }

/// Whether a thread that can run may have taken so long that the sleep is over.
bool may_be_over(const fiber& f) noexcept { return f.timed && f.until_ns - g->ns < longest_absence_ns; }

/// A sleeper that ends its sleep by itself: at its deadline, or for no reason.
void end_a_sleep(bool for_no_reason) noexcept {
  fiber* found[max_threads];
  unsigned n = 0;
  for (unsigned i = 0; i < g->fiber_count; ++i) {
    fiber& f = g->fibers[i];
    if (f.is == state::sleeping && (for_no_reason || may_be_over(f))) found[n++] = &f;
  }
  if (n == 0) return;
  if (for_no_reason) --g->spurious_left;
  wake(*found[below(n)], for_no_reason ? woken::for_no_reason : woken::by_timeout);
}

/// Nobody can run: time passes until a sleep ends.
bool rush_forward() noexcept {
  fiber* first = nullptr;
  for (unsigned i = 0; i < g->fiber_count; ++i) {
    fiber& f = g->fibers[i];
    if (f.is == state::sleeping && f.timed && (first == nullptr || f.until_ns < first->until_ns)) first = &f;
  }
  if (first == nullptr) return false;
  if (!g->running->options.timeouts_may_rescue) {
    fault(nullptr, nullptr, "nobody can run until thread %u has slept long enough", first->id);
  }
  wake(*first, woken::by_timeout);
  return true;
}

fiber* by_walk(bool stays) noexcept {
  fiber& self = *g->current;
  if (stays && !self.paused && !one_in(g->switch_one_in)) return &self;
  fiber* found[max_threads];
  unsigned n = 0;
  for (const bool also_paused : {false, true}) {
    for (unsigned i = 0; i < g->fiber_count; ++i) {
      fiber& f = g->fibers[i];
      if (can_run(f) && &f != &self && (also_paused || !f.paused)) found[n++] = &f;
    }
    if (n != 0) break;
  }
  if (n == 0) return stays ? &self : nullptr;
  return found[below(n)];
}

fiber* by_priority(bool stays) noexcept {
  fiber& self = *g->current;
  for (unsigned i = 0; i < g->changes; ++i) {
    if (g->change_points[i] == g->steps) self.priority = --g->lowest_priority;
  }
  // Even the first of all has its time slice: who waits for another in a loop
  // would be alone for ever.
  if (self.paused || ++self.steps_on_end > g->slice) self.priority = --g->lowest_priority;
  fiber* best = nullptr;
  for (unsigned i = 0; i < g->fiber_count; ++i) {
    fiber& f = g->fibers[i];
    if (can_run(f) && (&f != &self || stays) && (best == nullptr || f.priority > best->priority)) best = &f;
  }
  return best;
}

fiber* by_exhaustion(bool stays) noexcept {
  fiber& self = *g->current;
  fiber* found[max_threads];
  unsigned n = 0;
  if (stays && !self.paused) found[n++] = &self;
  const bool preempts = n != 0;
  if (!preempts || g->preemptions < g->preemption_bound) {
    for (unsigned i = 1; i <= g->fiber_count; ++i) {
      fiber& f = g->fibers[(self.id + i) % g->fiber_count];
      if (can_run(f) && &f != &self) found[n++] = &f;
    }
    if (n == 0 && stays) found[n++] = &self;
  }
  if (n == 0) return nullptr;
  const unsigned taken = pick(n, 1);
  if (preempts && taken != 0) ++g->preemptions;
  return found[taken];
}

fiber* next_fiber(bool stays) noexcept {
  if (++g->steps > g->running->options.steps) fault(nullptr, nullptr, "no end in sight: a livelock?");
  if (g->how == strategy::exhaustive) {
    // What ends by itself is a preemption too.
    for (unsigned i = 0; i < g->fiber_count && g->preemptions < g->preemption_bound; ++i) {
      fiber& f = g->fibers[i];
      if (f.is == state::sleeping && may_be_over(f) && pick(2, 1) != 0) {
        ++g->preemptions;
        wake(f, woken::by_timeout);
      }
    }
    return by_exhaustion(stays);
  }
  if (one_in(g->timeout_one_in)) end_a_sleep(false);
  if (g->spurious_left != 0 && one_in(64)) end_a_sleep(true);
  return g->how == strategy::random_walk ? by_walk(stays) : by_priority(stays);
}

void run(fiber& next) noexcept {
  fiber& self = *g->current;
  if (&next != &self) {
    self.paused = false;
    next.steps_on_end = 0;
  }
  next.paused = false;
  switch_to(next);
}

}  // namespace

std::uint64_t random_bits() noexcept {
  std::uint64_t x = (g->random_state += 0x9e3779b97f4a7c15ULL);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

unsigned below(unsigned n) noexcept { return static_cast<unsigned>(random_bits() % n); }
bool one_in(unsigned n) noexcept { return n != 0 && below(n) == 0; }

unsigned pick(unsigned n, unsigned one_in_this) noexcept {
  if (n < 2) return 0;
  if (g->how != strategy::exhaustive) {
    if (!one_in(one_in_this)) return 0;
    return one_in_this == 1 ? below(n) : 1 + below(n - 1);
  }
  const unsigned at = g->depth++;
  if (at < g->known) {
    g->choices[at].of = n;
    return g->choices[at].taken;
  }
  if (at == sizeof g->choices / sizeof g->choices[0]) return 0;
  g->choices[at] = {0, n};
  g->known = at + 1;
  return 0;
}

void begin_schedule(std::uint64_t seed) noexcept {
  g->random_state = seed * 0xd1342543de82ef95ULL + 1;
  g->steps = 0;
  g->ns = first_ns;
  g->threads_to_refuse = 0;
  g->joins_to_refuse = 0;
  g->preemptions = 0;
  g->depth = 0;
  g->lowest_priority = 1'000;
  if (g->how == strategy::exhaustive) {
    g->stale_left = 1;
    g->stale_one_in = 1;
    g->spurious_left = 0;
    g->several_cpus = false;
    g->yields_help = false;
    g->rushes_left = 0;
    return;
  }
  static const unsigned rates[] = {2, 4, 8, 16, 40, 100};
  static const unsigned rates_of_staleness[] = {0, 2, 4, 10};
  static const unsigned rates_of_timeouts[] = {0, 20, 60, 200, 600};
  g->how = one_in(2) ? strategy::random_walk : strategy::priorities;
  g->switch_one_in = rates[below(6)];
  g->stale_one_in = rates_of_staleness[below(4)];
  g->timeout_one_in = rates_of_timeouts[below(5)];
  g->stale_left = 16;
  g->spurious_left = one_in(2) ? 0 : 3;
  g->several_cpus = one_in(3);
  g->yields_help = one_in(2);
  g->rushes_left = one_in(2) ? 0 : 4;
  static const unsigned lengths[] = {30, 60, 120, 250, 500, 1'500};
  const unsigned length = lengths[below(6)];
  g->slice = one_in(2) ? 400 : 4'000;
  g->changes = below(5);
  for (unsigned i = 0; i < g->changes; ++i) g->change_points[i] = below(length);
}

void point() noexcept {
  g->ns += 20;
  run(*next_fiber(true));
}

void go_on() noexcept {
  for (;;) {
    if (fiber* const next = next_fiber(false)) {
      // Its own sleep may just have ended.
      return run(*next);
    }
    if (can_run(*g->current)) return;
    bool all_ended = true;
    for (unsigned i = 0; i < g->fiber_count; ++i) all_ended = all_ended && g->fibers[i].is == state::ended;
    if (all_ended) leave_execution();
    if (rush_forward()) continue;
    char who[256];
    int n = 0;
    for (unsigned i = 0; i < g->fiber_count; ++i) {
      const fiber& f = g->fibers[i];
      if (f.is == state::sleeping) {
        n += std::snprintf(who + n, sizeof who - static_cast<unsigned>(n), " %u sleeps on #%u;", f.id,
                           location_number(reinterpret_cast<void*>(f.sleeps_on)));
      } else if (f.is == state::joining) {
        n += std::snprintf(who + n, sizeof who - static_cast<unsigned>(n), " %u joins %u;", f.id, f.joins);
      }
      if (n > 200) break;
    }
    fault(nullptr, nullptr, "deadlock: nobody can run:%s", who);
  }
}

}  // namespace model
