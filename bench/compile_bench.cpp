// bench/compile_bench.cpp · what it costs to include a header
// SPDX-License-Identifier: MIT
//
// Unit: ms of processor time for a file that only includes the header, compiled at -O0 by the compiler that compiled this.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/rounds.hpp"

namespace {

bench::cost compile(const std::string& header) {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string file = (folder / "spool_compile_bench.cpp").string();
  std::ofstream(file) << "#include <" << header << ">\n";
  const double before = bench::cpu_seconds(RUSAGE_CHILDREN);
  const std::string command =
      std::string(SPOOL_BENCH_COMPILER " -std=c++20 -O0 -c -I" SPOOL_BENCH_INCLUDE " -o /dev/null ") + file;
  if (std::system(command.c_str()) != 0) std::abort();
  const double ms = (bench::cpu_seconds(RUSAGE_CHILDREN) - before) * 1e3;
  std::filesystem::remove(file);
  return {ms, ms};
}

bench::contestant including(const std::string& header) {
  return {header, [header] { return compile(header); }};
}

void add_rows() {
  constexpr int rounds = 5;
  const auto row = [](const std::string& header, double limit) {
    bench::add_row(header, {including("spool/" + header), including("future")}, bench::counted("ms"),
                   {{"future", limit}}, rounds);
  };
  row("spool.hpp", 1.9);
  row("thread_pool.hpp", 1.7);
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, "compile", add_rows); }
