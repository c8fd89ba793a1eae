// examples/download/failure.hpp · what can go wrong, and what the program's exit code says of it
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

/// Those of wget, where it has one.
enum class exit_code : int {
  success = 0,
  unexpected = 1,  // what no other code tells
  bad_arguments = 2,
  file = 3,         // a file can't be written: no permission, no space ...
  network = 4,      // no connection, or one that broke or fell silent too often
  certificate = 5,  // the server can't prove to be who it should be
  server = 8,       // the server said no: not found, forbidden ...
  signal = 128,     // plus the signal's number: 130 after Ctrl-C
};

/// Ends the download of one URL. what() is the line that the user reads.
struct failure : std::runtime_error {
  failure(exit_code code_, std::string const& text) : std::runtime_error(text), code(code_) {}
  exit_code code;
};

/// Trying again may help.
struct transient_failure : failure {
  using failure::failure;
  std::chrono::seconds retry_after{0};  // how long the server asks to be left alone
  bool crowded = false;                 // the server might say yes if fewer asked at the same time
  bool counts = true;                   // against the number of tries that the user allows
};

/// The server's file is no longer the one whose chunks were fetched so far.
struct file_changed : std::exception {
  char const* what() const noexcept override { return "the file has changed on the server"; }
};

/// The server promised to send parts of the file, but sends the whole.
struct ranges_ignored : std::exception {
  char const* what() const noexcept override { return "the server sends no parts of the file after all"; }
};

/// The user wants no more of it, or another chunk of the same file has failed.
struct stopped : std::exception {
  char const* what() const noexcept override { return "stopped"; }
};
