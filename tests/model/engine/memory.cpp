// engine/memory.cpp · one arena for all executions, and who has accessed which byte of it
// SPDX-License-Identifier: MIT
//
// Blocks are handed out one after the other and never again in the same
// execution, so a freed one stays recognizable. Of every eight bytes the last
// few accesses are remembered, with the time on their thread's clock: two of
// different threads, one of them a write and not both atomic, must be ordered
// by what happens before.
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

#include <engine/engine.hpp>

extern "C" {
extern char __data_start[];  // NOLINT
extern char _end[];          // NOLINT
}

namespace model {

namespace {

constexpr std::uintptr_t arena_at = 0x600000000000;
constexpr std::size_t arena_size = std::size_t{64} << 20;
constexpr std::uintptr_t stacks_at = 0x610000000000;
constexpr std::uintptr_t cells_at = 0x620000000000;
constexpr std::size_t statics_most = std::size_t{4} << 20;
constexpr unsigned slots = 6;

struct past_access {
  std::uint32_t time;
  unsigned char thread, bytes, how;
  void* pc;
};
struct cell {
  std::uint32_t execution;
  bool freed, lazy;
  unsigned char used, oldest;
  void* freed_by;
  past_access past[slots];
};

struct block_head {
  std::uint64_t size;
  std::uint32_t magic;
  std::uint32_t in_static;
  void* by;
  block_head* older;
};
constexpr std::uint32_t alive = 0xa11fe;
constexpr std::uint32_t dead = 0xdead;

std::uintptr_t arena_next = arena_at;
std::size_t alive_count = 0;
block_head* newest_block = nullptr;
cell* cells = nullptr;

cell* cell_of(std::uintptr_t address) noexcept {
  std::size_t index = 0;
  if (address - arena_at < arena_size) {
    index = (address - arena_at) / 8;
  } else if (address - stacks_at < stack_size * max_threads) {
    index = (arena_size + (address - stacks_at)) / 8;
  } else if (const auto statics = reinterpret_cast<std::uintptr_t>(__data_start);
             address - statics < static_cast<std::uintptr_t>(_end - __data_start)) {
    index = (arena_size + stack_size * max_threads + (address - (statics & ~std::uintptr_t{7}))) / 8;
  } else {
    return nullptr;
  }
  cell* const c = cells + index;
  if (c->execution != g->execution) {
    c->execution = g->execution;
    c->freed = c->lazy = false;
    c->used = c->oldest = 0;
  }
  return c;
}

void note_in_cell(cell& c, std::uintptr_t at, unsigned char bytes, unsigned char how, void* pc) noexcept {
  fiber& self = *g->current;
  if (c.freed) fault(pc, c.freed_by, "use of freed memory at %#lx", static_cast<unsigned long>(at));
  if (c.lazy && (how & atomically) == 0 && (how & writes) != 0) {
    c.lazy = false;
    forget_lazy(at & ~std::uintptr_t{7});
  }
  past_access* room = nullptr;
  for (unsigned i = 0; i < c.used; ++i) {
    past_access& p = c.past[i];
    if (p.thread == self.id) {
      if (p.how == how && (p.bytes & ~bytes) == 0) room = &p;
      continue;
    }
    const bool ordered = self.clock.of[p.thread] >= p.time;
    if ((p.bytes & bytes) != 0 && ((p.how | how) & writes) != 0 && (p.how & how & atomically) == 0 && !ordered) {
      static const char* const kinds[] = {"read", "write", "atomic read", "atomic write"};
      fault(pc, p.pc,
            "data race at %#lx: %s by thread %u, %s by thread %u before, not "
            "ordered",
            static_cast<unsigned long>(at), kinds[how], self.id, kinds[p.how], p.thread);
    }
    if (ordered && room == nullptr && (how & writes) != 0 && (p.bytes & ~bytes) == 0) room = &p;
  }
  if (room == nullptr && c.used < slots) room = &c.past[c.used++];
  if (room == nullptr) room = &c.past[c.oldest++ % slots];
  *room = {self.now(), static_cast<unsigned char>(self.id), bytes, how, pc};
}

void* allocate(std::size_t size, std::size_t alignment, void* pc) noexcept {
  std::uintptr_t at = arena_next + sizeof(block_head);
  at = (at + alignment - 1) & ~(alignment - 1);
  const std::size_t room = (size + 15) & ~std::size_t{15};
  if (at + room > arena_at + arena_size) fault(nullptr, nullptr, "the arena is used up");
  arena_next = at + room;
  auto* const head = reinterpret_cast<block_head*>(at) - 1;
  *head = {size, alive, g->current->in_guard, pc, newest_block};
  newest_block = head;
  if (head->in_static == 0) ++alive_count;
  std::memset(reinterpret_cast<void*>(at), 0xcd, room);
  return reinterpret_cast<void*>(at);
}

void release(void* memory, void* pc) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(memory);
  if (at - arena_at >= arena_size) {
    if (at - stacks_at < stack_size * max_threads && g->active) fault(pc, nullptr, "delete of what is on a stack");
    std::free(memory);
    return;
  }
  if (!g->active) return;
  auto* const head = reinterpret_cast<block_head*>(at) - 1;
  if (head->magic != alive) {
    cell* const c = cell_of(at);
    fault(pc, c->freed_by, head->magic == dead ? "freed twice" : "delete of what is no block");
  }
  note_access(memory, head->size, writes, pc);
  for (std::size_t i = 0; i < head->size; i += 8) {
    cell* const c = cell_of(at + i);
    c->freed = true;
    c->freed_by = pc;
  }
  head->magic = dead;
  if (head->in_static == 0) --alive_count;
  std::memset(memory, 0xdf, head->size);
}

}  // namespace

