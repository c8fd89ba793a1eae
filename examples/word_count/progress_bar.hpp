// examples/word_count/progress_bar.hpp · one line on stderr that fills
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

/// Shows on a terminal how much of `total` is done, and leaves no trace; elsewhere it draws nothing.
/// Used by one thread.
class progress_bar {
public:
  progress_bar(std::string label, std::uintmax_t total) : label_(std::move(label)), total_(total) { draw(); }
  progress_bar(progress_bar const&) = delete;
  progress_bar& operator=(progress_bar const&) = delete;
  ~progress_bar() { clear(); }

  /// So much more is done. Draws at most 20 times a second.
  void advance(std::uintmax_t more) {
    done_ += more;
    if (clock::now() >= next_draw_) draw();
  }

private:
  using clock = std::chrono::steady_clock;

  void draw() {
    if (!on_terminal_) return;
    double const part = done_ < total_ ? static_cast<double>(done_) / static_cast<double>(total_) : 1.0;
    std::string bar(40, ' ');
    bar.replace(0, static_cast<std::size_t>(part * 40), static_cast<std::size_t>(part * 40), '=');
    std::fprintf(stderr, "\r%s [%s] %3.0f %%", label_.c_str(), bar.c_str(), part * 100);
    std::fflush(stderr);
    next_draw_ = clock::now() + std::chrono::milliseconds(50);
  }

  void clear() const {
    if (on_terminal_) std::fputs("\r\x1b[K", stderr);  // to the line's start, then erase to its end
  }

  static bool is_terminal() {
#ifdef _WIN32
    return _isatty(_fileno(stderr)) != 0;
#else
    return ::isatty(STDERR_FILENO) == 1;
#endif
  }

  std::string const label_;
  std::uintmax_t const total_;
  std::uintmax_t done_ = 0;
  bool const on_terminal_ = is_terminal();
  clock::time_point next_draw_;
};
