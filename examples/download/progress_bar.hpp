// examples/download/progress_bar.hpp · a bar with rate and time left; plain lines where there is no terminal
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "messages.hpp"
#include "text.hpp"

/// One bar for all files, on stderr. Used by one thread.
class progress_bar {
public:
  explicit progress_bar(bool quiet) : quiet_(quiet) {}

  void operator()(file_begun const& begun) {
    if (files_.size() <= begun.file) files_.resize(begun.file + 1);
    files_[begun.file] = {begun.name, begun.length, begun.there};
  }
  void operator()(bytes_received const& received) {
    files_[received.file].done += received.count;
    received_ += received.count;
  }
  void operator()(bytes_dropped const& dropped) { files_[dropped.file].done = 0; }
  void operator()(file_saved const& saved) {
    file& f = files_[saved.file];
    f.length = f.done;
    if (!quiet_) print_line("saved " + saved.name + " (" + as_size(static_cast<double>(f.done)) + ")");
  }
  void operator()(remark const& news) {
    if (!quiet_) print_line(news.text);
  }
  void operator()(problem const& news) { print_line("download: " + news.text); }

  void draw_if_due() {
    clock::time_point const now = clock::now();
    if (quiet_ || files_.empty() || now < next_look_) return;
    next_look_ = now + std::chrono::milliseconds(100);
    samples_.push_back({now, received_});
    while (samples_.size() > 2 && samples_.front().at < now - std::chrono::seconds(5)) samples_.pop_front();
    if (on_terminal_) {
      draw();
    } else if (unsigned const tenth = tenths(); tenth < 10 && (tenth > last_tenth_ || now >= next_line_)) {
      print_line(label() + ": " + numbers());
      last_tenth_ = tenth;
      next_line_ = now + std::chrono::seconds(5);
    }
  }

  void clear() const {
    if (on_terminal_ && !quiet_) std::fputs("\r\x1b[K", stderr);  // to the line's start, then erase to its end
  }

private:
  using clock = std::chrono::steady_clock;
  struct file {
    std::string name;
    std::optional<std::uint64_t> length;
    std::uint64_t done = 0;
  };
  struct sample {
    clock::time_point at;
    std::uint64_t received;
  };

  std::uint64_t done() const {
    std::uint64_t sum = 0;
    for (file const& f : files_) sum += f.done;
    return sum;
  }

  /// Nothing if that of one file is unknown.
  std::optional<std::uint64_t> length() const {
    std::uint64_t sum = 0;
    for (file const& f : files_) {
      if (!f.length) return std::nullopt;
      sum += *f.length;
    }
    return sum;
  }

  double part() const {
    std::uint64_t const all = length().value_or(0);
    return all == 0 ? 0 : std::min(static_cast<double>(done()) / static_cast<double>(all), 1.0);
  }
  unsigned tenths() const { return static_cast<unsigned>(part() * 10); }

  /// Bytes a second, over the last five.
  double rate() const {
    std::chrono::duration<double> const time = samples_.back().at - samples_.front().at;
    double const bytes = static_cast<double>(samples_.back().received - samples_.front().received);
    return time.count() > 0 ? bytes / time.count() : 0;
  }

  std::string label() const {
    return files_.size() == 1 ? files_.front().name : std::to_string(files_.size()) + " files";
  }

  /// "45 %, 28.8 MiB of 64.0 MiB, 12.3 MiB/s, 0:03 left", as far as known.
  std::string numbers() const {
    std::string text;
    std::optional<std::uint64_t> const all = length();
    double const there = static_cast<double>(done());
    double const speed = rate();
    if (all) text += std::to_string(static_cast<int>(part() * 100)) + " %, ";
    text += as_size(there);
    if (all) text += " of " + as_size(static_cast<double>(*all));
    if (samples_.size() > 1) text += ", " + as_size(speed) + "/s";
    if (all && speed > 0) text += ", " + as_time((static_cast<double>(*all) - there) / speed) + " left";
    return text;
  }

  void draw() const {
    std::string line = label().substr(0, 24);
    if (length()) {
      std::string bar(20, ' ');
      bar.replace(0, static_cast<std::size_t>(part() * 20), static_cast<std::size_t>(part() * 20), '=');
      line += " [" + bar + "]";
    }
    line += " " + numbers();
    ::winsize window{};
    std::size_t const columns =
        ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col : 80;
    if (line.size() >= columns) line.resize(columns - 1);
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    std::fflush(stderr);
  }

  void print_line(std::string const& line) const {
    clear();
    std::fprintf(stderr, "%s\n", line.c_str());
  }

  bool const quiet_;
  bool const on_terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::vector<file> files_;
  std::uint64_t received_ = 0;  // in this run, dropped or not
  std::deque<sample> samples_;  // of the last five seconds
  clock::time_point next_look_;
  clock::time_point next_line_ = clock::now() + std::chrono::seconds(5);
  unsigned last_tenth_ = 0;
};
