// examples/word_count/find_files.hpp · the regular files below a directory
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

struct found_file {
  std::filesystem::path path;
  std::uintmax_t bytes;
};

struct findings {
  std::vector<found_file> files;
  std::vector<std::string> problems;  // "PATH: why it can't be read"
  std::size_t symlinks = 0;           // not followed: so no file counts twice, and no loop is ever entered
  std::size_t specials = 0;           // devices, pipes, sockets: reading one might block for ever
};

/// Adds what there is below `root`, which may also be a file, or a symbolic link to either.
inline void find_files(std::filesystem::path const& root, findings& found) {
  namespace fs = std::filesystem;
  auto const is_problem = [&](fs::path const& path, std::error_code error) {
    if (error) found.problems.push_back(path.string() + ": " + error.message());
    return static_cast<bool>(error);
  };

  std::vector<fs::path> directories;
  auto const look_at = [&](fs::directory_entry const& entry, fs::file_status status) {
    std::error_code error;
    if (fs::is_directory(status)) {
      directories.push_back(entry.path());
    } else if (fs::is_symlink(status)) {
      ++found.symlinks;
    } else if (!fs::is_regular_file(status)) {
      ++found.specials;
    } else if (std::uintmax_t const bytes = entry.file_size(error); !is_problem(entry.path(), error)) {
      found.files.push_back({entry.path(), bytes});
    }
  };

  std::error_code error;
  fs::directory_entry const top(root, error);
  fs::file_status const status = top.status(error);
  if (is_problem(root, error)) return;
  look_at(top, status);

  while (!directories.empty()) {
    fs::path const directory = std::move(directories.back());
    directories.pop_back();
    fs::directory_iterator entries(directory, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      std::error_code unknown;
      fs::file_status const kind = entries->symlink_status(unknown);
      if (!is_problem(entries->path(), unknown)) look_at(*entries, kind);
    }
    is_problem(directory, error);
  }
}
