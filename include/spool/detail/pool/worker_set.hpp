// spool/detail/pool/worker_set.hpp · a pool's workers, and which of them there is anything to look for in
// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/pool/word.hpp>

namespace spool::inline SPOOL_ABI::detail {

class worker;

/// All workers that a pool has ever made, by their index; some of them are marked. What is done for each marked one costs
/// next to nothing for the others: a look at a bit for 64 of them, and no look at all where nobody in a segment is marked.
///
/// Shape      Segment s has room for 64 << s workers. Segments are made as needed and never move, so who reads needs no
///            lock. add(), mark() and unmark() are for who holds the pool's lock.
/// Invariant  A segment's number of marks is never less than there are: it is raised before a mark is set, and lowered
///            after one was taken away.
/// Orders     All is sequentially consistent, as part of the pool's protocol of sleeping (word.hpp). A worker is marked
///            before it can push, and unmarked only by a holder of the lock who sees it parked with nothing in its deque.
///            Whoever stops searching as the last one and then looks here: either its change of the pool's word comes
///            before the pusher's look at it, and the pusher calls another worker; or the pusher's mark, its task, and
///            its look come before the change, and so before this look, which sees the segment, the mark and the task.
class worker_set {
public:
  worker_set() = default;
  worker_set(const worker_set&) = delete;
  worker_set& operator=(const worker_set&) = delete;

  /// Makes room for the worker with this index, the first that has none.      Throws  std::bad_alloc, nothing changed.
  void make_room(std::size_t index) {
    const unsigned s = segment_of(index);
    if (segments_[s].load(memory_order_relaxed) != nullptr) return;
    owned_[s] = std::make_unique<segment>(std::size_t{1} << s);
    segments_[s].store(owned_[s].get(), memory_order_seq_cst);
    count_.store(s + 1, memory_order_seq_cst);
  }
  /// Preconditions  there is room for it.
  void add(std::size_t index, worker& w) noexcept { at(index).workers[index - first_of(segment_of(index))] = &w; }

  void mark(std::size_t index) noexcept {
    segment& s = at(index);
    atomic<std::uint64_t>& bits = word_of(s, index);
    const std::uint64_t seen = bits.load(memory_order_relaxed);
    if ((seen & bit_of(index)) != 0) return;
    s.marked.store(s.marked.load(memory_order_relaxed) + 1, memory_order_seq_cst);
    bits.store(seen | bit_of(index), memory_order_seq_cst);
  }
  void unmark(std::size_t index) noexcept {
    segment& s = at(index);
    atomic<std::uint64_t>& bits = word_of(s, index);
    const std::uint64_t seen = bits.load(memory_order_relaxed);
    if ((seen & bit_of(index)) == 0) return;
    bits.store(seen & ~bit_of(index), memory_order_seq_cst);
    s.marked.store(s.marked.load(memory_order_relaxed) - 1, memory_order_seq_cst);
  }

  /// Calls f with each marked worker, those from `from` on first, then those before, until it returns true.
  /// Returns  the worker for which it did; null if there is none.
  template <class F>
  worker* find(F&& f, std::size_t from = 0) const noexcept {
    const unsigned count = count_.load(memory_order_seq_cst);
    if (count == 0) return nullptr;
    if (from >= first_of(count)) from = 0;
    const unsigned home = segment_of(from);
    // Its own segment comes twice: first from `from` on, and last what is before.
    for (unsigned i = 0; i <= count; ++i) {
      const unsigned number = (home + i) % count;
      const segment& s = *segments_[number].load(memory_order_seq_cst);
      if (s.marked.load(memory_order_seq_cst) == 0) continue;
      const std::size_t offset = from - first_of(home);
      const std::size_t begin = i == 0 ? offset : 0;
      const std::size_t end = i == count ? offset : std::size_t{64} << number;
      if (worker* w = find_in(s, begin, end, f)) return w;
    }
    return nullptr;
  }

  template <class F>
  void for_each(F&& f) const noexcept {
    find([&f](worker& w) { return f(w), false; });
  }

private:
  struct segment {
    explicit segment(std::size_t words)
        : bits(new atomic<std::uint64_t>[words]()), workers(new worker*[64 * words]()) {}
    atomic<std::uint32_t> marked{0};
    const std::unique_ptr<atomic<std::uint64_t>[]> bits;  // one for each worker
    const std::unique_ptr<worker*[]> workers;             // each written before its worker is marked
  };

  static constexpr std::size_t first_of(unsigned s) noexcept { return 64 * ((std::size_t{1} << s) - 1); }
  static constexpr unsigned segment_of(std::size_t index) noexcept {
    return static_cast<unsigned>(std::bit_width(index / 64 + 1)) - 1;
  }
  static constexpr std::uint64_t bit_of(std::size_t index) noexcept { return std::uint64_t{1} << index % 64; }

  segment& at(std::size_t index) const noexcept { return *segments_[segment_of(index)].load(memory_order_relaxed); }
  static atomic<std::uint64_t>& word_of(const segment& s, std::size_t index) noexcept {
    return s.bits[(index - first_of(segment_of(index))) / 64];
  }

  template <class F>
  static worker* find_in(const segment& s, std::size_t begin, std::size_t end, F& f) noexcept {
    for (std::size_t at = begin; at < end; at = at / 64 * 64 + 64) {
      std::uint64_t bits = s.bits[at / 64].load(memory_order_seq_cst) & ~std::uint64_t{0} << at % 64;
      if (end - at / 64 * 64 < 64) bits &= (std::uint64_t{1} << end % 64) - 1;
      for (; bits != 0; bits &= bits - 1) {
        worker& w = *s.workers[at / 64 * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
        if (f(w)) return &w;
      }
    }
    return nullptr;
  }

  static constexpr unsigned most_segments = std::bit_width(pool_word::field / 64 + 1);

  atomic<unsigned> count_{0};  // segments made
  atomic<segment*> segments_[most_segments]{};
  std::unique_ptr<segment> owned_[most_segments];
};

}  // namespace spool::inline SPOOL_ABI::detail
