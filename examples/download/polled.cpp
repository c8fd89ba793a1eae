// examples/download/polled.cpp · a download's progress in a list that main asks again and again: what a queue spares
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <exception>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <spool/mutex.hpp>
#include <spool/thread.hpp>

#include "curl.hpp"
#include "file_name.hpp"
#include "http_client.hpp"
#include "progress_bar.hpp"

/// Safe to use from several threads; but it can't be waited for.
class thread_safe_list {
public:
  void append(message news) {
    std::scoped_lock const held{mutex_};
    items_.push_back(std::move(news));
  }
  std::vector<message> take_all() {
    std::scoped_lock const held{mutex_};
    return std::exchange(items_, {});
  }

private:
  spool::mutex mutex_;
  std::vector<message> items_;  // guarded by mutex_
};

void show_download(std::string const& url) {
  curl_library const library;
  thread_safe_list progress;
  std::exception_ptr error;  // main's when the thread is gone
  spool::thread download([&](std::stop_token stop) {
    auto const begin = [&](http_answer const& answer) {
      throw_if_error(answer);
      progress.append(file_begun{0, name_in_url(url), answer.length, 0});
    };
    auto const arrived = [&](std::span<char const> piece) { progress.append(bytes_received{0, piece.size()}); };
    try {
      http_client({}).perform({.url = url}, stop, begin, arrived);  // the bytes themselves are not kept
    } catch (...) {
      error = std::current_exception();
    }
  });
  download.start();
  progress_bar bar(false);
  unsigned long long bytes = 0, looks = 0, in_vain = 0;
  for (bool over = false; !over; ++looks) {             // a processor is busy all the time, mostly finding nothing
    over = download.join_for(std::chrono::seconds(0));  // before the look, or it might miss the last items
    std::vector<message> const news = progress.take_all();
    if (news.empty()) ++in_vain;
    for (message const& item : news) {
      std::visit(bar, item);
      if (auto const* piece = std::get_if<bytes_received>(&item)) bytes += piece->count;
    }
    bar.draw_if_due();
  }
  bar.clear();
  if (error) std::rethrow_exception(error);
  std::printf("%llu bytes came; %llu of %llu looks were in vain, which a queue spares\n", bytes, in_vain, looks);
}

int main(int argc, char** argv) try {
  if (argc != 2 || !std::string(argv[1]).starts_with("http"))
    throw failure(exit_code::bad_arguments, "give me one URL that begins with http:// or https://");
  show_download(argv[1]);
} catch (failure const& error) {
  std::fprintf(stderr, "download_polled: %s\n", error.what());
  return static_cast<int>(error.code);
}
