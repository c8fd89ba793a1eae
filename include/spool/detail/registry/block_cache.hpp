// spool/detail/registry/block_cache.hpp · small blocks of memory, used again and again
// SPDX-License-Identifier: MIT
//
// A task is made by one thread and freed by another. A general allocator pays dearly for that (79 ns here, against
// 11 for a block that stays at home); this cache hands blocks back to the makers 32 at a time.
//
// Shape      Four sizes, 64 to 256 bytes. Each thread keeps up to two magazines (64 blocks) of a size; full
//            magazines beyond that lie in a depot of the process, at most depot_limit of them, the rest is freed.
// Invariant  A block is in just one place: in use, in one thread's magazine, or in the depot.
// Source     The magazines of Bonwick and Adams, "Magazines and Vmem".
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/thread_end.hpp>
#include <spool/detail/sync/word_lock.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// A free block: its own memory holds the links.
struct free_block {
  free_block* next;           // in the same magazine
  free_block* next_magazine;  // in the depot; of a magazine's first block only
};

/// Some free blocks of one size, last in first out.
struct magazine {
  static constexpr std::uint32_t capacity = 32;

  free_block* first = nullptr;
  std::uint32_t count = 0;

  void push(void* memory) noexcept {
    first = ::new (memory) free_block{first, nullptr};
    ++count;
  }
  void* pop() noexcept {
    free_block* taken = first;
    first = taken->next;
    --count;
    return taken;
  }
};

inline constexpr std::size_t block_sizes = 4;
inline constexpr std::size_t block_unit = 64;

/// Full magazines of one size, for any thread. Process state; never destroyed.
struct alignas(cache_line) magazine_depot {
  static constexpr std::uint32_t depot_limit = 512;  // 4 MiB of blocks of the largest size

  word_lock lock;                   // its note: how many magazines there are
  free_block* magazines = nullptr;  // guarded by lock

  /// Takes a full magazine, and leaves it empty.      Returns  false, and leaves it full, if there are enough.
  bool put(magazine& full) noexcept {
    if (lock.note() >= depot_limit) return false;
    lock.lock();
    full.first->next_magazine = magazines;
    magazines = full.first;
    full = magazine{};
    lock.unlock(lock.note() + 1);
    return true;
  }

  /// Fills an empty magazine.      Returns  false if there is none in store.
  bool get(magazine& empty) noexcept {
    if (lock.note() == 0) return false;
    lock.lock();
    if (magazines == nullptr) {
      lock.unlock();
      return false;
    }
    empty = magazine{magazines, magazine::capacity};
    magazines = magazines->next_magazine;
    lock.unlock(lock.note() - 1);
    return true;
  }
};

inline constinit magazine_depot block_depots[block_sizes]{};

/// The calling thread's free blocks of one size.
struct block_shelf {
  magazine loaded;  // blocks come from and go to this one ...
  magazine spare;   // ... which changes places with this one when it is empty, or full
};

/// Trivial, so that reaching it costs no check for a constructor; emptied by close_shelves().
struct block_shelves {
  block_shelf of_size[block_sizes];
  bool open;  // whether blocks may be kept: from the first block until the thread's end
  bool ended;
  thread_end_call at_end;
};

inline constinit thread_local block_shelves my_shelves{};

/// Gives the calling thread's blocks back, at its end.
inline void close_shelves(void*) noexcept {
  my_shelves.open = false;
  my_shelves.ended = true;
  for (std::size_t i = 0; i < block_sizes; ++i) {
    for (magazine* m : {&my_shelves.of_size[i].loaded, &my_shelves.of_size[i].spare}) {
      if (m->count == magazine::capacity && block_depots[i].put(*m)) continue;
      while (m->count != 0) ::operator delete(m->pop());
    }
  }
}

/// Opens the thread's shelves at its first block.
/// Returns  false once the thread is at its end, and while there is no memory for what is to be done there.
SPOOL_COLD inline bool open_shelves() noexcept {
  if (my_shelves.ended) return false;
  my_shelves.at_end.call = &close_shelves;
  return my_shelves.open = at_thread_end(my_shelves.at_end);
}

SPOOL_COLD inline void* refill_block(std::size_t index) {
  if (my_shelves.open || open_shelves()) {
    block_shelf& shelf = my_shelves.of_size[index];
    if (block_depots[index].get(shelf.loaded)) return shelf.loaded.pop();
  }
  return ::operator new((index + 1) * block_unit);
}

SPOOL_COLD inline void shelve_block(void* memory, std::size_t index) noexcept {
  if (!my_shelves.open && !open_shelves()) return ::operator delete(memory);
  block_shelf& shelf = my_shelves.of_size[index];
  if (shelf.loaded.count == magazine::capacity) {
    if (shelf.spare.count == magazine::capacity && !block_depots[index].put(shelf.spare))
      return ::operator delete(memory);
    std::swap(shelf.loaded, shelf.spare);
  }
  shelf.loaded.push(memory);
}

/// Memory for an object of `size` bytes at the usual alignment.
///
/// Throws      std::bad_alloc.
/// Complexity  Mostly a few loads and stores of the thread's own; one lock every 32 blocks, or the general allocator.
inline void* allocate_block(std::size_t size) {
  const std::size_t index = (size - 1) / block_unit;
  if (index >= block_sizes) return ::operator new(size);
  if (SPOOL_CHECKS_MEMORY) return ::operator new((index + 1) * block_unit);  // other files may keep it on a shelf
  block_shelf& shelf = my_shelves.of_size[index];
  if (shelf.loaded.count != 0) return shelf.loaded.pop();
  if (shelf.spare.count != 0) {
    std::swap(shelf.loaded, shelf.spare);
    return shelf.loaded.pop();
  }
  return refill_block(index);
}

/// Preconditions  from allocate_block with the same size; any thread.
inline void free_block_of(void* memory, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / block_unit;
  if (SPOOL_CHECKS_MEMORY || index >= block_sizes) return ::operator delete(memory);
  block_shelf& shelf = my_shelves.of_size[index];
  if (my_shelves.open && shelf.loaded.count < magazine::capacity) {
    shelf.loaded.push(memory);
  } else {
    shelve_block(memory, index);
  }
}

/// Base of an object that lies in such a block; one that needs a wider alignment lies in the general heap.
struct recycled_block {
  static void* operator new(std::size_t size) { return allocate_block(size); }
  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  static void operator delete(void* memory, std::size_t size) noexcept { free_block_of(memory, size); }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }
};

}  // namespace spool::inline SPOOL_ABI::detail
