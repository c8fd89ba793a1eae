// tests/model/barrier_scenarios.cpp · the claims of barrier
// SPDX-License-Identifier: MIT
#include <chrono>
#include <thread>

#include <spool/barrier.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

bool meets(spool::barrier& b) {
  try {
    b.wait();
    return true;
  } catch (spool::broken_barrier_error const&) {
    return false;
  }
}
bool meets_within(spool::barrier& b, std::chrono::milliseconds limit) {
  try {
    b.wait_for(limit);
    return true;
  } catch (spool::broken_barrier_error const&) {
    return false;
  }
}

}  // namespace

MODEL_SCENARIO(barrier_rounds_do_not_mix, .timeouts_may_rescue = false) {
  spool::barrier b(2);
  int written[2] = {0, 0};
  const auto work = [&](int me) {
    for (int round = 1; round <= 2; ++round) {
      written[me] = round;
      b.wait();
      MODEL_CHECK(written[1 - me] == round);
      b.wait();
    }
  };
  at_once([&] { work(0); }, [&] { work(1); });
}

MODEL_SCENARIO(barrier_of_three_gives_each_its_index, .timeouts_may_rescue = false) {
  spool::barrier b(3);
  std::size_t sum[3] = {0, 0, 0};
  at_once([&] { sum[0] = b.wait(); }, [&] { sum[1] = b.wait(); }, [&] { sum[2] = b.wait(); });
  MODEL_CHECK(sum[0] + sum[1] + sum[2] == 3);
  MODEL_CHECK(sum[0] != sum[1]);
  MODEL_CHECK(b.waiting() == 0);
}

MODEL_SCENARIO(barrier_action_runs_once_a_round, .timeouts_may_rescue = false) {
  int runs = 0;
  spool::barrier b(2, [&] { ++runs; });
  const auto work = [&] {
    b.wait();
    MODEL_CHECK(runs >= 1);
    b.wait();
  };
  at_once(work, work);
  MODEL_CHECK(runs == 2);
}

// A limit breaks the round of whoever it ends, and no other: both agree.
MODEL_SCENARIO(barrier_limit_against_the_last_arrival) {
  spool::barrier b(2);
  bool met[2] = {false, false};
  at_once([&] { met[0] = meets_within(b, 1ms); }, [&] { met[1] = meets(b); });
  MODEL_CHECK(met[0] == met[1]);
  MODEL_CHECK(b.broken() == !met[0]);
}

MODEL_SCENARIO(barrier_limit_of_two_against_the_last_arrival) {
  spool::barrier b(3);
  bool met[3] = {false, false, false};
  at_once([&] { met[0] = meets_within(b, 1ms); }, [&] { met[1] = meets_within(b, 2ms); }, [&] { met[2] = meets(b); });
  MODEL_CHECK(met[0] == met[1]);
  MODEL_CHECK(met[1] == met[2]);
}

MODEL_SCENARIO(barrier_reset_sends_away_who_waits) {
  spool::barrier b(2);
  bool met[2] = {false, false};
  at_once([&] { met[0] = meets_within(b, 1ms); }, [&] { met[1] = meets_within(b, 1ms); }, [&] { b.reset(); });
  MODEL_CHECK(met[0] == met[1]);
}

MODEL_SCENARIO(barrier_abort_sends_all_away_for_good, .timeouts_may_rescue = false) {
  spool::barrier b(3);
  bool met[2] = {true, true};
  at_once([&] { met[0] = meets(b); }, [&] { met[1] = meets(b); }, [&] { b.abort(); });
  MODEL_CHECK(!met[0]);
  MODEL_CHECK(!met[1]);
  MODEL_CHECK(b.broken());
}

MODEL_SCENARIO(barrier_reset_while_its_action_runs) {
  int runs = 0;
  spool::barrier b(2, [&] { ++runs, std::this_thread::yield(); });
  bool met[2] = {false, false};
  at_once([&] { met[0] = meets_within(b, 1ms); }, [&] { met[1] = meets_within(b, 1ms); }, [&] { b.reset(); });
  MODEL_CHECK(met[0] == met[1]);
}

MODEL_SCENARIO(barrier_destroyed_by_one_that_has_met, .timeouts_may_rescue = false) {
  struct counted {
    spool::barrier b{2};
    std::atomic<int> back{0};
  };
  auto* const c = new counted;
  const auto work = [&] {
    c->b.wait();
    if (c->back.fetch_add(1) == 1) delete c;
  };
  at_once(work, work);
}

// The same by one that was sent away, while who did that is still about to return.
MODEL_SCENARIO(barrier_destroyed_by_one_that_was_sent_away, .timeouts_may_rescue = false) {
  auto* const b = new spool::barrier(2);
  const bool resets = choose(2) == 0;
  std::thread waits([b] {
    MODEL_CHECK(!meets(*b));
    delete b;
  });
  wait_for_sleepers(1);
  begin_contest();
  resets ? b->reset() : b->abort();
  waits.join();
}
MODEL_SCENARIO(barrier_destroyed_by_one_that_has_slept_and_met, .timeouts_may_rescue = false) {
  auto* const b = new spool::barrier(2);
  std::thread waits([b] {
    b->wait();
    delete b;
  });
  wait_for_sleepers(1);
  begin_contest();
  b->wait();
  waits.join();
}

// The second round is full while the action of the first runs: its own action comes after that, before any of it goes on.
MODEL_SCENARIO(barrier_full_rounds_wait_their_turn, .timeouts_may_rescue = false) {
  int runs = 0;
  spool::barrier b(2, [&] { ++runs, std::this_thread::yield(); });
  const auto meet = [&] { b.wait(); };
  at_once(meet, meet, meet, meet);
  MODEL_CHECK(runs == 2);
}

MODEL_SCENARIO(barrier_broken_by_its_action, .timeouts_may_rescue = false) {
  spool::barrier b(2, [] { throw 1; });
  int thrown[2] = {0, 0};
  bool met[2] = {false, false};
  const auto meet = [&](int me) {
    try {
      met[me] = meets(b);
    } catch (int x) {
      thrown[me] = x;
    }
  };
  at_once([&] { meet(0); }, [&] { meet(1); });
  MODEL_CHECK(thrown[0] + thrown[1] == 1);
  MODEL_CHECK(!met[0] && !met[1]);
  MODEL_CHECK(b.broken());
}
