// tests/model/coroutine_scenarios.cpp · the claims of co_await and of coroutines that return a future
// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <spool/coroutine.hpp>
#include <spool/future.hpp>

#include <support.hpp>

using namespace model;

namespace {

using number = std::unique_ptr<int>;

spool::future<int> one_more(spool::future<number> f) { co_return *(co_await f) + 1; }
spool::future<int> one_more(spool::future<int> f) { co_return co_await f + 1; }

spool::future<int> keeps(spool::future<int> f, std::shared_ptr<int>) { co_return co_await f; }

}  // namespace

MODEL_SCENARIO(coroutine_goes_on_once_against_set, .timeouts_may_rescue = false) {
  spool::promise<number> p;
  std::optional<spool::future<int>> f;
  at_once([&] { f = one_more(p.get_future()); }, [&] { p.set_value(std::make_unique<int>(1)); });
  MODEL_CHECK(f->result() == 2);
}

MODEL_SCENARIO(coroutine_chain_against_set, .timeouts_may_rescue = false) {
  spool::promise<number> p;
  std::optional<spool::future<int>> f;
  at_once([&] { f = one_more(one_more(one_more(p.get_future()))); }, [&] { p.set_value(std::make_unique<int>(1)); });
  MODEL_CHECK(f->result() == 4);
}

MODEL_SCENARIO(coroutine_whose_future_is_dropped, .timeouts_may_rescue = false) {
  std::optional<spool::promise<number>> p(std::in_place);
  at_once([f = p->get_future()]() mutable { one_more(std::exchange(f, {})); },
          [&] { p->set_value(std::make_unique<int>(1)), p.reset(); });
}

// Its arguments lie in its frame.
MODEL_SCENARIO(coroutine_frame_ends_before_its_result_is_seen, .timeouts_may_rescue = false) {
  const auto argument = std::make_shared<int>(1);
  spool::promise<int> p;
  const spool::future f = keeps(p.get_future(), argument);
  at_once([&] { MODEL_CHECK(f.result() == 1), MODEL_CHECK(argument.use_count() == 1); }, [&] { p.set_value(1); });
}

MODEL_SCENARIO(coroutine_passes_the_exception_on, .timeouts_may_rescue = false) {
  std::optional<spool::promise<int>> p(std::in_place);
  const spool::future f = one_more(p->get_future());
  at_once(
      [&] {
        try {
          f.result();
          MODEL_CHECK(false);
        } catch (std::runtime_error const&) {
        }
      },
      [&] { p->set_exception(std::make_exception_ptr(std::runtime_error("no"))), p.reset(); });
}

MODEL_SCENARIO(coroutine_awaits_what_is_cancelled, .timeouts_may_rescue = false) {
  spool::promise<int> p;
  const spool::future source = p.get_future();
  std::optional<spool::future<int>> f;
  at_once([&] { f = one_more(source); }, [&] { source.cancel(); });
  MODEL_CHECK(f->exception() != nullptr);
}
