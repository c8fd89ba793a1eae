// bench/report/scaling.hpp · the tables of the scaling, and the data of its picture
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "report/table.hpp"

namespace report {

/// One line: workload, kind, way, workers, seconds, speed-up, spread, others.
struct speed {
  std::string workload;
  std::string kind;
  std::string way;
  std::size_t workers;
  double seconds;
  double speed_up;
  double others;
};

inline std::vector<speed> read_speeds(const std::filesystem::path& file) {
  std::vector<speed> speeds;
  for (const line& l : read_table(file)) {
    if (l.size() < 9) continue;
    speeds.push_back({l[1], l[2], l[3], std::stoul(l[4]), std::stod(l[5]), std::stod(l[6]), std::stod(l[8])});
  }
  return speeds;
}

/// KIND.WAY.speed, for the pictures: workers, and the speed-up of the median workload of that kind.
inline void write_curves(const std::vector<speed>& speeds, const std::filesystem::path& folder) {
  std::map<std::string, std::map<std::size_t, std::vector<double>>> curves;
  for (const speed& s : speeds) {
    if (s.way == "spool" || s.way == "CPython") curves[s.kind + '.' + s.way][s.workers].push_back(s.speed_up);
  }
  for (auto& [name, points] : curves) {
    std::ofstream out(folder / (name + ".speed"));
    for (auto& [workers, values] : points) {
      std::sort(values.begin(), values.end());
      out << workers << '\t' << values[values.size() / 2] << '\n';
    }
  }
}

inline std::string scaling_table(const std::vector<speed>& speeds, const std::string& kind) {
  std::vector<std::string> columns{"serial"};
  std::vector<std::string> workloads;
  std::map<std::string, std::map<std::string, const speed*>> cells;
  bool noisy = false;
  for (const speed& s : speeds) {
    if (s.kind != kind) continue;
    const std::string column = s.way + (s.workers > 0 && s.way != "serial" ? ' ' + std::to_string(s.workers) : "");
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
    if (std::find(workloads.begin(), workloads.end(), s.workload) == workloads.end()) workloads.push_back(s.workload);
    cells[s.workload][column] = &s;
    noisy = noisy || s.others > noisy_others;
  }
  std::string text = "| workload |";
  std::string rule = "|---|";
  for (const std::string& c : columns) {
    text += ' ' + c + " |";
    rule += "---|";
  }
  text += '\n' + rule + '\n';
  for (const std::string& w : workloads) {
    text += "| " + w + " |";
    for (const std::string& c : columns) {
      const speed* const s = cells[w][c];
      const bool serial = c == "serial";
      text +=
          s == nullptr ? " |" : ' ' + (serial ? short_number(s->seconds * 1e3) + " ms" : fixed(s->speed_up, 2)) + " |";
    }
    text += '\n';
  }
  return text + (noisy ? "\n*noisy*: others used the machine meanwhile.\n" : "");
}

inline std::string scaling_section(const std::filesystem::path& folder) {
  const std::vector<speed> speeds = read_speeds(folder / "scaling.tsv");
  if (speeds.empty()) return "";
  write_curves(speeds, folder);
  const bool python = std::any_of(speeds.begin(), speeds.end(), [](const speed& s) { return s.way == "CPython"; });
  return "## What threads bring\n\n"
         "Speed-up against the same language's serial run, by number of workers; what the workloads do stands in "
         "`bench/scaling/workloads.hpp`." +
         std::string(python ? "" : " CPython is left out: no `python3` was found.") +
         "\n\n![speed-up against workers](scaling.svg)\n\n"
         "Work that computes:\n\n" +
         scaling_table(speeds, "computes") + "\nWork that waits:\n\n" + scaling_table(speeds, "waits");
}

}  // namespace report
