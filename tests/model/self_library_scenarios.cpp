// tests/model/self_library_scenarios.cpp · the standard library, threads and exceptions within an execution
// SPDX-License-Identifier: MIT
#include <memory>
#include <stop_token>
#include <system_error>
#include <thread>

#include <spool/detail/platform/atomic.hpp>

#include <support.hpp>

using namespace model;
using spool::detail::atomic;

MODEL_SCENARIO(shared_pointers_count_their_owners) {
  auto shared = std::make_shared<int>(1);
  at_once([copy = shared]() mutable { copy.reset(); }, [&] { shared.reset(); });
}
MODEL_SCENARIO(stop_callbacks_end_before_they_go) {
  std::stop_source source;
  int called = 0;
  at_once([&] { source.request_stop(); },
          [&] {
            bool gone = false;
            {
              const std::stop_callback on_stop(source.get_token(), [&] { MODEL_CHECK(!gone), ++called; });
            }
            gone = true;
            MODEL_CHECK(called <= 1);
          });
}
MODEL_SCENARIO(locals_of_each_thread) {
  static thread_local int mine = 0;
  struct at_end {
    atomic<int>* count;
    ~at_end() { count->fetch_add(1); }
  };
  atomic<int> ends{0};
  const auto body = [&] {
    thread_local at_end e{&ends};
    static_cast<void>(e);
    for (int i = 1; i <= 3; ++i) {
      std::this_thread::yield();
      MODEL_CHECK(++mine == i);
    }
  };
  std::thread a(body);
  std::thread b(body);
  a.join(), b.join();
  MODEL_CHECK(mine == 0);
  MODEL_CHECK(ends.load() == 2);
}
MODEL_SCENARIO(exceptions_of_each_thread) {
  const auto body = [](int number) {
    try {
      std::this_thread::yield();
      throw number;
    } catch (int caught) {
      std::this_thread::yield();
      MODEL_CHECK(caught == number);
      try {
        throw;
      } catch (int again) {
        MODEL_CHECK(again == number);
      }
    }
  };
  at_once([&] { body(1); }, [&] { body(2); });
}
MODEL_SCENARIO(threads_that_are_refused) {
  model::refuse_threads(1);
  bool refused = false;
  try {
    std::thread t([] {});
    t.join();
  } catch (std::system_error const&) {
    refused = true;
  }
  MODEL_CHECK(refused);
}
MODEL_SCENARIO(static_objects_are_built_once) {
  static int built = 0;
  const auto use = [] {
    static const std::unique_ptr<int> once = (++built, std::make_unique<int>(built));
    return *once;
  };
  at_once([&] { MODEL_CHECK(use() == 1); }, [&] { MODEL_CHECK(use() == 1); });
}
