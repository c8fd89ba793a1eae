// examples/download/main.cpp · downloads files in chunks with a pool of threads
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <stop_token>

#include <spool/thread_pool.hpp>

#include <CLI/CLI.hpp>

#include "curl.hpp"
#include "failure.hpp"
#include "fetch.hpp"
#include "fetch_all.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "progress.hpp"

namespace {

int run(options const& wanted, interrupt const& ctrl_c) {
  curl_library const library;
  progress screen(wanted.quiet);
  fetch_context with{wanted.http, wanted.retries, connection_limits(wanted.threads), screen};
  spool::thread_pool pool({.max_workers = wanted.threads, .thread_name_prefix = "fetch"});
  std::stop_callback const stop(
      ctrl_c.token(), [&pool] { pool.shutdown({.wait = false, .cancel_pending = true, .request_stop = true}); });

  exit_code const result = all_downloads(wanted, with, pool).run();
  if (result != exit_code::signal) return static_cast<int>(result);
  screen.tell(problem{"stopped; --resume goes on"});
  return static_cast<int>(exit_code::signal) + ctrl_c.signal();
}

}  // namespace

int main(int argc, char** argv) {
  interrupt const ctrl_c;
  CLI::App app;
  try {
    options wanted;
    parse_options(app, wanted, argc, argv);
    return run(wanted, ctrl_c);
  } catch (CLI::CallForHelp const&) {
    std::fputs(app.help().c_str(), stdout);
    return static_cast<int>(exit_code::success);
  } catch (CLI::ParseError const& error) {
    std::fprintf(stderr, "download: %s\nTry 'download --help'.\n", error.what());
    return static_cast<int>(exit_code::bad_arguments);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "download: %s\n", error.what());
    return static_cast<int>(exit_code::unexpected);
  }
}
