// tests/model/future_scenarios.cpp · the claims of future and promise
// SPDX-License-Identifier: MIT
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include <spool/future.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

template <class F>
bool does(F&& f) {
  try {
    f();
    return true;
  } catch (spool::usage_error const&) {
    return false;
  }
}

/// Its moves are counted in what is moved from, and the first throws.
struct unwilling {
  int moves = 0;

  unwilling() = default;
  unwilling(unwilling&& other) : moves(++other.moves) {
    if (moves == 1) throw std::runtime_error("the first move");
  }
};
struct makes_unwilling {
  operator unwilling() const { return {}; }
};

/// Counts what became of an attempt to take.
struct takings {
  int taken = 0;
  int thrown = 0;
  int refused = 0;

  template <class F>
  void count(F&& take) {
    try {
      MODEL_CHECK(take() == 2);
      ++taken;
    } catch (std::runtime_error const&) {
      ++thrown;
    } catch (spool::usage_error const&) {
      ++refused;
    }
  }
};

}  // namespace

MODEL_SCENARIO(future_passes_the_value, .timeouts_may_rescue = false) {
  spool::promise<std::unique_ptr<int>> p;
  spool::future f = p.get_future();
  at_once([&] { MODEL_CHECK(*f.result() == 1); }, [&] { p.set_value(std::make_unique<int>(1)); });
}

MODEL_SCENARIO(future_with_three_that_wait, .timeouts_may_rescue = false) {
  spool::promise<std::unique_ptr<int>> p;
  const auto wait = [f = p.get_future()] { MODEL_CHECK(*f.result() == 1); };
  at_once([&] { p.set_value(std::make_unique<int>(1)); }, wait, wait, wait);
}

MODEL_SCENARIO(future_set_by_two_has_one_winner) {
  spool::promise<int> p;
  const spool::future f = p.get_future();
  bool set[2] = {false, false};
  at_once([&] { set[0] = does([&] { p.set_value(0); }); }, [&] { set[1] = does([&] { p.set_value(1); }); });
  MODEL_CHECK(set[0] != set[1]);
  MODEL_CHECK(f.result() == (set[0] ? 0 : 1));
}

MODEL_SCENARIO(future_cancel_against_set) {
  spool::promise<std::unique_ptr<int>> p;
  const spool::future f = p.get_future();
  bool set = false;
  bool cancelled = false;
  at_once([&] { set = does([&] { p.set_value(std::make_unique<int>(1)); }); }, [&] { cancelled = f.cancel(); },
          [&] { f.wait(), MODEL_CHECK(f.done()); });
  MODEL_CHECK(set != cancelled);
  MODEL_CHECK(f.cancelled() == cancelled);
}

MODEL_SCENARIO(future_limit_against_set) {
  spool::promise<std::unique_ptr<int>> p;
  const spool::future f = p.get_future();
  at_once(
      [&] {
        const std::int64_t limit = now_ns() + 1'000'000;
        if (f.wait_for(1ms)) {
          MODEL_CHECK(*f.result() == 1);
        } else {
          MODEL_CHECK(now_ns() >= limit);
        }
      },
      [&] { p.set_value(std::make_unique<int>(1)); }, [&] { f.wait(), MODEL_CHECK(*f.result() == 1); });
}

MODEL_SCENARIO(future_stop_against_set) {
  spool::promise<std::unique_ptr<int>> p;
  const spool::future f = p.get_future();
  std::stop_source stop;
  at_once(
      [&] {
        if (f.wait(stop.get_token())) MODEL_CHECK(*f.result() == 1);
      },
      [&] { p.set_value(std::make_unique<int>(1)); }, [&] { stop.request_stop(); });
}

MODEL_SCENARIO(future_stop_alone_ends_the_wait, .timeouts_may_rescue = false) {
  spool::promise<int> p;
  const spool::future f = p.get_future();
  std::stop_source stop;
  at_once([&] { MODEL_CHECK(!f.wait(stop.get_token())); }, [&] { stop.request_stop(); });
}

