// tests/images/images_test.cpp · all images of a process share one state: a linked library, and a plugin
// SPDX-License-Identifier: MIT
//
// This program is linked without -rdynamic, the images are compiled with -fvisibility=hidden, and the plugins are opened
// with RTLD_LOCAL: so the loader makes no two symbols one.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <support/catch.hpp>

#include "image.hpp"

#if defined(_WIN32)
extern "C" {
__declspec(dllimport) struct HINSTANCE__* __stdcall LoadLibraryA(const char*);
__declspec(dllimport) long long(__stdcall* __stdcall GetProcAddress(struct HINSTANCE__*, const char*))();
__declspec(dllimport) int __stdcall FreeLibrary(struct HINSTANCE__*);
}
#define IMPORTED __declspec(dllimport)
#else
#include <dlfcn.h>
#define IMPORTED
#endif

extern "C" IMPORTED image linked_image();

namespace {

using make_image = image (*)();

/// A plugin, from here to the end of the scope.
class plugin {
public:
  explicit plugin(const char* path) {
#if defined(_WIN32)
    handle_ = LoadLibraryA(path);
    if (handle_ == nullptr) throw std::runtime_error(path);
    make_ = reinterpret_cast<make_image>(reinterpret_cast<void*>(GetProcAddress(handle_, "plugin_image")));
#else
    handle_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) throw std::runtime_error(dlerror());
    make_ = reinterpret_cast<make_image>(dlsym(handle_, "plugin_image"));
#endif
  }
  ~plugin() {
#if defined(_WIN32)
    FreeLibrary(handle_);
#elif !SPOOL_CHECKS_MEMORY  // a leak checker does not find what the variables of a library led to that is gone
    dlclose(handle_);
#endif
  }
  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;

  image get() const { return make_(); }

private:
#if defined(_WIN32)
  HINSTANCE__* handle_;
#else
  void* handle_;
#endif
  make_image make_;
};

/// Both kinds.
class other_images {
public:
  std::vector<image> all() const { return {linked_image(), plugin_.get()}; }

private:
  plugin plugin_{PLUGIN};
};

void misuse_here() { spool::future<int>().wait(); }

bool is_listed(std::vector<spool::thread_info> const& threads, std::string const& name) {
  for (spool::thread_info const& t : threads) {
    if (t.name == name) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a task waits, in code of another image, for a task of its own pool") {
  const other_images others;
  for (image const& other : others.all()) {
    spool::thread_pool pool(1);
    CHECK(pool.submit([&] { return other.double_in(pool, 21); }).result() == 42);
    CHECK(pool.submit([&] { return other.double_by_ranges(pool, 21); }).result() == 42);
  }
}

TEST_CASE("a task of another image's pool waits here for a task of that pool") {
  const other_images others;
  for (image const& other : others.all()) {
    spool::thread_pool* const pool = other.make_pool(1);
    CHECK(pool->submit([&] { return pool->submit([] { return 42; }).result(); }).result() == 42);
    CHECK(pool->submit([&] { return other.double_in(*pool, 21); }).result() == 42);
    other.delete_pool(pool);
  }
}

TEST_CASE("a pool recognises its workers whatever image asks") {
  const other_images others;
  for (image const& other : others.all()) {
    spool::thread_pool pool(1);
    CHECK_THROWS_AS(pool.submit([&] { other.shut_down(pool); }).result(), spool::usage_error);
    spool::thread_pool* const theirs = other.make_pool(1);
    CHECK_THROWS_AS(theirs->submit([&] { theirs->wait_idle(); }).result(), spool::usage_error);
    other.delete_pool(theirs);
  }
}

TEST_CASE("an exception that one image throws is caught in another by its class") {
  const other_images others;
  for (image const& other : others.all()) {
    CHECK_THROWS_AS(other.misuse(), spool::usage_error);
    CHECK(other.catch_by_class(misuse_here) == std::string("usage_error"));
    CHECK(other.catch_by_class([] { throw spool::timeout_error(); }) == std::string("error"));
  }
}

TEST_CASE("the excepthook is one for all images") {
  const other_images others;
  for (image const& other : others.all()) {
    std::atomic<int> here{0}, there{0};
    spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) { ++here; });
    other.fail_in_thread();
    CHECK(here == 1);
    const spool::excepthook_handler before =
        other.set_excepthook([&](spool::thread_info const&, std::exception_ptr) { ++there; });
    CHECK(static_cast<bool>(before));
    spool::thread t([] { throw 1; });
    t.start();
    t.join();
    CHECK(here == 1);
    CHECK(there == 1);
    other.set_excepthook({});
  }
}

