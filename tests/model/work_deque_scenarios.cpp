// tests/model/work_deque_scenarios.cpp · the claims of a worker's deque: each task is taken once, by its owner or a thief
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <exception>
#include <thread>

#include <spool/detail/pool/scheduler.hpp>
#include <spool/detail/pool/task.hpp>
#include <spool/detail/pool/work_deque.hpp>

#include <support.hpp>

using namespace model;
using spool::detail::work_deque;

namespace {

struct job final : spool::detail::task {
  void run(spool::detail::worker&) noexcept override {}
  void discard(spool::detail::scheduler&, std::exception_ptr const&) noexcept override {}
  std::size_t size_in_bytes() const noexcept override { return sizeof *this; }
  int taken = 0;  // by one thread only, or the two accesses are a data race
};

void take(spool::detail::task* t) {
  if (t != nullptr) ++static_cast<job*>(t)->taken;
}

void empty(work_deque& d) {
  while (!d.empty()) take(d.steal());
}

template <std::size_t n>
void each_once(const job (&jobs)[n]) {
  for (const job& j : jobs) MODEL_CHECK(j.taken == 1);
}

}  // namespace

MODEL_SCENARIO(deque_owner_and_thief_at_the_last_one) {
  work_deque d;
  job jobs[1];
  d.push(jobs[0]);
  at_once([&] { take(d.pop()); }, [&] { take(d.steal()); });
  empty(d);
  each_once(jobs);
}

MODEL_SCENARIO(deque_owner_and_a_thief_that_comes_twice) {
  work_deque d;
  job jobs[3];
  for (job& j : jobs) d.push(j);
  at_once([&] { take(d.pop()), take(d.pop()); }, [&] { take(d.steal()), take(d.steal()); });
  empty(d);
  each_once(jobs);
}

MODEL_SCENARIO(deque_owner_and_two_thieves) {
  work_deque d;
  job jobs[3];
  d.push(jobs[0]);
  at_once([&] { d.push(jobs[1]), take(d.pop()), d.push(jobs[2]), take(d.pop()); }, [&] { take(d.steal()); },
          [&] { take(d.steal()); });
  empty(d);
  each_once(jobs);
}

MODEL_SCENARIO(deque_thief_sees_what_was_written_before_the_push) {
  work_deque d;
  job jobs[2];
  at_once(
      [&] {
        for (job& j : jobs) j.taken = -1, d.push(j);
      },
      [&] { take(d.steal()), take(d.steal()); });
  while (!d.empty()) take(d.steal());
  for (const job& j : jobs) MODEL_CHECK(j.taken == 0);
}

MODEL_SCENARIO(deque_owner_takes_back_a_certain_one) {
  work_deque d;
  job jobs[2];
  d.push(jobs[0]);
  d.push(jobs[1]);
  at_once(
      [&] {
        if (d.pop_if(jobs[1])) take(&jobs[1]);
      },
      [&] { take(d.steal()), take(d.steal()); });
  empty(d);
  each_once(jobs);
}

// It grows while thieves look at the old ring.
MODEL_SCENARIO(deque_grows_while_thieves_are_in, .steps = 50'000) {
  work_deque d;
  static constexpr int most = 258;
  job* const jobs = new job[most];
  for (int i = 0; i < 256; ++i) d.push(jobs[i]);
  at_once(
      [&] {
        for (int i = 256; i < most; ++i) d.push(jobs[i]);
        take(d.pop());
      },
      [&] { take(d.steal()), take(d.steal()); });
  empty(d);
  for (int i = 0; i < most; ++i) MODEL_CHECK(jobs[i].taken == 1);
  delete[] jobs;
}
