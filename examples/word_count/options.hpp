// examples/word_count/options.hpp · what the command line asks for
// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

inline constexpr char usage[] =
    R"(usage: word_count [--threads N] [--top N] [PATH...]

Counts the words and bytes of every regular file in the directories given (/usr/include if none is), first with a pool
of threads, then in one thread, then with the pool again, and compares results and times.

  --threads N   how many threads the pool has, 1 to 1024 (one for each CPU that the process may use)
  --top N       how many of the most frequent words are shown (10)
  --help        shows this

A word is a maximal run of ASCII letters, digits and underscores. Symbolic links inside the directories are not
followed, special files are left out, files that can't be read are reported and left out. A file that is reached by two
of the paths counts twice.

Ends with 0 if all went well, 1 if pooled and serial results differ or something else fails, 2 on bad arguments.
)";

struct options {
  std::vector<std::filesystem::path> paths;
  std::size_t threads = 0;  // 0: one for each usable CPU
  std::size_t top = 10;
  bool help = false;
};

/// The arguments make no sense; what() says which and why.
struct bad_arguments : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads `--name VALUE` and `--name=VALUE`; everything behind `--` is a path.
/// Throws  bad_arguments.
inline options parse_options(std::vector<std::string_view> const& arguments) {
  options result;
  bool only_paths = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view const argument = arguments[i];
    std::string_view const name = argument.substr(0, argument.find('='));

    auto const number = [&](std::size_t least, std::size_t most) {
      if (name == argument && i + 1 == arguments.size()) throw bad_arguments(std::string(name) + " needs a number");
      std::string_view const text = name == argument ? arguments[++i] : argument.substr(name.size() + 1);
      std::size_t value = 0;
      auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
        throw bad_arguments(std::string(name) + " needs a number from " + std::to_string(least) + " to " +
                            std::to_string(most) + ", not '" + std::string(text) + "'");
      }
      return value;
    };

    if (only_paths || argument.empty() || argument[0] != '-') {
      result.paths.emplace_back(argument);
    } else if (argument == "--") {
      only_paths = true;
    } else if (argument == "--help" || argument == "-h") {
      result.help = true;
    } else if (name == "--threads") {
      result.threads = number(1, 1024);
    } else if (name == "--top") {
      result.top = number(0, 1'000'000'000);
    } else {
      throw bad_arguments("unknown option '" + std::string(argument) + "'");
    }
  }

  if (result.help) return result;
  if (result.paths.empty()) result.paths.emplace_back("/usr/include");
  for (std::filesystem::path const& path : result.paths) {
    std::error_code error;
    if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) {
      throw bad_arguments("no such file or directory: '" + path.string() + "'");
    }
  }
  return result;
}
