// examples/word_count/count.hpp · the job: in one thread, and with a pool
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <spool/future.hpp>
#include <spool/mutex.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "find_files.hpp"
#include "progress_bar.hpp"
#include "tally.hpp"

using batch = std::span<found_file const>;

/// Cuts the files into batches of about a megabyte: each is worth its way through the pool, and they are many enough to
/// keep all workers busy to the end. To open a file is taken to cost as much as to read 32 KiB of it.
inline std::vector<batch> in_batches(std::vector<found_file> const& files) {
  std::vector<batch> batches;
  std::size_t begin = 0;
  std::uintmax_t weight = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    weight += files[i].bytes + 32 * 1024;
    if (weight < 1024 * 1024 && i + 1 < files.size()) continue;
    batches.push_back(batch(files).subspan(begin, i + 1 - begin));
    begin = i + 1;
    weight = 0;
  }
  return batches;
}

/// What became of a batch, beside the words that went into a tally.
struct batch_report {
  std::uintmax_t bytes = 0;           // by which the progress bar advances
  std::vector<std::string> problems;  // "PATH: why it can't be read"
};

inline batch_report count_batch(batch files, tally& into) {
  batch_report report;
  for (found_file const& file : files) {
    if (std::error_code const error = into.add_file(file.path)) {
      report.problems.push_back(file.path.string() + ": " + error.message());
    }
    report.bytes += file.bytes;
  }
  return report;
}

struct count_result {
  tally total;
  std::vector<std::string> problems;

  void add(batch_report const& report, progress_bar& bar) {
    problems.insert(problems.end(), report.problems.begin(), report.problems.end());
    bar.advance(report.bytes);
  }
};

inline count_result count_serial(std::vector<batch> const& batches, progress_bar& bar) {
  count_result result;
  for (batch const files : batches) result.add(count_batch(files, result.total), bar);
  return result;
}

/// Tallies that no task counts with at the moment. There are never more of them than tasks that ran at the same time,
/// so only a few have to be added up in the end.
class tally_shelf {
public:
  tally take() {
    std::scoped_lock const guard(mutex_);
    if (shelf_.empty()) return {};
    tally taken = std::move(shelf_.back());
    shelf_.pop_back();
    return taken;
  }

  void put_back(tally used) {
    std::scoped_lock const guard(mutex_);
    shelf_.push_back(std::move(used));
  }

  /// Preconditions  no task runs any more.
  tally sum() {
    tally total = take();
    std::scoped_lock const guard(mutex_);
    for (tally const& t : shelf_) total.add(t);
    return total;
  }

private:
  spool::mutex mutex_;
  std::vector<tally> shelf_;  // guarded by mutex_
};

inline count_result count_pooled(std::vector<batch> const& batches, std::size_t threads, progress_bar& bar) {
  tally_shelf shelf;
  spool::thread_pool pool{threads};
  std::vector<spool::future<batch_report>> tasks;
  tasks.reserve(batches.size());
  for (batch const files : batches) {
    tasks.push_back(pool.submit([&shelf, files] {
      tally mine = shelf.take();
      batch_report report = count_batch(files, mine);
      shelf.put_back(std::move(mine));
      return report;
    }));
  }

  count_result result;
  for (spool::future<batch_report> const& task : spool::as_completed(tasks)) result.add(task.result(), bar);
  result.total = shelf.sum();
  return result;
}
