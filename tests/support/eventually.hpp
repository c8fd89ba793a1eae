// tests/support/eventually.hpp · looks until something has become true
// SPDX-License-Identifier: MIT
#pragma once

#include <thread>

/// Yields until done() is true. There is no limit but the test's own: what never comes true is a hang, which the
/// test runner's timeout reports.
template <class Done>
void eventually(Done&& done) {
  while (!done()) std::this_thread::yield();
}
