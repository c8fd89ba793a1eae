// examples/download/part_file.hpp · NAME.part, which gets the name NAME when it is whole
// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.hpp"

/// Written to by several threads at once, each at places of its own. It is locked: a second program that wants to write
/// the same file gets a failure.
/// Throws  failure, from every member, if the system refuses.
class part_file {
public:
  explicit part_file(std::filesystem::path path) : path_(std::move(path)) {
    constexpr int may_read_and_write = 0666;  // less what the umask takes away
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, may_read_and_write);
    if (fd_ == -1) fail("can't write");
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 || !has_its_name()) {
      ::close(fd_);
      throw failure(exit_code::file, "another program writes " + path_.string());
    }
  }
  ~part_file() {
    if (fd_ != -1) ::close(fd_);
  }
  part_file(part_file const&) = delete;
  part_file& operator=(part_file const&) = delete;

  std::uint64_t size() const {
    struct ::stat s{};
    if (::fstat(fd_, &s) != 0) fail("can't look at");
    return static_cast<std::uint64_t>(s.st_size);
  }

  void resize(std::uint64_t size) {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) fail("can't write");
  }

  void write_at(std::uint64_t offset, std::span<char const> bytes) {
    while (!bytes.empty()) {
      ssize_t const n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n == -1 && errno == EINTR) continue;
      if (n == -1) fail("can't write");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
  }

  /// When it returns, what this thread has written survives a power cut.
  void sync() {
    if (::fdatasync(fd_) != 0) fail("can't write");
  }

  /// From now on it is the file `name`; what had that name before is gone.
  void rename_to(std::filesystem::path const& name) {
    if (::fsync(fd_) != 0) fail("can't write");
    if (std::rename(path_.c_str(), name.c_str()) != 0) fail("can't rename");
    ::close(std::exchange(fd_, -1));
    std::filesystem::path const directory = name.has_parent_path() ? name.parent_path() : ".";
    int const d = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d == -1) return;  // it may be forbidden to read it; the new name then may get lost in a power cut
    ::fsync(d);
    ::close(d);
  }

private:
  /// Between open() and flock() the other program may have finished, and given its file another name.
  bool has_its_name() const {
    struct ::stat mine{};
    struct ::stat named{};
    return ::fstat(fd_, &mine) == 0 && ::lstat(path_.c_str(), &named) == 0 && mine.st_dev == named.st_dev &&
           mine.st_ino == named.st_ino;
  }

  [[noreturn]] void fail(char const* what) const {
    throw failure(exit_code::file,
                  std::string(what) + " " + path_.string() + ": " + std::generic_category().message(errno));
  }

  std::filesystem::path const path_;
  int fd_ = -1;
};