MODEL_SCENARIO(future_callback_is_called_once) {
  std::optional<spool::promise<std::unique_ptr<int>>> p(std::in_place);
  std::optional f(p->get_future());
  int calls = 0;
  int other_calls = 0;
  at_once([&] { p->set_value(std::make_unique<int>(1)), p.reset(); },
          [&] {
            f->add_done_callback([&](const auto& done) { calls += *done.result(); });
            f->add_done_callback([&](const auto& done) { other_calls += *done.result(); });
            f.reset();
          });
  MODEL_CHECK(calls == 1);
  MODEL_CHECK(other_calls == 1);
}

MODEL_SCENARIO(future_callbacks_run_in_the_order_added) {
  spool::promise<int> p;
  const spool::future f = p.get_future();
  int order[3] = {0, 0, 0};
  int n = 0;
  for (int i = 1; i < 3; ++i) f.add_done_callback([&, i](const auto&) { order[n++] = i; });
  at_once([&] { p.set_value(1); }, [&] { f.wait(); });
  f.add_done_callback([&](const auto&) { order[n++] = 3; });
  MODEL_CHECK(order[0] == 1 && order[1] == 2 && order[2] == 3);
}

MODEL_SCENARIO(future_callback_against_cancel_and_the_last_handle) {
  std::optional<spool::promise<int>> p(std::in_place);
  std::optional f(p->get_future());
  std::optional g(*f);
  int calls = 0;
  at_once([&] { f->add_done_callback([&](const auto& done) { ++calls, MODEL_CHECK(done.done()); }), f.reset(); },
          [&] { g->cancel(), g.reset(); }, [&] { p.reset(); });
  MODEL_CHECK(calls == 1);
}

MODEL_SCENARIO(future_every_handle_is_dropped_by_another_thread) {
  std::optional<spool::promise<std::unique_ptr<int>>> p(std::in_place);
  std::optional f(p->get_future());
  std::optional g(*f);
  at_once([&] { p->set_value(std::make_unique<int>(1)), p.reset(); }, [&] { f.reset(); },
          [&] {
            auto copy = *g;
            g.reset();
            if (copy.done()) MODEL_CHECK(*copy.result() == 1);
          });
}

MODEL_SCENARIO(future_value_read_by_two_who_drop_it) {
  std::optional<spool::promise<std::unique_ptr<int>>> p(std::in_place);
  std::optional f(p->get_future());
  std::optional g(*f);
  p->set_value(std::make_unique<int>(1));
  p.reset();
  at_once([&] { MODEL_CHECK(*f->result() == 1), f.reset(); }, [&] { MODEL_CHECK(*g->result() == 1), g.reset(); });
}

// The promise may go as soon as the waiter has the value, though set_value has
// not returned.
MODEL_SCENARIO(future_promise_destroyed_by_the_waiter, .timeouts_may_rescue = false) {
  auto* const p = new spool::promise<int>;
  at_once(
      [&, f = p->get_future()]() mutable {
        f.wait();
        delete p;
      },
      [&] { p->set_value(1); });
}

MODEL_SCENARIO(future_value_moved_out_once) {
  spool::promise<std::unique_ptr<int>> p;
  spool::future f = p.get_future();
  bool got[2] = {false, false};
  p.set_value(std::make_unique<int>(1));
  const auto take = [&](int i) {
    auto copy = f;
    got[i] = does([&] { MODEL_CHECK(*std::move(copy).result() == 1); });
  };
  at_once([&] { take(0); }, [&] { take(1); });
  MODEL_CHECK(got[0] != got[1]);
}

MODEL_SCENARIO(future_broken_promise_against_wait, .timeouts_may_rescue = false) {
  std::optional<spool::promise<int>> p(std::in_place);
  const spool::future f = p->get_future();
  at_once([&] { MODEL_CHECK(f.exception() != nullptr); }, [&] { p.reset(); });
}

