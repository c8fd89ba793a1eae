// examples/download/download.hpp · one file on its way from a server to a name
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "chunks.hpp"
#include "failure.hpp"
#include "part_file.hpp"
#include "remote_file.hpp"
#include "state_file.hpp"
#include "url.hpp"

/// What exists of it: NAME.part, with all bytes so far; NAME.part.state, which says what chunks of it are complete; and
/// NAME only when it is whole. A file that can't be had in parts is one chunk, and has no state.
class download {
public:
  /// Goes on with what an earlier run has left if `resume` says so and it is of the same version, else begins anew.
  /// Throws  failure if it can't be written.
  download(std::string const& url, remote_file from, std::filesystem::path target, std::uint64_t chunk_size,
           bool resume)
      : from_(std::move(from)),
        target_(checked(std::move(target))),
        part_(beside(".part")),
        resumed_(from_.ranges && resume && take_up(url)) {
    try {
      if (!resumed_) begin(url, chunk_size);
    } catch (...) {
      remove({".part", ".part.state"});
      throw;
    }
  }

  /// Where no chunk is complete, there is nothing to resume.
  ~download() {
    if (std::find(done_.begin(), done_.end(), true) == done_.end()) remove({".part", ".part.state"});
  }
  download(download const&) = delete;
  download& operator=(download const&) = delete;

  remote_file const& from() const { return from_; }
  std::string name() const { return target_.filename().string(); }
  std::filesystem::path const& target() const { return target_; }
  part_file& part() { return part_; }
  bool resumed() const { return resumed_; }

  /// Not of a file that can't be had in parts.
  chunk operator[](std::size_t i) const { return plan_[i]; }

  std::vector<std::size_t> missing() const {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < done_.size(); ++i) {
      if (!done_[i]) result.push_back(i);
    }
    return result;
  }

  std::uint64_t bytes_there() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < done_.size(); ++i) sum += done_[i] && from_.ranges ? plan_[i].size() : 0;
    return sum;
  }

  /// All bytes of the chunk are in the part file, and safe there.
  void complete(std::size_t i) {
    if (state_) state_->add_done(i);
    done_[i] = true;
  }

  bool whole() const { return std::find(done_.begin(), done_.end(), false) == done_.end(); }

  /// Gives the file its name.
  /// Preconditions  it is whole.
  void finish() {
    part_.rename_to(target_);
    state_.reset();
    remove({".part.state"});
  }

private:
  static std::filesystem::path checked(std::filesystem::path target) {
    std::error_code error;
    auto const type = std::filesystem::status(target, error).type();
    if (type == std::filesystem::file_type::directory) {
      throw failure(exit_code::file, target.string() + " is a directory");
    }
    if (type != std::filesystem::file_type::not_found && type != std::filesystem::file_type::none &&
        type != std::filesystem::file_type::regular) {
      throw failure(exit_code::file, target.string() + " is no regular file");
    }
    return target;
  }

  std::filesystem::path beside(char const* suffix) const { return target_.string() + suffix; }

  void remove(std::initializer_list<char const*> suffixes) const {
    std::error_code ignored;
    for (char const* const suffix : suffixes) std::filesystem::remove(beside(suffix), ignored);
  }

  bool take_up(std::string const& url) {
    std::optional<saved_state> const saved = state_file::read(beside(".part.state"));
    if (!saved || saved->plan.url != without_password(url) || saved->plan.version != from_.version) return false;
    if (part_.size() != *from_.version.length) return false;
    plan_ = {*from_.version.length, saved->plan.chunk_size};
    done_.assign(plan_.count(), false);
    for (std::size_t const i : saved->done) {
      if (i >= done_.size()) return false;
      done_[i] = true;
    }
    state_.emplace(beside(".part.state"), *saved);
    return true;
  }

  void begin(std::string const& url, std::uint64_t chunk_size) {
    remove({".part.state"});  // first: it must never speak of bytes that are no longer there
    part_.resize(0);
    done_.assign(1, false);
    if (!from_.ranges) return;
    part_.resize(*from_.version.length);
    plan_ = plan_chunks(*from_.version.length, chunk_size);
    done_.assign(plan_.count(), false);
    state_.emplace(beside(".part.state"), fetch_plan{without_password(url), from_.version, plan_.chunk_size()});
  }

  remote_file const from_;
  std::filesystem::path const target_;
  part_file part_;
  chunk_plan plan_;
  std::vector<bool> done_;  // one for each chunk
  std::optional<state_file> state_;
  bool const resumed_;
};
