// examples/download/state_file.hpp · which chunks are complete, kept beside the file for a later --resume
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "chunks.hpp"
#include "failure.hpp"
#include "remote_file.hpp"
#include "text.hpp"

/// What is being fetched, and in what chunks.
struct fetch_plan {
  std::string url;  // as the user gave it, without the password that may be in it
  file_version version;
  std::uint64_t chunk_size = 0;
};

struct saved_state {
  fetch_plan plan;
  std::vector<std::size_t> done;
  std::uint64_t bytes = 0;  // of the file that says so, without a last line that was cut off
};

/// One line for each thing to know, one for each chunk as soon as its bytes are safe:
///
///     spool-download 1
///     url https://example.org/big.iso
///     length 41943040
///     etag "5f3e-2800000"
///     modified Mon, 02 Mar 2026 10:00:00 GMT
///     chunk 8388608
///     done 1
///     done 0
///
/// A line that lacks its end, since the program was killed right then, counts for nothing.
class state_file {
public:
  /// What is in the file; nothing if there is none, or no whole one.
  static std::optional<saved_state> read(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream all;
    all << file.rdbuf();
    saved_state state;
    std::string line;
    if (!std::getline(all, line) || line != first_line) return std::nullopt;
    state.bytes = line.size() + 1;
    while (std::getline(all, line) && !all.eof()) {
      state.bytes += line.size() + 1;
      std::size_t const space = line.find(' ');
      if (space == std::string::npos) return std::nullopt;
      std::string const key = line.substr(0, space);
      std::string const value = line.substr(space + 1);
      std::optional<std::uint64_t> const number = parse_number(value);
      if (key == "url")
        state.plan.url = value;
      else if (key == "length")
        state.plan.version.length = number;
      else if (key == "etag")
        state.plan.version.etag = value;
      else if (key == "modified")
        state.plan.version.last_modified = value;
      else if (key == "chunk")
        state.plan.chunk_size = number.value_or(0);
      else if (key == "done" && number)
        state.done.push_back(*number);
      else
        return std::nullopt;
    }
    if (!state.plan.version.length || state.plan.chunk_size == 0) return std::nullopt;
    return state;
  }

  /// Goes on with the file that was read.
  state_file(std::filesystem::path path, saved_state const& saved) : path_(std::move(path)) {
    std::filesystem::resize_file(path_, saved.bytes);
    file_.open(path_, mode | std::ios::app);
    check();
  }

  /// Begins a new one.
  state_file(std::filesystem::path path, fetch_plan const& plan)
      : path_(std::move(path)), file_(path_, mode | std::ios::trunc) {
    file_ << first_line << "\nurl " << plan.url << "\nlength " << plan.version.length.value_or(0) << "\netag "
          << plan.version.etag << "\nmodified " << plan.version.last_modified << "\nchunk " << plan.chunk_size << '\n'
          << std::flush;
    check();
  }

  void add_done(std::size_t chunk) {
    file_ << "done " << chunk << '\n' << std::flush;
    check();
  }

private:
  static constexpr char first_line[] = "spool-download 1";
  static constexpr auto mode = std::ios::out | std::ios::binary;

  void check() const {
    if (!file_)
      throw failure(exit_code::file, "can't write " + path_.string() + ": " + std::generic_category().message(errno));
  }

  std::filesystem::path path_;
  std::ofstream file_;
};
