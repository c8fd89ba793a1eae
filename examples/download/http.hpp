// examples/download/http.hpp · the words of HTTP that a download needs
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "failure.hpp"
#include "text.hpp"

struct http_settings {
  std::vector<std::string> headers;  // "Name: value"
  std::string proxy;
  bool insecure = false;                      // believe any certificate
  std::chrono::milliseconds timeout{30'000};  // how long nothing may arrive
};

struct http_request {
  std::string url;
  bool head = false;          // ask for what the server knows of the file, not for the file
  std::string range = {};     // "0-99": a part of it
  std::string if_range = {};  // a part only of the file with this ETag or date, else the whole
};

struct http_answer {
  long status = 0;
  std::string url;                      // that which answered, behind all redirects
  std::optional<std::uint64_t> length;  // of this answer's body
  std::string etag, last_modified, accept_ranges, content_range, disposition;
  std::chrono::seconds retry_after{0};
};

/// What part of the file an answer 206 holds, from its header `Content-Range: bytes 100-199/1234`.
struct content_range {
  std::optional<std::uint64_t> begin;
  std::optional<std::uint64_t> total;  // the length of the whole file
};

inline content_range range_in(http_answer const& answer) {
  std::string_view text = answer.content_range;
  if (!text.starts_with("bytes ")) return {};
  text.remove_prefix(6);
  std::size_t const slash = text.find('/');
  return {parse_number(text.substr(0, text.find('-'))),
          slash == std::string_view::npos ? std::nullopt : parse_number(text.substr(slash + 1))};
}

/// Throws  failure if the answer is an error; transient_failure if the server may think better of it.
inline void throw_if_error(http_answer const& answer) {
  if (answer.status < 400) return;
  auto const reason = [&] {
    switch (answer.status) {
      case 401:
        return " (it wants to know who asks)";
      case 403:
        return " (forbidden)";
      case 404:
        return " (not found)";
      case 410:
        return " (gone)";
      case 429:
        return " (too many requests)";
      case 503:
        return " (service unavailable)";
      default:
        return "";
    }
  };
  std::string const text = "the server answers " + std::to_string(answer.status) + reason();
  switch (answer.status) {
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: {
      transient_failure later(exit_code::server, text);
      later.retry_after = answer.retry_after;
      later.crowded = answer.status == 429 || answer.status == 503;
      throw later;
    }
    default:
      throw failure(exit_code::server, text);
  }
}
