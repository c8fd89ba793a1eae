// tests/model/support.hpp · what many scenarios do
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <thread>
#include <utility>

#include <model.hpp>

namespace model {

/// Calls the first in this thread and each other one in a thread of its own,
/// and joins these.
template <class Mine, class... Others>
void at_once(Mine&& mine, Others&&... others) {
  begin_contest();
  std::array<std::thread, sizeof...(Others)> threads{std::thread([&others] { others(); })...};
  mine();
  for (std::thread& t : threads) t.join();
}

}  // namespace model
