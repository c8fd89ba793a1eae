// tests/fuzz/queue_fuzz.cpp · the queues beside a plain list, on what the fuzzer thinks of
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "support/queue_model.hpp"

/// A mismatch ends the program: nobody catches it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  queue_model::follow(std::span(data, size));
  return 0;
}
