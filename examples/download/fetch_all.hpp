// examples/download/fetch_all.hpp · the whole work on the pool: all chunks of all files
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <ranges>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <spool/errors.hpp>
#include <spool/future.hpp>
#include <spool/thread_pool.hpp>
#include <spool/wait.hpp>

#include "download.hpp"
#include "failure.hpp"
#include "fetch.hpp"
#include "job.hpp"
#include "options.hpp"
#include "remote_file.hpp"

class all_downloads {
public:
  all_downloads(options const& wanted, fetch_context& with, spool::thread_pool& pool)
      : wanted_(wanted), with_(with), pool_(pool) {
    for (std::string const& url : wanted.urls) jobs_.push_back({.number = jobs_.size(), .url = url});
  }

  /// In rounds: the second is for the files that changed while they were fetched in the first, and so on.
  /// Returns  `signal` if it was stopped; else the first result that is no success, if any.
  exit_code run() {
    std::vector<job*> open;
    for (job& j : jobs_) open.push_back(&j);
    while (!open.empty()) {
      look_at_all(open);
      fetch_chunks(open);
      std::erase_if(open, [](job* j) { return j->result.has_value(); });
      for (job* const j : open) j->begin_restart();
    }
    exit_code first = exit_code::success;
    for (job const& j : jobs_) {
      if (j.result == exit_code::signal) return exit_code::signal;
      if (first == exit_code::success) first = *j.result;
    }
    return first;
  }

private:
  /// Asks for all files before the first is fetched: the bar shows how much there is to do.
  void look_at_all(std::vector<job*> const& jobs) try {
    auto remotes = pool_.map([this](std::stop_token stop, job* j) { return look_at(stop, j->url, with_); }, jobs);
    auto remote = remotes.begin();
    for (job* const j : jobs) {
      carry_out(*j, with_.screen, [&] { begin(*j, std::move(*remote)); });
      ++remote;
    }
  } catch (spool::pool_shutdown_error const&) {  // Ctrl-C was faster
    for (job* const j : jobs) j->result = exit_code::signal;
  }

  void begin(job& j, remote_file remote) {
    bool const resume = wanted_.resume && j.restarts == 0;
    if (j.in_one_piece) remote.ranges = false;
    std::filesystem::path const target = target_of(j, remote, wanted_);
    for (char const* const suffix : {"", ".part", ".part.state"}) {
      if (targets_.try_emplace(target.string() + suffix, j.number).first->second != j.number) {
        throw failure(exit_code::file, target.string() + " would be written for another URL, too");
      }
    }
    j.file.reset();
    j.file = std::make_unique<download>(j.url, std::move(remote), target, wanted_.chunk_size, resume);
    with_.screen.tell(file_begun{j.number, j.name(), j.file->from().version.length, j.file->bytes_there()});
    if (resume && !j.file->resumed())
      with_.screen.tell(remark{j.name() + ": nothing to resume; starts at the beginning"});
    finish_if_whole(j);  // then only the name was missing
  }

  void fetch_chunks(std::vector<job*> const& jobs) {
    struct piece {
      job* of;
      std::size_t chunk;
    };
    std::unordered_map<spool::future<void>, piece> pieces;
    for (job* const j : jobs) {
      if (!j->at_work()) continue;
      carry_out(*j, with_.screen, [&] {
        for (std::size_t const i : j->file->missing()) pieces.emplace(submit(*j, i), piece{j, i});
      });
    }

    for (spool::future<void> const& done : spool::as_completed(std::views::keys(pieces))) {
      auto const [of, chunk] = pieces.at(done);
      job& j = *of;
      bool const was_at_work = j.at_work();
      carry_out(j, with_.screen, [&, i = chunk] {
        done.result();
        j.file->complete(i);
        finish_if_whole(j);
      });
      bool const gave_up = was_at_work && !j.at_work() && j.result != exit_code::success;
      if (!gave_up) continue;
      for (auto const& [other, what] : pieces) {  // what is left of the file needn't come any more
        if (what.of == &j && !other.cancel()) other.request_stop();
      }
    }
  }

  spool::future<void> submit(job& j, std::size_t chunk) {
    return pool_.submit([this, &j, chunk](std::stop_token stop) {
      auto const fetch = j.file->from().ranges ? fetch_chunk : fetch_whole;
      fetch(stop, *j.file, j.number, chunk, with_);
    });
  }

  void finish_if_whole(job& j) {
    if (!j.file->whole()) return;
    j.file->finish();
    j.result = exit_code::success;
    with_.screen.tell(file_saved{j.number, j.file->target().string()});
  }

  options const& wanted_;
  fetch_context& with_;
  spool::thread_pool& pool_;
  std::vector<job> jobs_;
  std::map<std::string, std::size_t> targets_;  // whose number is the job's that writes them
};
