// engine/fibers.cpp · threads of the model: stacks, thread-locals, static data
// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <cxxabi.h>
#include <link.h>

#include <engine/engine.hpp>

extern "C" {
extern char __data_start[];  // NOLINT: the linker's names for the static data of
                             // the program
extern char _end[];          // NOLINT
void model_switch(void** save, void* load) noexcept;
void model_first_step() noexcept;
}

// Keeps what a callee must keep, and the stack.
asm(R"(
.text
.globl model_switch
.type model_switch, @function
model_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size model_switch, .-model_switch
)");

namespace model {

namespace {

unsigned char* live_thread_locals = nullptr;
unsigned char* first_thread_locals = nullptr;
std::size_t thread_locals_size = 0;
unsigned char* first_statics = nullptr;

int find_thread_locals(dl_phdr_info* info, std::size_t, void*) {
  // The program itself comes first.
  for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
    live_thread_locals = static_cast<unsigned char*>(info->dlpi_tls_data);
    thread_locals_size = info->dlpi_phdr[i].p_memsz;
  }
  return 1;
}

/// The keys of pthread_key_create(), made before the first execution.
struct key {
  unsigned number;
  void (*destructor)(void*);
};
key keys[sizeof fiber::values_of_keys / sizeof(void*)];
unsigned keys_made = 0;

void run_exits(fiber& f) noexcept {
  while (f.exits != 0) {
    const at_thread_exit last = f.at_exit[--f.exits];
    last.call(last.object);
  }
  for (int round = 0; round < 4; ++round) {
    for (unsigned i = 0; i < keys_made; ++i) {
      void* const value = f.values_of_keys[i];
      f.values_of_keys[i] = nullptr;
      if (value != nullptr && keys[i].destructor != nullptr) keys[i].destructor(value);
    }
  }
}

void save_context(fiber& f) noexcept {
  std::memcpy(f.thread_locals, live_thread_locals, thread_locals_size);
  std::memcpy(f.exceptions, static_cast<void*>(abi::__cxa_get_globals()), sizeof f.exceptions);
}
void load_context(const fiber& f) noexcept {
  std::memcpy(live_thread_locals, f.thread_locals, thread_locals_size);
  std::memcpy(static_cast<void*>(abi::__cxa_get_globals()), f.exceptions, sizeof f.exceptions);
}

}  // namespace

void note_statics() noexcept {
  dl_iterate_phdr(&find_thread_locals, nullptr);
  first_thread_locals = static_cast<unsigned char*>(std::malloc(thread_locals_size + 1));
  for (fiber& f : g->fibers) f.thread_locals = static_cast<unsigned char*>(std::malloc(thread_locals_size + 1));
  std::memcpy(first_thread_locals, live_thread_locals, thread_locals_size);
  const auto size = static_cast<std::size_t>(_end - __data_start);
  first_statics = static_cast<unsigned char*>(std::malloc(size));
  std::memcpy(first_statics, __data_start, size);
}

void restore_statics() noexcept {
  std::memcpy(__data_start, first_statics, static_cast<std::size_t>(_end - __data_start));
  std::memcpy(live_thread_locals, first_thread_locals, thread_locals_size);
}

int new_key(unsigned* made, void (*destructor)(void*)) noexcept {
  if (keys_made == sizeof keys / sizeof keys[0]) return EAGAIN;
  keys[keys_made] = {*made, destructor};
  ++keys_made;
  return 0;
}

void** value_of_key(unsigned number) noexcept {
  for (unsigned i = 0; i < keys_made; ++i) {
    if (keys[i].number == number) return &g->current->values_of_keys[i];
  }
  return nullptr;
}

extern "C" void model_first_step() noexcept {
  fiber& self = *g->current;
  tell(event_kind::start, 0, 0, 0, 0, 0, nullptr);
  self.result = self.body(self.argument);
  run_exits(self);
  point();
  tell(event_kind::end, 0, 0, 0, 0, 0, nullptr);
  self.is = state::ended;
  for (unsigned i = 0; i < g->fiber_count; ++i) {
    fiber& f = g->fibers[i];
    if (f.is == state::joining && f.joins == self.id) f.is = state::runnable;
  }
  go_on();
  __builtin_unreachable();
}

fiber* new_fiber(void* (*body)(void*), void* argument) noexcept {
  if (g->fiber_count == max_threads) return nullptr;
  const unsigned id = g->fiber_count++;
  fiber& f = g->fibers[id];
  unsigned char* const locals = f.thread_locals;
  f = fiber{};
  f.thread_locals = locals;
  f.id = id;
  f.body = body;
  f.argument = argument;
  if (g->current != nullptr) f.clock = g->current->clock;
  f.clock.of[id] = 1;
  std::memcpy(f.thread_locals, first_thread_locals, thread_locals_size);
  f.priority = static_cast<int>(random_bits() % 1'000) + 1'000;
  auto* top = reinterpret_cast<void**>(stack_of(id) + stack_size);
  *--top = nullptr;  // where the unwinder stops
  *--top = reinterpret_cast<void*>(&model_first_step);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  f.stack_pointer = top;
  return &f;
}

void switch_to(fiber& next) noexcept {
  fiber* const from = g->current;
  if (from == &next) return;
  g->current = &next;
  if (from == nullptr) {
    load_context(next);
    model_switch(&g->main_stack_pointer, next.stack_pointer);
    return;
  }
  save_context(*from);
  load_context(next);
  model_switch(&from->stack_pointer, next.stack_pointer);
}

void run_fibers() noexcept {
  void* main_exceptions[2];
  std::memcpy(main_exceptions, static_cast<void*>(abi::__cxa_get_globals()), sizeof main_exceptions);
  switch_to(g->fibers[0]);
  std::memcpy(static_cast<void*>(abi::__cxa_get_globals()), main_exceptions, sizeof main_exceptions);
  std::memcpy(live_thread_locals, first_thread_locals, thread_locals_size);
}

void leave_execution() noexcept {
  g->active = false;
  g->current = nullptr;
  void* never;
  model_switch(&never, g->main_stack_pointer);
  __builtin_unreachable();
}

}  // namespace model

extern "C" int __cxa_thread_atexit(void (*call)(void*), void* object,
                                   void*) noexcept {  // NOLINT
  using namespace model;
  if (g == nullptr || !g->active) return 0;  // the main thread's end is the program's
  fiber& self = *g->current;
  if (self.exits == sizeof self.at_exit / sizeof self.at_exit[0]) fault(nullptr, nullptr, "too many thread-locals");
  self.at_exit[self.exits++] = {call, object};
  return 0;
}
