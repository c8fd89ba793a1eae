// engine/atomics.cpp · what an atomic access may see: the memory model of C++, by histories of stores
// SPDX-License-Identifier: MIT
//
// The stores to one atomic are numbered in the order of execution, which serves
// as their modification order. A load may return any of the last few, unless
// coherence or the order of the sequentially consistent operations forbids it:
// none that is older than one that happens before the load, or that was seen by
// what happens before it. A read-modify-write takes the newest. Not modelled:
// loads that see stores of the future, and modification orders that differ from
// the order of execution.
#include <cstdlib>
#include <cstring>

#include <engine/engine.hpp>

namespace model {

namespace {

struct past_store {
  std::uint64_t value;
  std::uint32_t time;
  unsigned thread;
  bool releases;
  vector_clock released;            // what happens before whoever acquires it
  std::uint32_t seen[max_threads];  // when each thread first read it
};

struct location {
  std::uintptr_t address;
  std::uint32_t execution;
  unsigned number;
  unsigned char size;
  bool alive, lazy;
  void* ended_by;
  std::uint32_t oldest, newest, floor_of_sc;
  past_store* stores;  // a ring; null while only the first value is there
  std::uint64_t first_value;
  unsigned first_thread;
  std::uint32_t first_time;
};

constexpr unsigned table_size = 1U << 16;
constexpr unsigned most_rings = 1U << 14;

location* const table = static_cast<location*>(std::calloc(table_size, sizeof(location)));
past_store* const rings = static_cast<past_store*>(std::calloc(most_rings * history, sizeof(past_store)));
unsigned* const used = static_cast<unsigned*>(std::calloc(2, sizeof(unsigned)));  // locations, rings

bool acquires(int order) noexcept { return order == 1 || order == 2 || order == 4 || order == 5; }
bool releases(int order) noexcept { return order == 3 || order == 4 || order == 5; }
bool is_sc(int order) noexcept { return order == 5; }

location* find(std::uintptr_t address, bool make) noexcept {
  unsigned i = static_cast<unsigned>((address * 0x9e3779b97f4a7c15ULL) >> 40) % table_size;
  for (;; i = (i + 1) % table_size) {
    location& l = table[i];
    if (l.execution == g->execution && l.address == address) return &l;
    if (l.execution == g->execution) continue;
    if (!make) return nullptr;
    if (++used[0] > table_size / 2) fault(nullptr, nullptr, "too many atomics");
    l = location{};
    l.address = address;
    l.execution = g->execution;
    l.number = used[0];
    return &l;
  }
}

std::uint64_t in_memory(const void* address, unsigned size) noexcept {
  std::uint64_t bits = 0;
  std::memcpy(&bits, address, size);
  return bits;
}

past_store& at(location& l, std::uint32_t index) noexcept { return l.stores[index % history]; }

past_store& append(location& l) noexcept {
  ++l.newest;
  if (l.newest - l.oldest >= history) l.oldest = l.newest - history + 1;
  past_store& s = at(l, l.newest);
  s = past_store{};
  s.thread = g->current->id;
  s.time = g->current->now();
  return s;
}

void need_ring(location& l) noexcept {
  if (l.stores != nullptr) return;
  if (used[1] == most_rings) fault(nullptr, nullptr, "too many atomics in use");
  l.stores = rings + history * used[1]++;
  past_store& s = at(l, l.newest);
  s = past_store{};
  s.value = l.first_value;
  s.thread = l.first_thread;
  s.time = l.first_time;
}

void restart(location& l, unsigned size, std::uint64_t value, unsigned thread, std::uint32_t time) noexcept {
  l.size = static_cast<unsigned char>(size);
  l.alive = true;
  l.oldest = l.newest = l.floor_of_sc = 0;
  l.stores = nullptr;
  l.first_value = value;
  l.first_thread = thread;
  l.first_time = time;
}

location& use(const void* address, unsigned size, unsigned char how, void* pc) noexcept {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  note_access(address, size, how, pc);
  location* l = find(a, false);
  if (l == nullptr || (l->lazy && !l->alive)) {
    // One that is not the library's own, or is static: it began with what is in
    // memory.
    if (l == nullptr) l = find(a, true);
    restart(*l, size, in_memory(address, size), 0, 0);
    l->lazy = true;
    mark_lazy(address);
  }
  if (!l->alive) fault(pc, l->ended_by, "use of a destroyed atomic, #%u", l->number);
  need_ring(*l);
  return *l;
}

void acquire(const past_store& s, int order) noexcept {
  if (acquires(order) && s.releases) g->current->clock.join(s.released);
}

void after() noexcept { ++g->current->clock.of[g->current->id]; }

/// The oldest store that a load by the current thread may return.
std::uint32_t floor_for_load(location& l, int order) noexcept {
  const vector_clock& now = g->current->clock;
  for (std::uint32_t i = l.newest; i != l.oldest; --i) {
    const past_store& s = at(l, i);
    if (is_sc(order) && i == l.floor_of_sc) return i;
    if (now.of[s.thread] >= s.time) return i;
    for (unsigned t = 0; t < g->fiber_count; ++t) {
      if (s.seen[t] != 0 && now.of[t] >= s.seen[t]) return i;
    }
  }
  return l.oldest;
}

std::uint64_t see(location& l, std::uint32_t index, int order) noexcept {
  past_store& s = at(l, index);
  std::uint32_t& seen = s.seen[g->current->id];
  if (seen == 0) seen = g->current->now();
  acquire(s, order);
  if (is_sc(order) && index > l.floor_of_sc) l.floor_of_sc = index;
  return s.value;
}

std::uint32_t choose_store(location& l, int order) noexcept {
  const std::uint32_t oldest = floor_for_load(l, order);
  if (oldest == l.newest || g->stale_left == 0) return l.newest;
  const unsigned behind = pick(l.newest - oldest + 1, g->stale_one_in);
  if (behind != 0) --g->stale_left;
  return l.newest - behind;
}

void write_back(void* address, const location& l, std::uint64_t value) noexcept {
  std::memcpy(address, &value, l.size);
}

/// The newest store is read and followed by another: the release sequence goes
/// on.
void follow(void* address, location& l, std::uint64_t value, int order) noexcept {
  past_store& read = at(l, l.newest);
  acquire(read, order);
  const bool carries = read.releases;
  const vector_clock carried = read.released;
  past_store& s = append(l);
  s.value = value;
  s.releases = carries || releases(order);
  if (carries) s.released = carried;
  if (releases(order)) s.released.join(g->current->clock);
  if (is_sc(order)) l.floor_of_sc = l.newest;
  write_back(address, l, value);
}

}  // namespace

void begin_atomics() noexcept { used[0] = used[1] = 0; }

void forget_lazy(std::uintptr_t granule) noexcept {
  for (unsigned i = 0; i < 8; ++i) {
    location* const l = find(granule + i, false);
    if (l != nullptr && l->lazy) l->alive = false;
  }
}

unsigned location_number(const void* address) noexcept {
  location* const l = find(reinterpret_cast<std::uintptr_t>(address), false);
  return l == nullptr ? 0 : l->number;
}

std::uint64_t newest_value(const void* address, unsigned size) noexcept { return in_memory(address, size); }

std::uint64_t load_at(const void* address, unsigned size, int order, void* pc) noexcept {
  point();
  location& l = use(address, size, reads | atomically, pc);
  const std::uint32_t index = choose_store(l, order);
  const std::uint64_t value = see(l, index, order);
  tell(event_kind::load, l.number, value, 0, order, l.newest - index, pc);
  after();
  return value;
}

void store_at(void* address, unsigned size, std::uint64_t value, int order, void* pc) noexcept {
  point();
  location& l = use(address, size, writes | atomically, pc);
  past_store& s = append(l);
  s.value = cut(value, size);
  s.releases = releases(order);
  if (s.releases) s.released = g->current->clock;
  if (is_sc(order)) l.floor_of_sc = l.newest;
  write_back(address, l, s.value);
  tell(event_kind::store, l.number, s.value, 0, order, 0, pc);
  after();
}

std::uint64_t modify_at(void* address, unsigned size, operation what, std::uint64_t operand, int order,
                        void* pc) noexcept {
  point();
  location& l = use(address, size, writes | atomically, pc);
  const std::uint64_t before = at(l, l.newest).value;
  const std::uint64_t value = cut(applied(what, before, operand), size);
  follow(address, l, value, order);
  tell(event_kind::modify, l.number, before, value, order, 0, pc);
  after();
  return before;
}

bool compare_exchange_at(void* address, unsigned size, std::uint64_t& expected, std::uint64_t desired, int success,
                         int failure, bool weak, void* pc) noexcept {
  point();
  location& l = use(address, size, writes | atomically, pc);
  if (at(l, l.newest).value == cut(expected, size) && !(weak && g->spurious_left != 0 && pick(2, 16) != 0)) {
    follow(address, l, cut(desired, size), success);
    tell(event_kind::cas_done, l.number, expected, cut(desired, size), success, 0, pc);
    after();
    return true;
  }
  std::uint32_t index = l.newest;
  if (at(l, l.newest).value != cut(expected, size)) {
    index = choose_store(l, failure);
    if (at(l, index).value == cut(expected, size)) index = l.newest;  // it would have failed for no reason
  } else {
    --g->spurious_left;
  }
  expected = see(l, index, failure);
  tell(event_kind::cas_failed, l.number, expected, cut(desired, size), failure, l.newest - index, pc);
  after();
  return false;
}

void atomic_begins(const void* address, unsigned size) noexcept {
  if (g == nullptr || !g->active) return;
  location& l = *find(reinterpret_cast<std::uintptr_t>(address), true);
  l.lazy = false;
  restart(l, size, in_memory(address, size), g->current->id, g->current->now());
}

void atomic_ends(const void* address) noexcept {
  if (g == nullptr || !g->active) return;
  location* const l = find(reinterpret_cast<std::uintptr_t>(address), false);
  if (l == nullptr) return;
  void* const pc = __builtin_return_address(0);
  if (!l->alive && !l->lazy) fault(pc, l->ended_by, "atomic #%u is destroyed twice", l->number);
  note_access(address, l->size, writes, pc);
  l->alive = false;
  l->ended_by = pc;
}

}  // namespace model
