// examples/download/job.hpp · one URL of the command line, and what has become of it
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <spool/errors.hpp>

#include "download.hpp"
#include "failure.hpp"
#include "file_name.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "remote_file.hpp"

struct job {
  std::size_t number = 0;
  std::string url;
  std::unique_ptr<download> file = nullptr;  // once the server has said what it is
  std::optional<exit_code> result = {};      // once the file is there, or never will be
  bool restart = false;                      // in the next round, from its first byte on
  bool in_one_piece = false;                 // the server sends no parts of it, whatever it said
  unsigned restarts = 0;

  bool at_work() const { return !result && !restart; }
  void begin_restart() {
    restart = false;
    ++restarts;
  }
  std::string name() const { return file ? file->name() : url; }
};

/// Runs a step of the job, and notes in it how that went.
template <class Step>
void carry_out(job& of, progress& screen, Step step) {
  auto const fail = [&](exit_code code, std::string const& why) {
    if (!of.at_work()) return;  // it has failed already: the first reason is the one to know
    of.result = code;
    screen.tell(problem{of.name() + ": " + why});
  };
  auto const start_again = [&](std::exception const& why) {
    constexpr unsigned most = 5;
    if (of.restarts == most) return fail(exit_code::server, std::string(why.what()) + ", again and again");
    if (of.at_work()) screen.tell(remark{of.name() + ": " + why.what() + "; starts again"});
    of.restart = of.at_work() || of.restart;
  };
  auto const stop = [&] {
    if (of.at_work()) of.result = exit_code::signal;
  };
  try {
    step();
  } catch (file_changed const& why) {
    start_again(why);
  } catch (ranges_ignored const& why) {
    of.in_one_piece = true;
    start_again(why);
  } catch (failure const& why) {
    fail(why.code, why.what());
  } catch (stopped const&) {
    stop();
  } catch (spool::cancelled_error const&) {
    stop();
  } catch (spool::pool_shutdown_error const&) {
    stop();
  } catch (std::exception const& why) {
    fail(exit_code::unexpected, why.what());
  }
}

/// Where the file goes.
/// Throws  failure if it is the server that would choose which of the user's files is replaced.
inline std::filesystem::path target_of(job const& of, remote_file const& remote, options const& wanted) {
  if (!wanted.into_directory()) return wanted.output;
  std::filesystem::path const directory = wanted.output;
  std::string const proposed = name_in_disposition(remote.disposition);
  if (proposed.empty()) return directory / name_in_url(of.url);
  std::error_code error;
  if (std::filesystem::exists(directory / proposed, error)) {
    throw failure(exit_code::file, "the server names it '" + proposed + "', which exists: -o chooses another name");
  }
  return directory / proposed;
}
