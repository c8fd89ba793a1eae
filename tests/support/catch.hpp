// tests/support/catch.hpp · the only place that includes Catch2: version 2 or 3, whichever is found
// SPDX-License-Identifier: MIT
//
// CHECK and REQUIRE belong to the main thread: other threads record what they saw (see crew.hpp), and the main
// thread asserts after it has joined them.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
namespace Catch {
using Detail::Approx;  // at version 3's place
}
#endif
