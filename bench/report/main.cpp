// bench/report/main.cpp · makes report.md, and the data of its pictures, from what the benches have recorded
// SPDX-License-Identifier: MIT
//
// usage: bench_report FOLDER      reads FOLDER/*.tsv (support/results.hpp, scaling_bench.cpp), writes FOLDER/../report.md
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "report/machine.hpp"
#include "report/ratios.hpp"
#include "report/scaling.hpp"
#include "report/table.hpp"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  if (argc != 2 || !fs::is_directory(argv[1])) {
    std::cerr << "usage: bench_report FOLDER-OF-RESULTS\n";
    return 2;
  }
  const fs::path folder = argv[1];
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".tsv" && entry.path().stem() != "scaling") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());

  std::ofstream report(folder.parent_path() / "report.md");
  report << "# Benchmarks\n\n" << report::machine() << '\n';
  report << report::scaling_section(folder) << '\n';
  report << report::ratios_intro();
  for (const fs::path& file : files) report << report::ratios_section(report::read_table(file), folder);
  std::cout << "The report: " << (folder.parent_path() / "report.md").string() << '\n';
}
