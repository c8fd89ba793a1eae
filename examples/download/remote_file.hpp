// examples/download/remote_file.hpp · what a server says of a file before it sends it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "failure.hpp"
#include "http.hpp"
#include "http_client.hpp"
#include "url.hpp"

/// Tells one state of a file from the next.
struct file_version {
  std::optional<std::uint64_t> length;
  std::string etag;
  std::string last_modified;

  bool operator==(file_version const&) const = default;

  /// Without one, a file that has changed and kept its length looks the same.
  bool has_mark() const { return !etag.empty() || !last_modified.empty(); }

  /// The mark for If-Range, which takes no weak ETag.
  std::string strong_mark() const { return etag.empty() || etag.starts_with("W/") ? last_modified : etag; }

  /// Does the answer bear the marks of this version? One that a server left out tells nothing.
  bool is_of(http_answer const& answer) const {
    auto const agree = [](std::string const& a, std::string const& b) { return a.empty() || b.empty() || a == b; };
    return agree(etag, answer.etag) && agree(last_modified, answer.last_modified);
  }
};

struct remote_file {
  std::string url;          // where to ask for its bytes
  file_version version;     // without length if that is not known, or said to be 0: a HEAD may say so of what has yet
                            // to be made
  bool ranges = false;      // parts of it can be had, and it can be told whether they belong together
  std::string disposition;  // Content-Disposition: may propose a name
};

/// Asks with HEAD. A server that answers that with an error is asked for the first byte.
/// Throws  failure, transient_failure, stopped.
inline remote_file look_at(std::string const& url, http_settings const& settings, http_client& client,
                           std::stop_token stop) {
  struct enough {};
  http_answer answer;
  client.perform({.url = url, .head = true}, stop, [&](http_answer const& a) { answer = a; }, [](auto) {});
  std::optional<std::uint64_t> length = answer.length;
  if (answer.status >= 400 && answer.status != 429 && answer.status != 503) {
    auto const never_mind_the_body = [&](http_answer const& a) {
      answer = a;
      throw enough();
    };
    try {
      client.perform({.url = url, .range = "0-0"}, stop, never_mind_the_body, [](auto) {});
    } catch (enough) {
    }
    length = answer.length;
    if (answer.status == 206) {
      answer.accept_ranges = "bytes";
      length = range_in(answer).total;
    } else if (answer.status == 416) {  // an empty file has no first byte
      answer.status = 200;
      length = std::nullopt;
    }
  }
  throw_if_error(answer);

  remote_file file;
  // The chunks needn't be redirected one by one; but the user's headers may be secrets for the first server only, and
  // behind a redirection the password is no longer in the URL.
  bool const stay =
      url != without_password(url) || (!settings.headers.empty() && server_of(answer.url) != server_of(url));
  file.url = stay ? url : answer.url;
  file.version = {length == 0 ? std::nullopt : length, answer.etag, answer.last_modified};
  file.ranges = answer.accept_ranges == "bytes" && file.version.length && file.version.has_mark();
  file.disposition = answer.disposition;
  return file;
}
