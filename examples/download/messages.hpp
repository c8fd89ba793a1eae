// examples/download/messages.hpp · what the threads that fetch tell the one that shows it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

/// A file's fetching begins, or begins anew.
struct file_begun {
  std::size_t file;
  std::string name;
  std::optional<std::uint64_t> length;
  std::uint64_t there;  // bytes of it from an earlier run
};

struct bytes_received {
  std::size_t file;
  std::uint64_t count;
};

/// What was received of the file counts no more.
struct bytes_dropped {
  std::size_t file;
};

struct file_saved {
  std::size_t file;
  std::string name;
};

/// Worth a line to who watches.
struct remark {
  std::string text;
};

/// Worth a line even to who asked for quiet.
struct problem {
  std::string text;
};

using message = std::variant<file_begun, bytes_received, bytes_dropped, file_saved, remark, problem>;
