// tests/model/wait_scenarios.cpp · the claims of wait and as_completed
// SPDX-License-Identifier: MIT
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <spool/wait.hpp>

#include <support.hpp>

using namespace std::chrono_literals;
using namespace model;

namespace {

struct three {
  spool::promise<int> p[3];
  std::vector<spool::future<int>> futures() const { return {p[0].get_future(), p[1].get_future(), p[2].get_future()}; }
};

}  // namespace

MODEL_SCENARIO(wait_for_all_of_three, .timeouts_may_rescue = false) {
  three t;
  at_once(
      [&, all = t.futures()] {
        const auto result = spool::wait(all);
        MODEL_CHECK(result.done.size() == 3);
        MODEL_CHECK(result.done[2].result() == 2);
      },
      [&] { t.p[0].set_value(0), t.p[2].set_value(2); }, [&] { t.p[1].set_value(1); });
}

MODEL_SCENARIO(wait_for_the_first_of_three, .timeouts_may_rescue = false) {
  three t;
  at_once(
      [&, all = t.futures()] {
        const auto result = spool::wait(all, spool::first_completed);
        MODEL_CHECK(!result.done.empty());
        MODEL_CHECK(result.done.size() + result.not_done.size() == 3);
        for (const auto& f : result.done) f.result();
      },
      [&] { t.p[0].set_value(0); }, [&] { t.p[1].set_value(1); });
}

MODEL_SCENARIO(wait_for_the_first_exception, .timeouts_may_rescue = false) {
  three t;
  at_once(
      [&, all = t.futures()] {
        const auto result = spool::wait(all, spool::first_exception);
        bool thrown = false;
        for (const auto& f : result.done) thrown = thrown || f.exception() != nullptr;
        MODEL_CHECK(thrown);
        for (const auto& f : all) static_cast<void>(f.wait_for(0ms) && f.exception() != nullptr);
      },
      [&] { t.p[0].set_value(0); }, [&] { t.p[1].set_exception(std::make_exception_ptr(std::runtime_error("no"))); });
}

MODEL_SCENARIO(wait_for_all_with_a_limit) {
  three t;
  at_once(
      [&, all = t.futures()] {
        const auto result = spool::wait_for(all, 1ms);
        for (const auto& f : result.done) f.result();
        MODEL_CHECK(result.done.size() + result.not_done.size() == 3);
      },
      [&] { t.p[0].set_value(0), t.p[1].set_value(1); }, [&] { t.p[2].set_value(2); });
}

MODEL_SCENARIO(wait_with_a_limit_while_the_promises_go) {
  auto* const t = new three;
  at_once(
      [all = t->futures()]() mutable {
        spool::wait_for(all, 1ms, spool::first_completed);
        all.clear();
      },
      [&] { t->p[0].set_value(0), t->p[1].set_value(1), delete t; });
}

MODEL_SCENARIO(as_completed_gives_each_once, .timeouts_may_rescue = false) {
  three t;
  at_once(
      [&, all = t.futures()] {
        int sum = 0;
        int n = 0;
        for (auto& f : spool::as_completed(all)) sum += f.result(), ++n;
        MODEL_CHECK(n == 3);
        MODEL_CHECK(sum == 3);
      },
      [&] { t.p[0].set_value(0), t.p[2].set_value(2); }, [&] { t.p[1].set_value(1); });
}

// All were pending when the range was made.
MODEL_SCENARIO(as_completed_keeps_the_order_of_completion, .timeouts_may_rescue = false) {
  three t;
  auto range = spool::as_completed(t.futures());
  at_once(
      [&] {
        int order[3] = {-1, -1, -1};
        int n = 0;
        for (auto& f : range) order[n++] = f.result();
        MODEL_CHECK(n == 3);
        MODEL_CHECK(order[0] == 2 && order[1] == 0 && order[2] == 1);
      },
      [&] { t.p[2].set_value(2), t.p[0].set_value(0), t.p[1].set_value(1); });
}

MODEL_SCENARIO(wait_for_one_that_is_there_twice, .timeouts_may_rescue = false) {
  three t;
  const spool::future f = t.p[0].get_future();
  const std::vector<spool::future<int>> all{f, f, f};
  at_once(
      [&] {
        MODEL_CHECK(spool::wait(all).done.size() == 1);
        int n = 0;
        for (auto& each : spool::as_completed(all)) n += 1 + each.result();
        MODEL_CHECK(n == 1);
      },
      [&] { t.p[0].set_value(0); });
}

MODEL_SCENARIO(as_completed_dropped_in_the_middle) {
  three t;
  at_once(
      [&, all = t.futures()]() mutable {
        auto range = spool::as_completed(std::move(all));
        auto it = range.begin();
        MODEL_CHECK(it->done());
        if (choose(2) == 1) ++it;
      },
      [&] { t.p[0].set_value(0), t.p[2].set_value(2); }, [&] { t.p[1].set_value(1); });
}

MODEL_SCENARIO(as_completed_with_a_limit) {
  three t;
  at_once(
      [&, all = t.futures()]() mutable {
        try {
          for (auto& f : spool::as_completed_for(std::move(all), 1ms)) f.result();
        } catch (spool::timeout_error const&) {
        }
      },
      [&] { t.p[0].set_value(0), t.p[2].set_value(2); }, [&] { t.p[1].set_value(1); });
}

MODEL_SCENARIO(wait_by_two_on_the_same_futures_against_cancel, .timeouts_may_rescue = false) {
  three t;
  const auto all = t.futures();
  const auto wait = [&] { MODEL_CHECK(spool::wait(all).done.size() == 3); };
  at_once(wait, wait, [&] { t.p[0].set_value(0), all[1].cancel(), t.p[2].set_value(2); });
}
