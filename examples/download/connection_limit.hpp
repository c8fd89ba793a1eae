// examples/download/connection_limit.hpp · not more connections to a server than it likes
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include <spool/mutex.hpp>
#include <spool/semaphore.hpp>

#include "failure.hpp"

/// Lets so many requests to one server run at once; fewer when the server is crowded, more again when all goes well.
class connection_limit {
public:
  explicit connection_limit(unsigned most) : permits_(most), most_(most), now_(most) {}

  /// Waits for its turn, then calls `request`.
  /// Throws  what `request` throws: with counts == false if it failed only because too many ran beside it; stopped.
  template <class Request>
  void run(std::stop_token stop, Request request) {
    if (!permits_.acquire(stop)) throw stopped();
    bool keep_permit = false;
    try {
      request();
    } catch (transient_failure& error) {
      keep_permit = error.crowded && narrow();
      error.counts = !keep_permit;
      if (!keep_permit) permits_.release();
      throw;
    } catch (...) {
      permits_.release();
      throw;
    }
    permits_.release(widen() ? 2 : 1);
  }

private:
  /// One less from now on: whoever asked keeps its permit for good. The last one stays.
  bool narrow() {
    std::scoped_lock const guard(mutex_);
    successes_ = 0;
    if (now_ == 1) return false;
    --now_;
    return true;
  }

  /// One more, after a good many successes in a row.
  bool widen() {
    std::scoped_lock const guard(mutex_);
    if (now_ == most_ || ++successes_ < 4 * now_) return false;
    successes_ = 0;
    ++now_;
    return true;
  }

  spool::semaphore permits_;
  spool::mutex mutex_;
  unsigned const most_;
  unsigned now_;            // guarded by mutex_: permits that are there or in use
  unsigned successes_ = 0;  // guarded by mutex_: since the last change
};

/// One limit for each server.
class connection_limits {
public:
  explicit connection_limits(unsigned most) : most_(most) {}

  connection_limit& of(std::string_view server) {
    std::scoped_lock const guard(mutex_);
    return limits_.try_emplace(std::string(server), most_).first->second;
  }

private:
  unsigned const most_;
  spool::mutex mutex_;
  std::map<std::string, connection_limit> limits_;  // guarded by mutex_
};
