// examples/download/curl.hpp · libcurl's C, in words of C++
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <new>
#include <string>

#include <curl/curl.h>

#include "failure.hpp"
#include "http.hpp"

/// Gives libcurl its start and its end; lives in main() for as long as there are clients.
struct curl_library {
  curl_library() {
    std::signal(SIGPIPE, SIG_IGN);  // what breaks a connection should not end the program
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw failure(exit_code::unexpected, "libcurl doesn't start");
  }
  ~curl_library() { curl_global_cleanup(); }
  curl_library(curl_library const&) = delete;
  curl_library& operator=(curl_library const&) = delete;
};

template <auto release>
struct releaser {
  template <class T>
  void operator()(T* handle) const {
    release(handle);
  }
};

/// An easy handle carries one request out; a multi handle works on it without blocking.
using curl_easy = std::unique_ptr<CURL, releaser<curl_easy_cleanup>>;
using curl_multi = std::unique_ptr<CURLM, releaser<curl_multi_cleanup>>;
using curl_headers = std::unique_ptr<curl_slist, releaser<curl_slist_free_all>>;
using curl_url_parts = std::unique_ptr<CURLU, releaser<curl_url_cleanup>>;

inline void append(curl_headers& headers, std::string const& line) {
  curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(headers.release());
  headers.reset(longer);
}

struct curl_login {
  std::string user, password;
};

/// Who asks, as "user:password@" of the URL says; empty if it does not.
inline curl_login login_of(std::string const& url) {
  curl_url_parts const parts(curl_url());
  if (parts == nullptr) throw std::bad_alloc();
  auto const part = [&parts](CURLUPart which) {
    char* text = nullptr;
    curl_url_get(parts.get(), which, &text, CURLU_URLDECODE);
    std::unique_ptr<char, releaser<curl_free>> const owner(text);
    return std::string(text != nullptr ? text : "");
  };
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  return {part(CURLUPART_USER), part(CURLUPART_PASSWORD)};
}

/// While it lives, the multi handle works on the easy one.
struct curl_membership {
  curl_membership(CURLM* m, CURL* e) : multi(m), easy(e) {
    if (curl_multi_add_handle(multi, easy) != CURLM_OK) throw std::bad_alloc();
  }
  ~curl_membership() { curl_multi_remove_handle(multi, easy); }
  curl_membership(curl_membership const&) = delete;
  curl_membership& operator=(curl_membership const&) = delete;
  CURLM* const multi;
  CURL* const easy;
};

/// What is known of the last answer, as soon as its first byte or its end is there.
inline http_answer read_answer(CURL* easy) {
  auto const header = [easy](char const* name) {
    curl_header* found = nullptr;
    return std::string(curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : "");
  };
  http_answer answer;
  char const* url = nullptr;
  curl_off_t length = -1;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
  curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  if (url != nullptr) answer.url = url;
  if (length >= 0) answer.length = static_cast<std::uint64_t>(length);
  answer.retry_after = std::chrono::seconds(retry_after);
  answer.etag = header("ETag");
  answer.last_modified = header("Last-Modified");
  answer.accept_ranges = header("Accept-Ranges");
  answer.content_range = header("Content-Range");
  answer.disposition = header("Content-Disposition");
  return answer;
}

[[noreturn]] inline void throw_curl_error(CURLcode code, std::string const& text) {
  switch (code) {
    case CURLE_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      throw failure(exit_code::certificate, text);
    case CURLE_URL_MALFORMAT:
      throw failure(exit_code::bad_arguments, text);
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
      throw failure(exit_code::server, text);
    default:
      throw transient_failure(exit_code::network, text);
  }
}
