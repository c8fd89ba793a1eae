// tests/support/busy.hpp · one worker of a pool, kept busy
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <spool/thread_pool.hpp>

#include "support/contract_kit.hpp"

/// Keeps one worker busy until told otherwise, by the system's means: it waits for no task.
class busy {
public:
  explicit busy(spool::thread_pool& pool) {
    const auto started = std::make_shared<gate>();
    pool.post([started, release = release_] {
      started->open();
      release->wait();
    });
    started->wait();
  }
  ~busy() { release_->open(); }
  busy(const busy&) = delete;
  busy& operator=(const busy&) = delete;
  void release() { release_->open(); }

private:
  std::shared_ptr<gate> release_ = std::make_shared<gate>();
};
