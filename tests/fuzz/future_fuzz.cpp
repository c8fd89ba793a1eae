// tests/fuzz/future_fuzz.cpp · futures and promises beside their model, on what the fuzzer thinks of
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/future/run.hpp"

/// A mismatch ends the program: nobody catches it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  future_model::follow(std::span(data, size));
  return 0;
}
