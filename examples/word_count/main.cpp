// examples/word_count/main.cpp · counts the words of whole trees of files with a pool, and races it against one thread
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>

#include "count.hpp"
#include "find_files.hpp"
#include "options.hpp"
#include "progress_bar.hpp"
#include "tally.hpp"

namespace {

/// 1234567 as "1,234,567".
std::string grouped(std::uintmax_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

void print_totals(tally const& total, findings const& found, std::size_t unreadable, std::size_t top) {
  std::printf("%s files, %s bytes, %s words, %s different words\n", grouped(total.files).c_str(),
              grouped(total.bytes).c_str(), grouped(total.words).c_str(), grouped(total.table.size()).c_str());
  std::printf("left out: %s unreadable, %s symbolic links, %s special files\n", grouped(unreadable).c_str(),
              grouped(found.symlinks).c_str(), grouped(found.specials).c_str());
  for (word_table::entry const& e : total.table.top(top)) {
    std::printf("%14s  %.*s\n", grouped(e.count).c_str(), static_cast<int>(e.word.size()), e.word.data());
  }
}

struct timed_result : count_result {
  double seconds;
};

/// Lets `count` run with a progress bar, and with a clock.
template <class Count>
timed_result timed(std::string const& label, std::uintmax_t bytes, Count count) {
  progress_bar bar(label, bytes);
  auto const start = std::chrono::steady_clock::now();
  count_result result = count(bar);
  std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
  return {std::move(result), time.count()};
}

int run(options const& wanted) {
  findings found;
  for (std::filesystem::path const& path : wanted.paths) find_files(path, found);
  std::vector<batch> const batches = in_batches(found.files);
  std::uintmax_t bytes = 0;
  for (found_file const& file : found.files) bytes += file.bytes;

  // The pool counts twice: what is to be compared in time should find all files in memory already.
  auto const with_pool = [&](progress_bar& bar) { return count_pooled(batches, wanted.threads, bar); };
  auto const in_one_thread = [&](progress_bar& bar) { return count_serial(batches, bar); };
  count_result const first = timed("counting", bytes, with_pool);

  std::vector<std::string> problems = found.problems;
  problems.insert(problems.end(), first.problems.begin(), first.problems.end());
  std::sort(problems.begin(), problems.end());
  for (std::string const& problem : problems) std::fprintf(stderr, "word_count: can't read %s\n", problem.c_str());
  print_totals(first.total, found, problems.size(), wanted.top);
  std::fflush(stdout);

  timed_result const serial = timed("again, in one thread", bytes, in_one_thread);
  timed_result const pooled = timed("again, with the pool", bytes, with_pool);
  std::printf("one thread: %.3f s\n", serial.seconds);
  std::printf("pool of %s: %.3f s, %.2f times as fast\n", grouped(wanted.threads).c_str(), pooled.seconds,
              serial.seconds / pooled.seconds);
  if (first.total != serial.total || pooled.total != serial.total) {
    throw std::runtime_error("the pool's result is not that of one thread: did files change meanwhile?");
  }
  std::printf("the pool's result equals that of one thread\n");
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw std::runtime_error("can't write the result");
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  options wanted = parse_options(std::vector<std::string_view>(argv + std::min(argc, 1), argv + argc));
  if (wanted.help) {
    std::fputs(usage, stdout);
    return 0;
  }
  if (wanted.threads == 0) wanted.threads = spool::usable_cpus();
  return run(wanted);
} catch (bad_arguments const& error) {
  std::fprintf(stderr, "word_count: %s\nTry 'word_count --help'.\n", error.what());
  return 2;
} catch (std::exception const& error) {
  std::fprintf(stderr, "word_count: %s\n", error.what());
  return 1;
}
