// tests/fuzz/barrier_fuzz.cpp · a barrier beside its model, on what the fuzzer thinks of
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/barrier/run.hpp"

/// A mismatch ends the program: nobody catches it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto* const others = new barrier_model::hands;  // for good: the process ends in its own way
  barrier_model::run::follow(*others, std::span(data, size));
  return 0;
}
