// tests/support/eventually.hpp · until something has become true, and a while in which others may fall asleep
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <thread>

/// Yields until done() is true. There is no limit but the test's own: what never comes true is a hang, which the
/// test runner's timeout reports.
template <class Done>
void eventually(Done&& done) {
  while (!done()) std::this_thread::yield();
}

/// Gives threads that are about to sleep the time to do so. No test may need it to pass: it only makes a failure
/// likelier to show.
inline void let_others_sleep() { std::this_thread::sleep_for(std::chrono::microseconds(300)); }
