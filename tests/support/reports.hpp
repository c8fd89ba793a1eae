// tests/support/reports.hpp · what comes to the excepthook, and that a stack was unwound
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>

#include <spool/excepthook.hpp>
#include <spool/queue.hpp>

/// What came to the excepthook while it lives.
class reports {
public:
  reports() {
    spool::set_excepthook([all = all_](const spool::thread_info&, std::exception_ptr what) {
      try {
        std::rethrow_exception(what);
      } catch (const std::exception& e) {
        all->put(e.what());
      }
    });
  }
  ~reports() { spool::set_excepthook({}); }
  reports(const reports&) = delete;
  reports& operator=(const reports&) = delete;

  std::size_t count() const { return all_->size(); }

private:
  std::shared_ptr<spool::queue<std::string>> all_ = std::make_shared<spool::queue<std::string>>();
};

struct sets_at_end {
  std::atomic<bool>* flag;
  ~sets_at_end() { *flag = true; }
};
