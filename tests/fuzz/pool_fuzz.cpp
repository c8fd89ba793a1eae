// tests/fuzz/pool_fuzz.cpp · a pool beside its model, on what the fuzzer thinks of
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/pool/run.hpp"

/// A mismatch ends the program: nobody catches it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pool_model::run::follow(std::span(data, size));
  return 0;
}
