// examples/download/http_client.hpp · one HTTP request after the other, by libcurl
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <curl/curl.h>

#include "curl.hpp"
#include "failure.hpp"
#include "http.hpp"
#include "url.hpp"

/// Keeps its connection open for the next request. Used by one thread.
class http_client {
public:
  using answer_function = std::function<void(http_answer const&)>;
  using bytes_function = std::function<void(std::span<char const>)>;

  explicit http_client(http_settings settings)
      : settings_(std::move(settings)), easy_(curl_easy_init()), multi_(curl_multi_init()) {
    if (!easy_ || !multi_) throw std::bad_alloc();
  }

  /// Sends a request; calls `on_answer` as soon as the answer is known, then `on_bytes` for each piece of its body.
  /// Throws  what these throw, which ends the transfer; failure; stopped, as soon as `stop` asks for it.
  void perform(http_request const& request, std::stop_token stop, answer_function on_answer, bytes_function on_bytes) {
    transfer now{easy_.get(), std::move(on_answer), std::move(on_bytes)};
    prepare(request, now);
    curl_membership const carried_out(multi_.get(), easy_.get());
    std::stop_callback const wake(stop, [this] { curl_multi_wakeup(multi_.get()); });
    for (;;) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      if (now.error) std::rethrow_exception(now.error);
      if (stop.stop_requested()) throw stopped();
      if (running == 0) break;
      auto const patience = now.last_sign_of_life + settings_.timeout - clock::now();
      if (patience <= clock::duration::zero()) throw transient_failure(exit_code::network, "nothing arrives any more");
      auto const wait = std::chrono::ceil<std::chrono::milliseconds>(patience);
      curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr);
    }
    int unread = 0;
    CURLMsg const* const end = curl_multi_info_read(multi_.get(), &unread);
    if (CURLcode const code = end != nullptr ? end->data.result : CURLE_OUT_OF_MEMORY; code != CURLE_OK) {
      throw_curl_error(code, error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code));
    }
    now.answer();  // if it had no body
  }

private:
  using clock = std::chrono::steady_clock;

  /// What libcurl calls back. No exception can pass through C: it waits in `error` until libcurl has returned.
  struct transfer {
    CURL* easy;
    answer_function on_answer;
    bytes_function on_bytes;
    bool answered = false;
    std::exception_ptr error = nullptr;
    clock::time_point last_sign_of_life = clock::now();

    void answer() {
      if (answered) return;
      answered = true;
      on_answer(read_answer(easy));
    }

    /// A line of the head. The empty one is its end: of a redirection, of "100 Continue", or of the answer.
    void head_line(std::string_view line) {
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      if (line == "\r\n" && status >= 200 && status / 100 != 3) answer();
    }

    void body(std::span<char const> bytes) {
      answer();
      on_bytes(bytes);
    }

    /// For libcurl, to which a return value other than n says that this is the end.
    template <auto member>
    static std::size_t receive(char* data, std::size_t, std::size_t n, void* to) noexcept {
      transfer& now = *static_cast<transfer*>(to);
      try {
        now.last_sign_of_life = clock::now();
        (now.*member)({data, n});
        return n;
      } catch (...) {
        now.error = std::current_exception();
      }
      return n + 1;
    }
  };

  void prepare(http_request const& request, transfer& now) {
    CURL* const easy = easy_.get();
    auto const set = [easy](CURLoption option, auto value) {
      CURLcode const code = curl_easy_setopt(easy, option, value);
      if (code != CURLE_OK) throw failure(exit_code::unexpected, curl_easy_strerror(code));
    };
    auto const milliseconds = static_cast<long>(settings_.timeout.count());
    curl_easy_reset(easy);  // all but the connection
    headers_.reset();
    append(headers_, "Accept-Encoding: identity");
    if (!request.if_range.empty()) append(headers_, "If-Range: " + request.if_range);
    for (std::string const& header : settings_.headers) append(headers_, header);

    // Not within the URL: from there libcurl 8.22 does not take it to where the same server redirects.
    curl_login const login = login_of(request.url);
    set(CURLOPT_URL, without_password(request.url).c_str());
    if (!login.user.empty()) set(CURLOPT_USERNAME, login.user.c_str());
    if (!login.password.empty()) set(CURLOPT_PASSWORD, login.password.c_str());
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_USERAGENT, "spool-download");
    set(CURLOPT_NOBODY, request.head ? 1L : 0L);
    if (!request.range.empty()) set(CURLOPT_RANGE, request.range.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // each thread has a connection of its own
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    if (!settings_.proxy.empty()) set(CURLOPT_PROXY, settings_.proxy.c_str());
    if (settings_.insecure) {
      set(CURLOPT_SSL_VERIFYPEER, 0L);
      set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name server that is silent doesn't keep who wants to stop
    set(CURLOPT_BUFFERSIZE, 256L * 1024);
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADERFUNCTION, &transfer::receive<&transfer::head_line>);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&now));
    set(CURLOPT_WRITEFUNCTION, &transfer::receive<&transfer::body>);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&now));
    error_text_[0] = '\0';
  }

  http_settings const settings_;
  curl_headers headers_;  // what libcurl reads while a request is carried out
  curl_easy easy_;
  curl_multi multi_;
  char error_text_[CURL_ERROR_SIZE] = "";
};
