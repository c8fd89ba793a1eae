// examples/download/progress.hpp · the thread that shows how far the download is
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include <spool/errors.hpp>
#include <spool/queue.hpp>
#include <spool/thread.hpp>

#include "messages.hpp"
#include "progress_bar.hpp"

/// The tutorial's message queue: any thread tells, one thread shows. So lines never mix, and nobody who fetches waits for
/// the terminal. The destructor shows what is still in the queue, then removes the bar.
class progress {
public:
  explicit progress(bool quiet) : bar_(quiet) { screen_.start(); }
  ~progress() {
    inbox_.shutdown();
    screen_.join();
  }
  progress(progress const&) = delete;
  progress& operator=(progress const&) = delete;

  void tell(message news) { inbox_.put(std::move(news)); }

private:
  void show() {
    try {
      for (;;) {
        std::optional<message> const news = inbox_.get_for(std::chrono::milliseconds(100));
        if (news) std::visit(bar_, *news);
        bar_.draw_if_due();  // also when no news comes: a rate that falls is news
      }
    } catch (spool::queue_shutdown_error const&) {
      bar_.clear();
    }
  }

  progress_bar bar_;  // used by the thread `screen_` only
  spool::queue<message> inbox_;
  spool::thread screen_{spool::thread_options{.name = "screen"}, [this] { show(); }};
};
