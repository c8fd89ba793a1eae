// spool/detail/future/then_state.hpp · the result of a callable that is called with another result
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <utility>

#include <spool/detail/base/caught.hpp>
#include <spool/detail/future/result.hpp>
#include <spool/detail/future/state.hpp>
#include <spool/detail/registry/block_cache.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What then(f) makes: callable, result, and the entry in the source's list of callbacks, in one block.
///
/// Lifetime  Made with two handles: the future's, and the entry's, which is the handle of who runs it. Whoever cancels it
///           through a handle takes the entry out of the source's list; if the source is done and about to run it, the
///           entry is turned into a mere hold on the block instead. It keeps the source as long as the callable lives.
template <class T, class U, class F, bool Taken>
class then_state final : public future_state<U>, public keeping_callback, public recycled_block {
public:
  /// The source is kept before anything of the caller's runs.
  template <class G>
  explicit then_state(future_state<T>& source, G&& f) : future_state<U>(2), keeping_callback(source) {
    this->mark_as_continuation();
    ::new (static_cast<void*>(std::addressof(f_))) F(std::forward<G>(f));
  }
  ~then_state() noexcept override {}  // whatever the callable's destructor says of itself

  future_state_base* run(future_state_base& source) override {
    const future_state_base::phase found = source.current_phase();
    if (found == future_state_base::was_cancelled) {
      bool callbacks = false;
      if (!this->cancel_pending([] {}, callbacks)) return drop_spent_entry();
      if (callbacks) return this;
      this->drop_handle();
      return nullptr;
    }
    if (!this->claim_from_lookers()) return drop_spent_entry();
    return settled_as(found == future_state_base::has_value ? call(static_cast<future_state<T>&>(source))
                                                            : pass_on(source));
  }

protected:
  void discard_callable() noexcept override {
    f_.~F();
    this->take_source()->drop_handle();
  }
  void cancelled_through_handle() noexcept override {
    if (this->source_->withdraw(*this)) {
      this->drop_handle();  // the entry's; the canceller has another
    } else {
      this->abandon_entry();
    }
  }
  future_state_base* source_in(future_state_base::phase found) noexcept override {
    return found == future_state_base::pending ? this->source_ : nullptr;
  }
  void free_memory() noexcept override { delete this; }

private:
  future_state_base* drop_spent_entry() noexcept {
    this->drop_entry();
    return nullptr;
  }

  /// Returns  itself, if there are callbacks to be run now.
  future_state_base* settled_as(future_state_base::phase outcome) noexcept {
    return this->settle_or_drop(outcome, [] {}) ? this : nullptr;
  }

  /// Calls the callable, keeps what comes of it, destroys the callable: all of it before anyone sees the result. The
  /// source may be gone afterwards. If the call ends the thread, its result is an error before that.
  future_state_base::phase call(future_state<T>& source) {
    const auto call_it = [&]() -> decltype(auto) { return call_with_result<Taken>(std::move(f_), source); };
    std::exception_ptr thrown = caught_from([&] { this->emplace_from(call_it); },
                                            [this] {
                                              discard_callable();
                                              this->emplace_error(ended_its_thread());
                                              this->run_callbacks_and_drop(settled_as(future_state_base::has_error));
                                            });
    discard_callable();
    if (thrown == nullptr) return future_state_base::has_value;
    this->emplace_error(std::move(thrown));
    return future_state_base::has_error;
  }

  future_state_base::phase pass_on(const future_state_base& source) noexcept {
    this->emplace_error(std::exception_ptr(source.error()));
    discard_callable();
    return future_state_base::has_error;
  }

  union {
    F f_;  // alive in phase pending and, until it has returned, running
  };
};

}  // namespace spool::inline SPOOL_ABI::detail
