// tests/loaded_library_test.cpp · spool in a library that is loaded and unloaded while the program runs
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/process.hpp"

#if defined(LOADED_LIBRARY)
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace {

void* load() {
  void* const library = dlopen(LOADED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) FAIL(dlerror());
  return library;
}
template <class F>
F* find(void* library, const char* name) {
  return reinterpret_cast<F*>(dlsym(library, name));
}

}  // namespace

TEST_CASE("child: threads are used while the library is initialized", "[.child]") {
  void* const library = load();
  std::_Exit(find<int()>(library, "library_answer")() == 42 ? 7 : 1);
}
TEST_CASE("child: a library that leaves threads behind is unloaded", "[.child]") {
  void* const library = load();
  find<void()>(library, "library_leave_threads")();
  dlclose(library);
  for (std::size_t left = 2; left > 1; left = real_threads().size()) std::this_thread::yield();
  std::_Exit(7);
}
TEST_CASE("child: a thread ends that has used a library which was unloaded", "[.child]") {
  std::thread([] {
    void* const library = load();
    find<void()>(library, "library_meet_caller")();
    dlclose(library);
  }).join();
  std::_Exit(7);
}

TEST_CASE("a library's static initializers may start, join and use threads, pools and timers") {
  const ended_process ended = run_child("child: threads are used while the library is initialized");
  INFO(ended.output);
  CHECK(ended.code == 7);
}

TEST_CASE("a library may be unloaded while its threads have not ended yet, and before those that used it") {
  for (const char* child : {"child: a library that leaves threads behind is unloaded",
                            "child: a thread ends that has used a library which was unloaded"}) {
    INFO(child);
    const ended_process ended = run_child(child);
    INFO(ended.output);
    CHECK(ended.code == 7);
  }
}
#endif
