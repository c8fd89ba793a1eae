// examples/download/file_name.hpp · a name for the file, which a server may propose but not choose freely
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

/// "a%20b" as "a b".
inline std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ptr == &text[i + 1] + 2) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// A plain name for a file in the directory that the user means: no path, nothing hidden, nothing that a terminal or a
/// shell would take for more than a name.
inline std::string safe_name(std::string name) {
  name.erase(0, name.find_last_of("/\\") + 1);  // npos + 1 is 0
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '_';
  }
  while (name.starts_with(' ')) name.erase(0, 1);
  while (name.ends_with(' ')) name.pop_back();
  if (name.starts_with('.') || name.starts_with('-')) name[0] = '_';
  constexpr std::size_t longest = 200;  // leaves room for what is appended while it is being fetched
  if (name.size() > longest) name.resize(longest);
  return name;
}

/// The last part of the URL's path, or "index.html".
inline std::string name_in_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  std::size_t const host = url.find("://");
  std::size_t const path = url.find('/', host == std::string_view::npos ? 0 : host + 3);
  std::string const name =
      path == std::string_view::npos ? "" : safe_name(percent_decoded(url.substr(url.rfind('/') + 1)));
  return name.empty() ? "index.html" : name;
}

/// The name in a Content-Disposition such as `attachment; filename="a b.txt"; filename*=UTF-8''a%20b.txt`, or "".
inline std::string name_in_disposition(std::string_view text) {
  std::map<std::string, std::string> parameters;
  std::size_t i = text.find(';');
  while (i < text.size()) {
    std::size_t const equals = text.find('=', ++i);
    if (equals == std::string_view::npos) break;
    std::string key;
    for (char const c : text.substr(i, equals - i)) {
      if (c != ' ') key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    std::string& value = parameters[key];
    i = std::min(text.find_first_not_of(' ', equals + 1), text.size());
    if (i < text.size() && text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        value += text[i];
      }
      i = text.find(';', i);
    } else {
      std::size_t const end = std::min(text.find(';', i), text.size());
      value = text.substr(i, end - i);
      i = end;
    }
  }
  std::string const& extended = parameters["filename*"];  // charset'language'percent-encoded
  std::size_t const quote = extended.find('\'', extended.find('\'') + 1);
  if (!extended.empty() && quote != std::string::npos) return safe_name(percent_decoded(extended.substr(quote + 1)));
  return safe_name(parameters["filename"]);
}
