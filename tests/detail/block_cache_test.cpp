// tests/detail/block_cache_test.cpp
// SPDX-License-Identifier: MIT
#include <spool/detail/registry/block_cache.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <set>
#include <vector>

#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/failing_new.hpp"
#include "support/process.hpp"

using spool::detail::allocate_block;
using spool::detail::free_block_of;

namespace {

struct block {
  unsigned char* memory;
  std::size_t size;
  unsigned char mark;
};

block make(std::size_t size, unsigned char mark) {
  auto* memory = static_cast<unsigned char*>(allocate_block(size));
  std::memset(memory, mark, size);
  return {memory, size, mark};
}

bool intact(const block& b) {
  return std::all_of(b.memory, b.memory + b.size, [&](unsigned char c) { return c == b.mark; });
}

void drop(const block& b) { free_block_of(b.memory, b.size); }

}  // namespace

TEST_CASE("blocks of every size are apart, aligned and all one's own") {
  std::vector<block> blocks;
  for (std::size_t size = 1; size <= 600; ++size) blocks.push_back(make(size, static_cast<unsigned char>(size)));
  for (const block& b : blocks) {
    CHECK(reinterpret_cast<std::uintptr_t>(b.memory) % alignof(std::max_align_t) == 0);
    CHECK(intact(b));
  }
  for (const block& b : blocks) drop(b);
}

#if !SPOOL_CHECKS_MEMORY  // under a memory checker nothing is kept

TEST_CASE("a block that was freed is the next one given out, for any size that rounds to the same") {
  const block first = make(65, 1);
  drop(first);
  const block second = make(128, 2);
  CHECK(second.memory == first.memory);
  drop(second);
  const block other_size = make(129, 3);
  CHECK(other_size.memory != first.memory);
  drop(other_size);
}

TEST_CASE("blocks freed by one thread are used again by another, without the general allocator") {
  constexpr std::size_t count = 128;
  std::set<void*> made;
  std::vector<block> blocks;
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(make(200, 1));
    made.insert(blocks.back().memory);
  }
  crew::run(1, [&] {
    for (const block& b : blocks) drop(b);
  });
  std::size_t again = 0;
  bool ran_out = false;
  blocks.clear();
  blocks.reserve(count);
  crew::run(1, [&] {
    failing_new no_more(1);
    try {
      for (std::size_t i = 0; i < count; ++i) blocks.push_back(make(200, 2));
    } catch (std::bad_alloc const&) {
      ran_out = true;
    }
  });
  for (const block& b : blocks) {
    again += made.count(b.memory);
    drop(b);
  }
  CHECK_FALSE(ran_out);
  CHECK(again == count);
}

TEST_CASE("what the depot has no room for goes back to the general allocator") {
  constexpr std::size_t count = 600 * 32;  // more magazines than the depot takes
  std::vector<block> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(make(64, 1));
  for (const block& b : blocks) drop(b);
  CHECK(spool::detail::block_depots[0].lock.note() == spool::detail::magazine_depot::depot_limit);
}

#endif

TEST_CASE("out of memory is thrown and costs no block") {
  std::vector<block> blocks;
  blocks.reserve(30000);
  bool threw = false;
  {
    failing_new none(1);
    try {
      while (blocks.size() < blocks.capacity()) blocks.push_back(make(256, 7));
    } catch (std::bad_alloc const&) {
      threw = true;
    }
  }
  CHECK(threw == failing_new::works);
  blocks.push_back(make(256, 7));
  for (const block& b : blocks) {
    if (!intact(b)) FAIL("a block changed");
    drop(b);
  }
}

TEST_CASE("a block is in one place only, whichever threads make and free it") {
  std::mutex lock;
  std::vector<block> market;  // guarded by lock
  std::size_t broken = 0;     // guarded by lock
  crew::run(4, [&](std::size_t me) {
    std::vector<block> mine;
    for (int n = 0; n < 20000; ++n) {
      mine.push_back(
          make(1 + (static_cast<std::size_t>(n) * 37) % 300, static_cast<unsigned char>(n + static_cast<int>(me))));
      if (mine.size() < 50) continue;
      std::lock_guard held(lock);
      mine.swap(market);  // what others have made is checked and freed here
      for (const block& b : mine) {
        broken += intact(b) ? 0 : 1;
        drop(b);
      }
      mine.clear();
    }
    for (const block& b : mine) drop(b);
  });
  for (const block& b : market) drop(b);
  CHECK(broken == 0);
}

TEST_CASE("blocks may be made and freed while a thread's own objects are destroyed at its end") {
  if (!destructors_see_thread_locals) return;
  struct late {
    std::vector<block> blocks;
    std::size_t* broken = nullptr;
    ~late() {
      for (int n = 0; n < 100; ++n) blocks.push_back(make(100, 9));
      for (const block& b : blocks) {
        *broken += intact(b) ? 0 : 1;
        drop(b);
      }
    }
  };
  std::size_t broken = 0;
  for (int round = 0; round < 20; ++round) {
    crew::run(1, [&] {
      thread_local late at_end;  // built before the thread's first block, so destroyed after its cache
      at_end.broken = &broken;
      for (int n = 0; n < 100; ++n) at_end.blocks.push_back(make(100, 9));
    });
  }
  CHECK(broken == 0);
}
