// bench/support/results.hpp · what a row has come to, handed on to the report as lines of tab-separated text
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace bench {

/// What is aimed at: that spool takes at most `limit` times what the peer takes; without a peer, at most `limit` of the
/// row's unit; or at least, where more is better.
struct target {
  std::string peer;
  double limit;
  bool at_least = false;
};

/// How a contestant has fared.
struct standing {
  std::string name;
  double median;     // in the row's unit
  double p99;        // likewise; 0 if the row is none of latencies
  double ratio;      // spool's time / this one's
  double spread;     // half the distance of the ratio's quartiles
  double cpu_ratio;  // of processor time
};

struct row_result {
  std::string row;
  std::string unit;
  double others;  // processors that others used meanwhile
  std::vector<standing> standings;
  std::vector<target> targets;
};

/// The part of the library that this program's rows are about.
inline std::string& results_area() {
  static std::string area;
  return area;
}

/// Appends the row to AREA.tsv in the folder that SPOOL_BENCH_RESULTS in the environment names, if it does:
///   row    area  name  unit  others
///   by     contestant  median  p99  ratio  spread  cpu ratio
///   target peer  limit  most|least
inline void record(const row_result& result) {
  const char* const folder = std::getenv("SPOOL_BENCH_RESULTS");
  if (folder == nullptr) return;
  std::FILE* const file = std::fopen((std::string(folder) + '/' + results_area() + ".tsv").c_str(), "a");
  if (file == nullptr) return std::perror("SPOOL_BENCH_RESULTS");
  std::fprintf(file, "row\t%s\t%s\t%s\t%.3f\n", results_area().c_str(), result.row.c_str(), result.unit.c_str(),
               result.others);
  for (const standing& s : result.standings) {
    std::fprintf(file, "by\t%s\t%.6g\t%.6g\t%.4f\t%.4f\t%.4f\n", s.name.c_str(), s.median, s.p99, s.ratio, s.spread,
                 s.cpu_ratio);
  }
  for (const target& t : result.targets) {
    std::fprintf(file, "target\t%s\t%g\t%s\n", t.peer.c_str(), t.limit, t.at_least ? "least" : "most");
  }
  std::fclose(file);
}

}  // namespace bench
