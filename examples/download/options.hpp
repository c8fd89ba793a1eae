// examples/download/options.hpp · what the command line asks for
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "http.hpp"

struct options {
  std::vector<std::string> urls;
  std::string output;  // a file, or a directory; empty: the current one
  unsigned threads = 4;
  std::uint64_t chunk_size = 4 * 1024 * 1024;
  unsigned retries = 5;
  bool resume = false;
  bool quiet = false;
  http_settings http;

  bool into_directory() const {
    std::error_code error;
    return output.empty() || std::filesystem::is_directory(output, error);
  }
};

inline constexpr char footer[] =
    R"(Each file is fetched in chunks by several threads, into NAME.part; when it is whole it gets the name NAME, and takes
the place of what had that name. Without -o it is named as the server proposes (but never takes the place of another
file then), else after the last part of the URL. What a Ctrl-C or a failure leaves, NAME.part and NAME.part.state, holds
the complete chunks: --resume fetches the others, or all of them if the file has changed on the server.

Ends with
  0    all files are there
  1    something unexpected happened
  2    the arguments make no sense
  3    a file can't be written: no permission, no space ...
  4    there is no connection, or it broke or fell silent too often
  5    the server's certificate isn't to be trusted
  8    the server said no: not found, forbidden ...
  130  Ctrl-C (128 and the signal's number, for SIGTERM and SIGHUP too)
and with the code of the first file that failed if there are several.
)";

/// Checks of CLI11: they return what is wrong, or nothing.
inline std::string is_url(std::string const& text) {
  std::string const begin = CLI::detail::to_lower(text.substr(0, 8));
  if (begin.starts_with("http://") || begin.starts_with("https://")) return {};
  return "a URL begins with http:// or https://, not as '" + text + "' does";
}
inline std::string is_header(std::string const& text) {
  if (text.find(':') != std::string::npos && text.find_first_of("\r\n") == std::string::npos) return {};
  return "a header is 'Name: value', not '" + text + "'";
}

/// Reads the command line into `result`.
/// Throws  CLI::ParseError: CLI::CallForHelp, or a message that says what is wrong.
inline void parse_options(CLI::App& app, options& result, int argc, char** argv) {
  double timeout = 30;
  app.description("Downloads files by HTTP and HTTPS.");
  app.footer(footer);
  app.add_option("URL", result.urls, "What to fetch, by HTTP or HTTPS")->required()->check(is_url)->option_text(" ");
  app.add_option("-o,--output", result.output, "The file to write, or the directory to write into")
      ->option_text("FILE");
  app.add_option("-j,--threads", result.threads, "How many connections at once (4)")
      ->check(CLI::Range(1u, 256u))
      ->option_text("THREADS");
  app.add_option("--chunk", result.chunk_size, "How much is fetched at a time, such as 512K (4M)")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{1024}, std::uint64_t{1} << 40))
      ->option_text("SIZE");
  app.add_flag("--resume", result.resume, "Go on where an earlier run was stopped");
  app.add_option("--retries", result.retries, "How often a chunk may fail in a row, without a byte gained (5)")
      ->check(CLI::Range(0u, 1'000'000u))
      ->option_text("N");
  app.add_option("--timeout", timeout, "Seconds without a byte after which a connection is given up (30)")
      ->check(CLI::Range(0.1, 86'400.0))
      ->option_text("S");
  app.add_option("--header", result.http.headers, "'Name: value' to send along; may be given several times")
      ->allow_extra_args(false)
      ->check(is_header)
      ->option_text("H");
  app.add_option("--proxy", result.http.proxy, "The proxy to ask instead of the server")->option_text("P");
  app.add_flag("--insecure", result.http.insecure, "Believe any certificate");
  app.add_flag("--quiet", result.quiet, "Show nothing but errors");
  app.parse(argc, argv);

  result.http.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout * 1000));
  if (result.urls.size() > 1 && !result.into_directory()) {
    throw CLI::ValidationError("-o", "with several URLs it must be a directory");
  }
}
