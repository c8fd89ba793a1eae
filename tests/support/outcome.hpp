// tests/support/outcome.hpp · what came of a call, or of a future, in one word
// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

#include <spool/errors.hpp>
#include <spool/future.hpp>

/// An error that is none of the library's.
inline std::exception_ptr boom(std::string const& what = "boom") {
  return std::make_exception_ptr(std::runtime_error(what));
}

/// Calls f.      Returns  "fine", the name of the library's error that it throws, or what() of another.
template <class F>
std::string outcome(F&& f) {
  try {
    f();
    return "fine";
  } catch (spool::usage_error const&) {
    return "usage_error";
  } catch (spool::cancelled_error const&) {
    return "cancelled_error";
  } catch (spool::timeout_error const&) {
    return "timeout_error";
  } catch (spool::pool_shutdown_error const&) {
    return "pool_shutdown_error";
  } catch (spool::broken_pool_error const&) {
    return "broken_pool_error";
  } catch (spool::broken_promise_error const&) {
    return "broken_promise_error";
  } catch (std::exception const& e) {
    return e.what();
  }
}

/// The same of the result of a future, for which it waits.
template <class T>
std::string ending(spool::future<T> const& f) {
  return outcome([&] { static_cast<void>(f.result()); });
}
