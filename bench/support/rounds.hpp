// bench/support/rounds.hpp · rows of a table: spool and its peers by turns, medians, and ratios round by round
// SPDX-License-Identifier: MIT
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/results.hpp"
#include "support/stopwatch.hpp"

namespace bench {

/// One of those that are measured beside each other; the first of a row is spool.
struct contestant {
  std::string name;
  std::function<cost()> sample;
};

/// How many rounds a row has: SPOOL_BENCH_ROUNDS in the environment, or so many.
inline int rounds_of(int usual) {
  const char* const wish = std::getenv("SPOOL_BENCH_ROUNDS");
  return std::max(1, wish != nullptr ? std::atoi(wish) : usual);
}

/// What a row is counted in: its name, and how many ns are one of it.
struct unit {
  std::string name = "ns";
  double ns = 1;
};
inline const unit microseconds_each{"us", 1e3};
inline const unit milliseconds_each{"ms", 1e6};
/// For what is counted rather than timed: a sample gives the number as its ns.
inline unit counted(std::string name) { return {std::move(name), 1}; }

namespace detail {

struct round {
  std::vector<cost> samples;  // one for each contestant
  double others;              // processors that others had meanwhile
};

/// Samples each contestant once, in an order that rotates, so that what disturbs the machine for a while disturbs all.
inline round run_round(const std::vector<contestant>& all, std::size_t number) {
  round now{std::vector<cost>(all.size()), 0};
  const others_watch watch;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t who = (number + i) % all.size();
    now.samples[who] = all[who].sample();
  }
  now.others = watch.processors();
  return now;
}

inline double quartile(std::vector<double> values, std::size_t quarter) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) * quarter / 4];
}

/// The medians of the half of the rounds in which others used the machine least.
inline std::vector<standing> standings(const std::vector<contestant>& all, std::vector<round> rounds, double unit_ns) {
  std::sort(rounds.begin(), rounds.end(), [](const round& a, const round& b) { return a.others < b.others; });
  rounds.resize((rounds.size() + 1) / 2, round{});
  const auto column = [&](std::size_t who, double cost::* what) {
    std::vector<double> values;
    for (const round& r : rounds) values.push_back(r.samples[who].*what);
    return values;
  };
  std::vector<standing> standings;
  for (std::size_t who = 0; who < all.size(); ++who) {
    std::vector<double> wall = column(0, &cost::wall_ns);
    std::vector<double> cpu = column(0, &cost::cpu_ns);
    for (std::size_t i = 0; i < wall.size(); ++i) {
      wall[i] /= std::max(rounds[i].samples[who].wall_ns, 1e-9);
      cpu[i] /= std::max(rounds[i].samples[who].cpu_ns, 1e-9);
    }
    standings.push_back({.name = all[who].name,
                         .median = quartile(column(who, &cost::wall_ns), 2) / unit_ns,
                         .p99 = quartile(column(who, &cost::p99_ns), 2) / unit_ns,
                         .ratio = quartile(wall, 2),
                         .spread = (quartile(wall, 3) - quartile(wall, 1)) / 2,
                         .cpu_ratio = quartile(cpu, 2)});
  }
  return standings;
}

inline std::string label_of(const row_result& row) {
  std::string label;
  char text[200];
  for (const standing& s : row.standings) {
    std::snprintf(text, sizeof text, "%s%s %.4g", label.empty() ? "" : " | ", s.name.c_str(), s.median);
    label += text;
    if (&s == &row.standings.front()) label += ' ' + row.unit;
    if (s.p99 > 0) {
      std::snprintf(text, sizeof text, " (p99 %.4g)", s.p99);
      label += text;
    }
    if (&s == &row.standings.front()) continue;
    std::snprintf(text, sizeof text, ": %.2fx +-%.2f, cpu %.2fx", s.ratio, s.spread, s.cpu_ratio);
    label += text;
  }
  std::snprintf(text, sizeof text, " | others %.1f", row.others);
  return label + text;
}

}  // namespace detail

/// Adds a row: rounds in which each contestant is sampled once. Printed for each contestant: the median of its samples
/// and, against spool, the median of the rounds' ratios spool / peer with half the distance of their quartiles; the same
/// ratio for processor time after "cpu"; and how many processors others had meanwhile. The same goes to the results.
inline void add_row(const std::string& name, std::vector<contestant> all, unit in = {},
                    std::vector<target> targets = {}, int usual_rounds = 11) {
  const auto run = [name, all = std::move(all), in = std::move(in), targets = std::move(targets),
                    usual_rounds](benchmark::State& state) {
    std::vector<detail::round> rounds;
    for (auto _ : state) {
      for (int i = rounds_of(usual_rounds); i > 0; --i) rounds.push_back(detail::run_round(all, rounds.size()));
    }
    std::vector<double> others;
    for (const detail::round& r : rounds) others.push_back(r.others);
    const row_result row{name, in.name, detail::quartile(others, 1), detail::standings(all, std::move(rounds), in.ns),
                         targets};
    state.SetLabel(detail::label_of(row));
    record(row);
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->Iterations(1)->Unit(benchmark::kMillisecond);
}

/// A row of what does not change from round to round.
inline void add_count(const std::string& name, std::vector<contestant> all, const std::string& what,
                      std::vector<target> targets = {}) {
  add_row(name, std::move(all), counted(what), std::move(targets), 1);
}

/// The main() of a bench: area is the part of the library that its rows are about.
inline int run(int argc, char** argv, const char* area, void (*add_rows)()) {
  results_area() = area;
  add_rows();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench
