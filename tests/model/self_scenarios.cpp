// tests/model/self_scenarios.cpp · wrong algorithms that the model must find out, and right ones that it must leave
// alone
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <thread>

#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/futex.hpp>

#include <model.hpp>

using namespace spool::detail;

namespace {

template <class F>
void beside(F&& other, auto&& mine) {
  std::thread t(other);
  mine();
  t.join();
}

void pass_message(std::memory_order store, std::memory_order load) {
  atomic<bool> ready{false};
  atomic<int> message{0};
  beside([&] { message.store(1, memory_order_relaxed), ready.store(true, store); },
         [&] {
           if (ready.load(load)) MODEL_CHECK(message.load(memory_order_relaxed) == 1);
         });
}

void pass_plain_message(std::memory_order store, std::memory_order load) {
  atomic<bool> ready{false};
  int message = 0;
  beside([&] { message = 1, ready.store(true, store); },
         [&] {
           if (ready.load(load)) MODEL_CHECK(message == 1);
         });
}

/// Each announces itself and looks for the other.
void meet(std::memory_order order) {
  atomic<int> a{0};
  atomic<int> b{0};
  int seen_by_a = 0;
  int seen_by_b = 0;
  beside([&] { a.store(1, order), seen_by_a = b.load(order); }, [&] { b.store(1, order), seen_by_b = a.load(order); });
  MODEL_CHECK(seen_by_a + seen_by_b != 0);
}

}  // namespace

MODEL_SCENARIO(message_released_and_acquired) { pass_message(memory_order_release, memory_order_acquire); }
MODEL_SCENARIO(message_relaxed_store, .must_fail = true) { pass_message(memory_order_relaxed, memory_order_acquire); }
MODEL_SCENARIO(message_relaxed_load, .must_fail = true) { pass_message(memory_order_release, memory_order_relaxed); }
MODEL_SCENARIO(plain_message_released_and_acquired) { pass_plain_message(memory_order_release, memory_order_acquire); }
MODEL_SCENARIO(plain_message_relaxed_store, .must_fail = true) {
  pass_plain_message(memory_order_relaxed, memory_order_acquire);
}
MODEL_SCENARIO(plain_message_relaxed_load, .must_fail = true) {
  pass_plain_message(memory_order_release, memory_order_relaxed);
}
MODEL_SCENARIO(meeting_seq_cst) { meet(memory_order_seq_cst); }
MODEL_SCENARIO(meeting_relaxed, .must_fail = true) { meet(memory_order_relaxed); }

MODEL_SCENARIO(meeting_acq_rel, .must_fail = true) {
  atomic<int> a{0};
  atomic<int> b{0};
  int seen_by_a = 0;
  int seen_by_b = 0;
  beside([&] { a.store(1, memory_order_release), seen_by_a = b.load(memory_order_acquire); },
         [&] { b.store(1, memory_order_release), seen_by_b = a.load(memory_order_acquire); });
  MODEL_CHECK(seen_by_a + seen_by_b != 0);
}

MODEL_SCENARIO(release_sequence_goes_on_through_modifications) {
  atomic<int> word{0};
  int message = 0;
  std::thread other([&] { word.fetch_add(1, memory_order_relaxed); });
  beside([&] { message = 1, word.fetch_add(2, memory_order_release); },
         [&] {
           if ((word.load(memory_order_acquire) & 2) != 0) MODEL_CHECK(message == 1);
         });
  other.join();
}

MODEL_SCENARIO(coherence_of_two_reads) {
  atomic<int> word{0};
  beside([&] { word.store(1, memory_order_relaxed), word.store(2, memory_order_relaxed); },
         [&] {
           const int first = word.load(memory_order_relaxed);
           MODEL_CHECK(word.load(memory_order_relaxed) >= first);
         });
}

MODEL_SCENARIO(independent_readers_may_disagree, .must_fail = true) {
  atomic<int> x{0};
  atomic<int> y{0};
  int r1 = 0, r2 = 0, r3 = 0, r4 = 0;
  std::thread a([&] { x.store(1, memory_order_release); });
  std::thread b([&] { y.store(1, memory_order_release); });
  std::thread c([&] { r1 = x.load(memory_order_acquire), r2 = y.load(memory_order_acquire); });
  std::thread d([&] { r3 = y.load(memory_order_acquire), r4 = x.load(memory_order_acquire); });
  a.join(), b.join(), c.join(), d.join();
  MODEL_CHECK(!(r1 == 1 && r2 == 0 && r3 == 1 && r4 == 0));
}

MODEL_SCENARIO(count_without_compare_and_swap, .must_fail = true) {
  atomic<int> count{0};
  const auto add = [&] { count.store(count.load() + 1); };
  beside(add, add);
  MODEL_CHECK(count.load() == 2);
}

MODEL_SCENARIO(count_with_compare_and_swap) {
  atomic<int> count{0};
  const auto add = [&] {
    int seen = count.load(memory_order_relaxed);
    while (!count.compare_exchange_weak(seen, seen + 1, memory_order_relaxed)) {
    }
  };
  beside(add, add);
  MODEL_CHECK(count.load() == 2);
}