void* map_at(std::uintptr_t address, std::size_t size) noexcept {
  void* const p = ::mmap(reinterpret_cast<void*>(address), size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (p == MAP_FAILED) {
    std::fputs("model: no memory at a fixed address\n", stderr);
    std::abort();
  }
  return p;
}

std::uintptr_t stack_of(unsigned fiber) noexcept { return stacks_at + fiber * stack_size; }

void begin_memory() noexcept {
  if (cells == nullptr) {
    map_at(arena_at, arena_size);
    map_at(stacks_at, stack_size * max_threads);
    cells =
        static_cast<cell*>(map_at(cells_at, (arena_size + stack_size * max_threads + statics_most) / 8 * sizeof(cell)));
    return;
  }
  arena_next = arena_at;
  alive_count = 0;
  newest_block = nullptr;
}

std::size_t blocks_alive() noexcept { return alive_count; }

void* first_block_alive() noexcept {
  void* by = nullptr;
  for (block_head* b = newest_block; b != nullptr; b = b->older) {
    if (b->magic == alive && b->in_static == 0) by = b->by;
  }
  return by;
}

void mark_lazy(const void* address) noexcept {
  if (cell* const c = cell_of(reinterpret_cast<std::uintptr_t>(address))) c->lazy = true;
}

void note_access(const void* address, std::size_t size, unsigned char how, void* pc) noexcept {
  auto at = reinterpret_cast<std::uintptr_t>(address);
  const std::uintptr_t end = at + size;
  while (at < end) {
    cell* const c = cell_of(at);
    if (c == nullptr) return;
    const unsigned first = at & 7;
    const std::uintptr_t next = (at & ~std::uintptr_t{7}) + 8;
    const unsigned last = next <= end ? 8 : static_cast<unsigned>(end & 7);
    note_in_cell(*c, at, static_cast<unsigned char>((0xffU << first) & (0xffU >> (8 - last))), how, pc);
    at = next;
  }
}

}  // namespace model

// ── operator new and delete of the whole program ──

static void* allocate_somewhere(std::size_t size, std::size_t alignment, void* pc) {
  if (model::g != nullptr && model::g->active) return model::allocate(size, alignment, pc);
  void* const p = std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void* operator new(std::size_t n) { return allocate_somewhere(n, 16, __builtin_return_address(0)); }
void* operator new[](std::size_t n) { return allocate_somewhere(n, 16, __builtin_return_address(0)); }
void* operator new(std::size_t n, std::align_val_t a) {
  return allocate_somewhere(n, static_cast<std::size_t>(a), __builtin_return_address(0));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return allocate_somewhere(n, static_cast<std::size_t>(a), __builtin_return_address(0));
}

#define MODEL_DELETE_OF \
  if (p != nullptr) model::release(p, __builtin_return_address(0))
void operator delete(void* p) noexcept { MODEL_DELETE_OF; }
void operator delete[](void* p) noexcept { MODEL_DELETE_OF; }
void operator delete(void* p, std::size_t) noexcept { MODEL_DELETE_OF; }
void operator delete[](void* p, std::size_t) noexcept { MODEL_DELETE_OF; }
void operator delete(void* p, std::align_val_t) noexcept { MODEL_DELETE_OF; }
void operator delete[](void* p, std::align_val_t) noexcept { MODEL_DELETE_OF; }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { MODEL_DELETE_OF; }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { MODEL_DELETE_OF; }
