// examples/download/url.hpp · the parts of a URL: its server, and who asks
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// "https://host:port" of a URL.
inline std::string_view server_of(std::string_view url) {
  std::size_t const host = url.find("://");
  return host == std::string_view::npos ? url : url.substr(0, url.find_first_of("/?#", host + 3));
}

/// The URL less "user:password@", which has no place in a file that others may read.
inline std::string without_password(std::string url) {
  std::size_t const host = url.find("://");
  std::size_t const path = url.find_first_of("/?#", host == std::string::npos ? 0 : host + 3);
  std::size_t const at = url.rfind('@', path);
  if (host != std::string::npos && at != std::string::npos && at > host) url.erase(host + 3, at - host - 2);
  return url;
}
