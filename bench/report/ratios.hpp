// bench/report/ratios.hpp · the table of one area: spool, each peer, ratio, spread, target
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "report/table.hpp"

namespace report {

inline std::string ratios_intro() {
  return "## Beside others\n\n"
         "Each row is measured in rounds, spool and the peers by turns. A peer's cell: its median, and in brackets the "
         "median of the rounds' ratios spool / peer, +- half the distance of their quartiles: below 1 spool is faster. "
         "p99: what 99 of 100 stay below. *noisy*: others used the machine meanwhile, so measure again.\n\n";
}

struct peer_cell {
  std::string name;
  double median;
  double p99;
  double ratio;
  double spread;
};

struct ratio_row {
  std::string name;
  std::string unit;
  double others;
  std::vector<peer_cell> cells;  // the first is spool's
  std::vector<line> targets;
};

inline std::vector<ratio_row> ratio_rows(const table& lines) {
  std::vector<ratio_row> rows;
  for (const line& l : lines) {
    if (l[0] == "row" && l.size() >= 5) rows.push_back({l[2], l[3], std::stod(l[4]), {}, {}});
    if (rows.empty()) continue;
    if (l[0] == "by" && l.size() >= 6) {
      rows.back().cells.push_back({l[1], std::stod(l[2]), std::stod(l[3]), std::stod(l[4]), std::stod(l[5])});
    }
    if (l[0] == "target" && l.size() >= 4) rows.back().targets.push_back(l);
  }
  return rows;
}

/// Where a peer needs nothing at all, or more is better, a ratio says nothing.
inline bool has_ratio(const ratio_row& row, const peer_cell& cell) { return row.unit != "%" && cell.ratio < 1000; }

inline std::string cell_text(const ratio_row& row, const peer_cell& cell) {
  std::string text = short_number(cell.median);
  if (cell.p99 > 0) text += ", p99 " + short_number(cell.p99);
  if (&cell == &row.cells.front()) return text + ' ' + row.unit;
  text = cell.name + ' ' + text;
  if (has_ratio(row, cell)) {
    text += " (" + fixed(cell.ratio, 2) + (cell.spread > 0 ? " +-" + fixed(cell.spread, 2) : std::string()) + ')';
  }
  return text;
}

/// What was aimed at, and whether it was met; a peer that is not there is no target.
inline std::string target_text(const ratio_row& row, const line& target) {
  const std::string& peer = target[1];
  const double limit = std::stod(target[2]);
  const bool least = target[3] == "least";
  double value = row.cells.front().median;
  if (!peer.empty()) {
    const auto found =
        std::find_if(row.cells.begin(), row.cells.end(), [&](const peer_cell& c) { return c.name == peer; });
    if (found == row.cells.end()) return peer + " is not installed";
    value = found->ratio;
  }
  const bool met = least ? value >= limit : value <= limit;
  return std::string(least ? ">= " : "<= ") + short_number(limit) + (peer.empty() ? ' ' + row.unit : "x " + peer) +
         (met ? ": met" : ": **missed**");
}

/// The table, and AREA.bars beside the results for its picture: the ratio to each peer.
inline std::string ratios_section(const table& lines, const std::filesystem::path& folder) {
  const std::vector<ratio_row> rows = ratio_rows(lines);
  if (rows.empty()) return "";
  const std::string area = lines.front()[1];
  std::ofstream bars(folder / (area + ".bars"));
  std::string text = "### " + area + "\n\n| row | spool | peers (spool / peer) | target |\n|---|---|---|---|\n";
  for (const ratio_row& row : rows) {
    if (row.cells.empty()) continue;
    text +=
        "| " + row.name + (row.others > noisy_others ? " *noisy*" : "") + " | " + cell_text(row, row.cells[0]) + " | ";
    for (std::size_t i = 1; i < row.cells.size(); ++i) {
      text += (i > 1 ? ", " : "") + cell_text(row, row.cells[i]);
      if (has_ratio(row, row.cells[i]))
        bars << '"' << row.name << " / " << row.cells[i].name << "\"\t" << row.cells[i].ratio << '\n';
    }
    text += " | ";
    for (const line& target : row.targets) text += target_text(row, target) + ' ';
    text += "|\n";
  }
  return text + "\n![" + area + ": spool / peer](" + area + ".svg)\n\n";
}

}  // namespace report
