// tests/support/refusal_sweep.hpp · an operation, tried with each of its requests to the system refused in turn
// SPDX-License-Identifier: MIT
//
// Replaces malloc and pthread_create: include it in one source file only.
#pragma once

#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "support/failing_malloc.hpp"

/// What is tried. It must come through, or throw std::bad_alloc or std::system_error, and then have changed nothing.
struct refusable {
  std::string name;
  /// Returns  whether all came out as it should.
  std::function<bool()> act;
  /// Whether all is as before `act`, which has thrown.
  std::function<bool()> unchanged = [] { return true; };
  /// What it gets from other threads it must get: only its own requests are refused.
  bool needs_others = false;
};

/// Calls `act` in new threads, in which its first, its second, ... request is refused, until it makes no more; and each
/// time once more, with nothing refused.
/// Returns  how often something was refused; `wrong` gets what was wrong, if anything.
inline int sweep_one(const refusable& one, failing_system::manner how, std::string& wrong) {
  constexpr int too_many = 5'000;
  int refusals = 0;
  for (int n = 1; n < too_many; ++n) {
    int refused = 0;
    const char* fault = nullptr;
    std::thread([&] {
      bool thrown = false;
      {
        const failing_system guard(n, how);
        try {
          if (!one.act()) fault = "came out wrong";
        } catch (const std::bad_alloc&) {
          thrown = true;
        } catch (const std::system_error&) {
          thrown = true;
        } catch (...) {
          fault = "threw something else";
        }
        refused = guard.refused();
      }
      if (thrown && !one.unchanged()) fault = "has changed something";
      if (refused == 0 || fault != nullptr) return;
      try {
        if (!one.act()) fault = "came out wrong when tried again";
      } catch (...) {
        fault = "threw when tried again";
      }
    }).join();
    if (fault != nullptr) {
      wrong = one.name + ' ' + fault + ", request " + std::to_string(n) + " refused";
      return refusals;
    }
    if (refused == 0) return refusals;
    ++refusals;
  }
  wrong = one.name + " never came through";
  return refusals;
}

/// Every operation in every manner: memory or threads refused, once or for good, to its own thread or to all.
/// Returns  what was wrong; also if not a single request was refused.
inline std::vector<std::string> sweep(const std::vector<refusable>& all) {
  using request = failing_system::request;
  using to = failing_system::to;
  using lasting = failing_system::lasting;
  std::vector<std::string> faults;
  int refusals = 0;
  for (const refusable& one : all) {
    for (const request what : {request::memory, request::thread}) {
      for (const to whom : {to::caller, to::everybody}) {
        if (one.needs_others && whom == to::everybody) continue;
        for (const lasting how_long : {lasting::once, lasting::from_then_on}) {
          std::string wrong;
          refusals += sweep_one(one, {what, whom, how_long}, wrong);
          if (wrong.empty()) continue;
          faults.push_back(wrong + (what == request::memory ? ": memory" : ": thread") +
                           (whom == to::caller ? ", to the caller" : ", to everybody") +
                           (how_long == lasting::once ? ", once" : ", from then on"));
        }
      }
    }
  }
  if (refusals == 0) faults.emplace_back("nothing was refused");
  return faults;
}
