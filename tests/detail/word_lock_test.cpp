// tests/detail/word_lock_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/detail/sync/word_lock.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/eventually.hpp"

using spool::detail::word_guard;
using spool::detail::word_lock;

namespace {

constinit word_lock usable_before_main;

}  // namespace

static_assert(sizeof(word_lock) == 4);

TEST_CASE("one thread at a time is inside") {
  word_lock lock;
  int count = 0;
  crew::run(4, [&](std::size_t i) {
    for (int n = 0; n < 20000; ++n) {
      if (i == 0) {
        while (!lock.try_lock()) std::this_thread::yield();
        ++count;
        lock.unlock();
      } else {
        word_guard held(lock);
        ++count;
      }
    }
  });
  CHECK(count == 80000);
}

TEST_CASE("try_lock takes a free lock and fails on a held one") {
  word_lock lock;
  CHECK(lock.try_lock());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK(lock.try_lock());
  lock.unlock(7);
  CHECK(lock.try_lock());
  CHECK(lock.note() == 7);
  lock.unlock();
}

TEST_CASE("a note stays until the next one is left, and is read without the lock") {
  word_lock& lock = usable_before_main;
  CHECK(lock.note() == 0);
  lock.lock();
  lock.unlock(42);
  CHECK(lock.note() == 42);
  lock.lock();
  CHECK(lock.note() == 42);
  lock.unlock();
  CHECK(lock.note() == 42);
  lock.lock();
  lock.unlock((1U << 30) - 1);
  CHECK(lock.note() == (1U << 30) - 1);
  CHECK(lock.try_lock());
  lock.unlock(0);
  CHECK(lock.note() == 0);
}

TEST_CASE("notes are not lost when threads contend for the lock") {
  word_lock lock;
  crew::run(4, [&] {
    for (int n = 0; n < 20000; ++n) {
      lock.lock();
      lock.unlock(lock.note() + 1);
    }
  });
  CHECK(lock.note() == 80000);
}

TEST_CASE("all who sleep for the lock get it in the end") {
  word_lock lock;
  int count = 0;
  for (int round = 0; round < 100; ++round) {
    lock.lock();
    crew sleepers(3, [&] {
      word_guard held(lock);
      ++count;
    });
    let_others_sleep();
    lock.unlock();
    sleepers.join();
  }
  CHECK(count == 300);
}

TEST_CASE("of one who leaves a note and looks at a word, and one who writes the word and looks at the note, one sees") {
  struct meeting {
    alignas(64) word_lock lock{};
    alignas(64) std::atomic<int> word{0};
    alignas(64) std::atomic<int> here{0};
    bool saw_word = false, saw_note = false;
  };
  int neither = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<meeting> meetings(2000);
    crew::run(2, [&](std::size_t me) {
      for (meeting& m : meetings) {
        m.here.fetch_add(1);  // both come to each meeting at nearly the same time
        for (int looks = 0; m.here.load() != 2; ++looks) {
          if (looks > 200) std::this_thread::yield();
        }
        if (me == 0) {
          m.lock.lock();
          m.lock.unlock(1);
          m.saw_word = m.word.load() == 1;
        } else {
          m.word.exchange(1);  // as the pool does: of a plain store and a load after it QEMU 7.2 forgets the order
          m.saw_note = m.lock.note() == 1;
        }
      }
    });
    for (const meeting& m : meetings) neither += m.saw_word || m.saw_note ? 0 : 1;
  }
  CHECK(neither == 0);
}

TEST_CASE("the lock may die as soon as a later holder has unlocked") {
  for (int round = 0; round < 1000; ++round) {
    auto lock = std::make_unique<word_lock>();
    std::atomic<bool> inside{false};
    crew::run(2, [&](std::size_t me) {
      if (me == 0) {
        lock->lock();
        inside.store(true);
        if (round % 10 == 0) let_others_sleep();  // the other one may wait awake, or asleep
        lock->unlock();
      } else {
        eventually([&] { return inside.load(); });
        lock->lock();
        lock->unlock();
        lock.reset();
      }
    });
  }
  SUCCEED("no sanitizer saw a touch of the dead lock");
}