MODEL_SCENARIO(future_claimed_by_one_of_claim_and_cancel) {
  spool::promise<int> p;
  const spool::future f = p.get_future();
  bool claimed = false;
  bool cancelled = false;
  at_once([&] { claimed = p.set_running_or_notify_cancel(); }, [&] { cancelled = f.cancel(); });
  MODEL_CHECK(claimed != cancelled);
  if (claimed) p.set_value(1);
}

// The first move has written to the value before it threw. Whoever comes while it moves is refused; then it is there again.
MODEL_SCENARIO(future_taken_by_another_when_the_move_throws) {
  spool::promise<unwilling> p;
  p.set_value(makes_unwilling());
  takings of[2];
  const auto take = [&](takings& mine) {
    mine.count([f = p.get_future()]() mutable { return std::move(f).result().moves; });
  };
  at_once([&] { take(of[0]); }, [&] { take(of[1]); });
  take(of[0]);
  MODEL_CHECK(of[0].thrown + of[1].thrown == 1);
  MODEL_CHECK(of[0].taken + of[1].taken == 1);
}

MODEL_SCENARIO(future_taken_by_another_when_the_move_into_a_continuation_throws) {
  spool::promise<unwilling> p;
  p.set_value(makes_unwilling());
  takings of[2];
  const auto take = [&](takings& mine) {
    const auto moves = p.get_future().then([](unwilling u) { return u.moves; });
    mine.count([&] { return moves.result(); });
  };
  at_once([&] { take(of[0]); }, [&] { take(of[1]); });
  take(of[0]);
  MODEL_CHECK(of[0].thrown + of[1].thrown == 1);
  MODEL_CHECK(of[0].taken + of[1].taken == 1);
}

// All that is left of it is what the model would find leaking, or used after its end.
MODEL_SCENARIO(future_continuation_cancelled_against_its_source) {
  std::optional<spool::promise<std::unique_ptr<int>>> p(std::in_place);
  const auto argument = std::make_shared<int>(1);
  bool ran = false;
  bool cancelled = false;
  std::optional g(p->get_future().then([&ran, argument](std::unique_ptr<int> const&) { ran = true; }));
  at_once([&] { p->set_value(std::make_unique<int>(1)), p.reset(); }, [&] { cancelled = g->cancel(), g.reset(); });
  MODEL_CHECK(ran != cancelled);
  MODEL_CHECK(argument.use_count() == 1);
}

MODEL_SCENARIO(future_continuations_cancelled_beside_each_other) {
  std::optional<spool::promise<int>> p(std::in_place);
  const spool::future f = p->get_future();
  int ran[4] = {0, 0, 0, 0};
  const auto follow = [&](int i) { return f.then([&, i](int) { ++ran[i]; }); };
  std::optional g(follow(0));
  std::optional h(follow(1));
  const spool::future last = follow(2);
  bool cancelled[2] = {false, false};
  at_once([&] { cancelled[0] = g->cancel(), g.reset(); }, [&] { cancelled[1] = h->cancel(), h.reset(); },
          [&] { follow(3).wait(); }, [&] { p->set_value(1); });
  MODEL_CHECK(ran[0] == (cancelled[0] ? 0 : 1));
  MODEL_CHECK(ran[1] == (cancelled[1] ? 0 : 1));
  MODEL_CHECK(ran[2] == 1 && ran[3] == 1);
}

MODEL_SCENARIO(future_continuation_cancelled_against_the_cancel_of_its_source) {
  std::optional<spool::promise<int>> p(std::in_place);
  std::optional f(p->get_future());
  std::optional g(f->then([](int) {}));
  at_once([&] { g->cancel(), g.reset(); }, [&] { f->cancel(), f.reset(); }, [&] { p.reset(); });
}
