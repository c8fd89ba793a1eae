// engine/sleep.cpp · sleeping on a word, waking who sleeps, and waiting awake
// SPDX-License-Identifier: MIT
#include <engine/engine.hpp>

namespace model {

namespace {

bool is_asleep_at(const fiber& f, const void* address) noexcept {
  return f.is == state::sleeping && f.sleeps_on == reinterpret_cast<std::uintptr_t>(address);
}

}  // namespace

void wake(fiber& f, woken how) noexcept {
  f.is = state::runnable;
  f.how = how;
  if (how == woken::by_timeout && g->ns < f.until_ns) g->ns = f.until_ns;
}

int futex_wait(const void* address, std::uint32_t expected, const std::int64_t* until_ns, void* pc) noexcept {
  point();
  fiber& self = *g->current;
  note_access(address, 4, reads | atomically, pc);
  const unsigned number = location_number(address);
  if (newest_value(address, 4) != expected) {
    tell(event_kind::futex_differs, number, expected, newest_value(address, 4), 0, 0, pc);
    return 1;
  }
  tell(event_kind::futex_wait, number, expected, until_ns == nullptr ? 0 : static_cast<std::uint64_t>(*until_ns), 0, 0,
       pc);
  self.is = state::sleeping;
  self.sleeps_on = reinterpret_cast<std::uintptr_t>(address);
  self.timed = until_ns != nullptr;
  self.until_ns = self.timed ? *until_ns : 0;
  go_on();
  switch (self.how) {
    case woken::called:
      tell(event_kind::woke_up, number, 0, 0, 0, 0, pc);
      return 0;
    case woken::for_no_reason:
      tell(event_kind::woke_for_no_reason, number, 0, 0, 0, 0, pc);
      return 0;
    case woken::by_timeout:
      tell(event_kind::timed_out, number, 0, 0, 0, 0, pc);
      return 2;
  }
  return 0;
}

unsigned futex_wake(const void* address, unsigned most, void* pc) noexcept {
  point();
  unsigned woken_now = 0;
  while (woken_now < most) {
    fiber* found[max_threads];
    unsigned n = 0;
    for (unsigned i = 0; i < g->fiber_count; ++i) {
      if (is_asleep_at(g->fibers[i], address)) found[n++] = &g->fibers[i];
    }
    if (n == 0) break;
    wake(*found[pick(n, 1)], woken::called);
    ++woken_now;
  }
  tell(event_kind::futex_wake, location_number(address), most, woken_now, 0, 0, pc);
  return woken_now;
}

void pause() noexcept {
  if (g == nullptr || !g->active) return;
  g->ns += 20;
  if (g->how == strategy::exhaustive || !one_in(4)) return;
  yield();
}

void yield() noexcept {
  if (g == nullptr || !g->active) return;
  // In some executions nobody comes when one waits for it awake: so that it is
  // tried what follows, which is a sleep.
  fiber& self = *g->current;
  self.paused = g->yields_help || ++self.yields % 50 == 0;
  point();
}

bool has_several_cpus() noexcept { return g == nullptr || !g->active || g->several_cpus; }

void begin_contest() noexcept {
  for (unsigned i = 0; i < g->changes; ++i) g->change_points[i] += g->steps;
}

unsigned choose(unsigned n) noexcept { return pick(n, 1); }
void refuse_threads(unsigned n) noexcept { g->threads_to_refuse = n; }

void refuse_joins(unsigned n) noexcept { g->joins_to_refuse = n; }
std::int64_t now_ns() noexcept { return g->ns; }

void wait_for_sleepers(unsigned n) noexcept {
  for (;;) {
    unsigned asleep = 0;
    for (unsigned i = 0; i < g->fiber_count; ++i) asleep += g->fibers[i].is == state::sleeping ? 1 : 0;
    if (asleep >= n) return;
    yield();
  }
}

}  // namespace model