// ── sleeping ──

MODEL_SCENARIO(sleep_on_a_word) {
  atomic<std::uint32_t> word{0};
  beside([&] { word.store(1, memory_order_release), futex_wake_one(&word); },
         [&] {
           while (word.load(memory_order_acquire) == 0) futex_wait(word, 0, deadline::never());
         });
}
MODEL_SCENARIO(wake_before_the_store, .must_fail = true) {
  atomic<std::uint32_t> word{0};
  beside([&] { futex_wake_one(&word), word.store(1, memory_order_release); },
         [&] {
           while (word.load(memory_order_acquire) == 0) futex_wait(word, 0, deadline::never());
         });
}
MODEL_SCENARIO(sleep_without_a_look_at_the_word, .must_fail = true) {
  atomic<std::uint32_t> word{0};
  atomic<std::uint32_t> bell{0};
  beside([&] { word.store(1), futex_wake_one(&bell); },
         [&] {
           while (word.load() == 0) futex_wait(bell, 0, deadline::never());
         });
}
MODEL_SCENARIO(sleep_that_counts_on_a_reason, .must_fail = true) {
  atomic<std::uint32_t> word{0};
  beside([&] { word.store(1), futex_wake_one(&word); },
         [&] {
           if (word.load() == 0) futex_wait(word, 0, deadline::never());
           MODEL_CHECK(word.load() == 1);
         });
}
MODEL_SCENARIO(sleep_with_a_limit) {
  atomic<std::uint32_t> word{0};
  const std::int64_t limit = model::now_ns() + 5'000'000;
  if (!futex_wait(word, 0, deadline::after(std::chrono::milliseconds(5)))) MODEL_CHECK(model::now_ns() >= limit);
}
MODEL_SCENARIO(limit_needed_to_go_on, .timeouts_may_rescue = false, .must_fail = true) {
  atomic<std::uint32_t> word{0};
  futex_wait(word, 0, deadline::after(std::chrono::milliseconds(5)));
}
MODEL_SCENARIO(waits_in_a_circle, .must_fail = true) {
  atomic<std::uint32_t> a{0};
  atomic<std::uint32_t> b{0};
  const auto lock = [](atomic<std::uint32_t>& l) {
    while (l.exchange(1) != 0) futex_wait(l, 1, deadline::never());
  };
  const auto unlock = [](atomic<std::uint32_t>& l) { l.store(0), futex_wake_one(&l); };
  beside([&] { lock(a), lock(b), unlock(b), unlock(a); }, [&] { lock(b), lock(a), unlock(a), unlock(b); });
}
MODEL_SCENARIO(spins_for_ever, .steps = 2'000, .must_fail = true) {
  atomic<int> word{0};
  while (word.load() == 0) std::this_thread::yield();
}

// ── memory ──

MODEL_SCENARIO(plain_count, .must_fail = true) {
  int count = 0;
  beside([&] { ++count; }, [&] { ++count; });
}
MODEL_SCENARIO(use_of_a_freed_block, .must_fail = true) {
  auto* const word = new atomic<int>(0);
  beside([word] { word->fetch_add(1, memory_order_release); },
         [word] {
           if (word->load(memory_order_acquire) == 1)
             delete word;
           else
             word->fetch_add(1);
         });
  if (word->load() == 2) delete word;
}
MODEL_SCENARIO(freed_by_who_counts_down_without_acquiring, .must_fail = true) {
  struct block {
    atomic<int> owners{2};
    int content = 0;
  };
  auto* const b = new block;
  const auto drop = [b] {
    b->content += 0 * b->owners.load(memory_order_relaxed);
    if (b->owners.fetch_sub(1, memory_order_relaxed) == 1) delete b;
  };
  b->content = 1;
  beside(
      [&] {
        if (b->owners.fetch_sub(1, memory_order_relaxed) == 1) delete b;
      },
      drop);
}
MODEL_SCENARIO(freed_by_who_counts_down) {
  struct block {
    atomic<int> owners{2};
    int content[2] = {0, 0};
  };
  auto* const b = new block;
  const auto drop = [b](int i) {
    b->content[i] = i;
    if (b->owners.fetch_sub(1, memory_order_acq_rel) == 1) delete b;
  };
  beside([&] { drop(0); }, [&] { drop(1); });
}
MODEL_SCENARIO(freed_twice, .must_fail = true) {
  auto* const x = new int(1);
  atomic<int> owners{2};
  const auto drop = [&] {
    if (owners.load() == 1) delete x;
    owners.fetch_sub(1);
  };
  beside([&] { owners.fetch_sub(1), delete x; }, drop);
}
MODEL_SCENARIO(word_gone_with_its_scope, .must_fail = true) {
  atomic<atomic<int>*> published{nullptr};
  beside(
      [&] {
        atomic<int> mine{0};
        published.store(&mine);
      },
      [&] {
        if (auto* const w = published.load()) w->fetch_add(1);
      });
}
MODEL_SCENARIO(block_left_behind, .must_fail = true) {
  atomic<int*> block{new int(1)};
  block.store(nullptr);
}