TEST_CASE("threads have the same names and ids in all images, and are listed once") {
  const other_images others;
  const std::string main_name = spool::current_thread().name;
  for (image const& other : others.all()) {
    CHECK(other.current_thread().name == main_name);
    CHECK(other.main_thread().ident == spool::main_thread().ident);
    CHECK(other.main_thread().ident == std::this_thread::get_id());
    spool::thread named(spool::thread_options{.name = "named here"}, [&] {
      CHECK(other.current_thread().name == "named here");
      CHECK(other.current_thread().native_id == spool::current_thread().native_id);
      CHECK(is_listed(other.enumerate(), "named here"));
    });
    named.start();
    named.join();
    std::thread([&] {
      const std::string dummy = other.current_thread().name;
      CHECK(dummy.starts_with("Dummy-"));
      CHECK(spool::current_thread().name == dummy);
      CHECK(is_listed(spool::enumerate(), dummy));
    }).join();
    CHECK_FALSE(is_listed(other.enumerate(), "named here"));
  }
}

TEST_CASE("no two images give the same name to threads and pools without a name") {
  const other_images others;
  for (image const& other : others.all()) {
    CHECK(other.name_of_new_thread() != spool::thread([] {}).name());
    spool::thread_pool pool(1);
    CHECK(other.name_of_new_pool() != pool.submit([] { return spool::current_thread().name; }).result());
  }
}

TEST_CASE("a recursive_mutex knows its owner in all images") {
  const other_images others;
  for (image const& other : others.all()) {
    spool::recursive_mutex m;
    m.lock();
    std::thread([&] { CHECK_THROWS_AS(other.unlock(m), spool::usage_error); }).join();
    other.lock(m);
    other.unlock(m);
    CHECK(m.locked());
    other.unlock(m);
    CHECK_FALSE(m.locked());
    CHECK_THROWS_AS(other.unlock(m), spool::usage_error);
    // The first that a new thread does in this image is to let go of what it took in another.
    std::thread([&] {
      other.lock(m);
      m.unlock();
      CHECK_FALSE(m.locked());
    }).join();
  }
}

TEST_CASE("a timer knows its own callback in all images") {
  const other_images others;
  for (image const& other : others.all()) {
    using namespace std::chrono_literals;
    std::atomic<bool> refused{false};
    spool::timer* self = nullptr;
    spool::event made, deleted;
    self = new spool::timer(0ms, [&] {
      made.wait();
      try {
        other.join_timer(*self);
      } catch (spool::usage_error const&) {
        refused = true;
      }
      other.delete_timer(self);  // would wait for its own end for ever, if it took this for another thread
      deleted.set();
    });
    self->start();
    made.set();
    deleted.wait();
    CHECK(refused);
  }
}

TEST_CASE("a plugin that was closed is opened again, and finds what is there") {
  spool::thread_pool pool(1);
  for (int i = 0; i < 3; ++i) {
    const plugin again(PLUGIN);
    const image other = again.get();
    CHECK(pool.submit([&] { return other.double_in(pool, 21); }).result() == 42);
    CHECK(is_listed(other.enumerate(), pool.submit([] { return spool::current_thread().name; }).result()));
    std::thread([&] { CHECK(other.current_thread().name.starts_with("Dummy-")); }).join();
  }
}

TEST_CASE("a plugin of another version of spool keeps to itself") {
  const plugin stranger(OTHER_VERSION);
  const image other = stranger.get();
  spool::event end;
  spool::thread here(spool::thread_options{.name = "known here"}, [&] { end.wait(); });
  here.start();
  CHECK_FALSE(is_listed(other.enumerate(), "known here"));
  spool::thread_pool* const pool = other.make_pool(1);
  CHECK(other.double_in(*pool, 21) == 42);
  CHECK(other.enumerate().size() == 2);
  CHECK_FALSE(is_listed(spool::enumerate(), other.enumerate().back().name));
  other.delete_pool(pool);
  end.set();
  here.join();
}
