// tests/fuzz/future/reality.hpp · real futures and promises, what their callables do, and what they see
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <spool/coroutine.hpp>
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/future.hpp>
#include <spool/wait.hpp>

#include "fuzz/counted_among.hpp"
#include "fuzz/future/items.hpp"
#include "fuzz/future/model.hpp"

namespace future_model {

/// An exception of the user's.
struct failure {
  int label;
};

/// What f does, or the exception that it throws.
template <class F>
outcome outcome_of(F&& f) {
  try {
    return f();
  } catch (failure const& e) {
    return {fate::failure, e.label};
  } catch (item_failure const&) {
    return {fate::item_failure, 0};
  } catch (spool::usage_error const&) {
    return {fate::usage_error, 0};
  } catch (spool::cancelled_error const&) {
    return {fate::cancelled, 0};
  } catch (spool::broken_promise_error const&) {
    return {fate::broken_promise, 0};
  } catch (spool::timeout_error const&) {
    return {fate::timeout, 0};
  }
}
inline outcome outcome_of_exception(std::exception_ptr const& e) {
  return outcome_of([&]() -> outcome { std::rethrow_exception(e); });
}
/// What a call of f gives, or throws.
template <class F>
outcome seen_by(F&& f) {
  return outcome_of([&]() -> outcome {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      return {fate::value, 0};
    } else {
      decltype(auto) x = f();
      return {fate::value, label_of(x)};
    }
  });
}

/// The real ones, and what their callables do and see.
template <class T>
class reality {
public:
  using handle = spool::future<T>;
  using range = decltype(spool::as_completed_for(std::declval<std::vector<handle>&>(), std::chrono::seconds(0)));
  struct node {
    std::vector<handle> handles;
    std::optional<spool::promise<T>> promise;
  };
  struct going {  // a range that is gone through
    range of;
    std::optional<typename range::iterator> at;
  };

  std::deque<node> nodes;
  std::deque<std::optional<going>> ranges;
  std::vector<record> log;
  std::vector<outcome> lost;
  int callables = 0;

  reality()
      : before_(spool::set_excepthook(
            [this](spool::thread_info const&, std::exception_ptr e) { lost.push_back(outcome_of_exception(e)); })) {}
  ~reality() { spool::set_excepthook(before_); }
  reality(const reality&) = delete;
  reality& operator=(const reality&) = delete;

  using counted = counted_among<int>;

  struct plain_callback {
    reality* to;
    callback c;
    counted one = counted(to->callables);
    void operator()(handle const& f) const {
      to->log.push_back({c.name, seen_by([&]() -> decltype(auto) { return f.result(); })});
      to->perform(c.does, c.name);
    }
  };

  /// Of a continuation: what it gets, it gives on with the next label.
  struct next_label {
    reality* to;
    callback c;
    counted one = counted(to->callables);
    template <class... Args>
    T operator()(Args&&... args) const
      requires(sizeof...(Args) <= 1)
    {
      if constexpr (sizeof...(Args) == 0) {
        return go_on(0);
      } else {
        return go_on(read_or_take(std::forward<Args>(args)...));
      }
    }
    template <class U>
    static int read_or_take(U&& x) {
      if constexpr (std::is_lvalue_reference_v<U>) {
        return label_of(x);
      } else {
        const U own(std::move(x));
        return label_of(own);
      }
    }
    T go_on(int label) const {
      to->log.push_back({c.name, {fate::value, label}});
      to->perform(c.does, c.name);
      return made<T>((label + 1) % 100);
    }
  };

  static spool::future<T> relay(counted one, reality& to, callback c, handle f) {
    const counted kept = std::move(one);
    int label = 0;
    if constexpr (std::is_void_v<T>) {
      co_await f;
      to.log.push_back({c.name, {fate::value, 0}});
      to.perform(c.does, c.name);
      co_return;
    } else {
      {
        auto&& x = co_await f;
        label = label_of(x);
      }
      to.log.push_back({c.name, {fate::value, label}});
      to.perform(c.does, c.name);
      co_return made<T>((label + 1) % 100);
    }
  }

  void set(spool::promise<T>& p, int label) {
    if constexpr (std::is_void_v<T>) {
      p.set_value();
    } else {
      p.set_value(made<T>(label));
    }
  }

  void perform(const deed& d, int name) {
    const bool reachable = d.node < nodes.size() && !nodes[d.node].handles.empty();
    const bool settable = d.node < nodes.size() && nodes[d.node].promise.has_value();
    if (d.what == deed::cancels && reachable) {
      const bool done = nodes[d.node].handles.front().cancel();
      log.push_back({d.name, {fate::cancelled, done}});
    } else if (d.what == deed::sets && settable) {
      const outcome o = outcome_of([&]() -> outcome {
        set(*nodes[d.node].promise, d.name);
        return {fate::value, 0};
      });
      log.push_back({d.name, {fate::value, o.what == fate::value}});
    } else if (d.what == deed::calls_back && reachable) {
      nodes[d.node].handles.front().add_done_callback(plain_callback{this, {callback::plain, d.name, {}, none}});
    } else if (d.what == deed::drops && reachable) {
      const auto dropped = std::exchange(nodes[d.node].handles, {});
    } else if (d.what == deed::breaks && settable) {
      const auto dropped = std::exchange(nodes[d.node].promise, std::nullopt);
    }
    if (d.what == deed::throws) throw failure{name};
  }

private:
  spool::excepthook_handler before_;
};

}  // namespace future_model
