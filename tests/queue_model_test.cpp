// tests/queue_model_test.cpp · queue, lifo_queue, priority_queue: all that one thread may do, beside a plain list
// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>

#include "support/catch.hpp"
#include "support/queue_model.hpp"

TEST_CASE("whatever one thread does, and whatever its items throw, a queue does what a plain list would") {
  std::mt19937 random(20'000);
  std::array<std::uint8_t, 1'500> bytes;
  for (int round = 0; round < 900; ++round) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = static_cast<std::uint8_t>(round % 9);
    std::string wrong = "nothing";
    try {
      queue_model::follow(bytes);
    } catch (mismatch const& e) {
      wrong = e.what();
    }
    INFO("round " << round);
    REQUIRE(wrong == "nothing");
  }
}
