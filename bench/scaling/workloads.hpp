// bench/scaling/workloads.hpp · the work that is shared among threads: some of it computes, some of it waits
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scaling/loopback_server.hpp"

namespace scaling {

/// Tasks that may run in any order; the sum of what they give says whether all was done. pool.py has the same ones.
struct workload {
  std::string name;
  bool waits;  // rather than computes
  std::size_t tasks;
  std::function<std::uint64_t(std::size_t)> task;
};

/// Steps of a generator of random numbers, each of which needs the one before.
inline std::uint64_t sum(std::size_t i) {
  std::uint64_t x = i;
  std::uint64_t sum = 0;
  for (int step = 0; step < 100'000; ++step) {
    x = (x * 1103515245 + 12345) % 2147483648U;
    sum += x;
  }
  return sum;
}

/// How many primes there are in a part of the numbers, by division.
inline std::uint64_t primes(std::size_t i) {
  constexpr std::uint64_t part = 2'000;
  std::uint64_t found = 0;
  for (std::uint64_t n = i * part + 2; n < (i + 1) * part + 2; ++n) {
    bool prime = true;
    for (std::uint64_t d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    found += prime;
  }
  return found;
}

/// How many words a text has.
inline std::uint64_t words(const std::string& text) {
  std::uint64_t count = 0;
  bool inside = false;
  for (const char c : text) {
    const bool letter = c != ' ' && c != '\n';
    count += letter && !inside;
    inside = letter;
  }
  return count;
}

inline std::uint64_t sleep(std::size_t) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return 1;
}

/// How many bytes a file has, by reading it.
inline std::uint64_t read_file(const std::filesystem::path& path) {
  std::vector<char> buffer(1 << 16);
  std::uint64_t bytes = 0;
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return 0;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file)) bytes += n;
  std::fclose(file);
  return bytes;
}

/// A folder of files to read, and a text to count the words of; gone at the end.
class material {
public:
  static constexpr std::size_t files = 64;

  material() : folder_(std::filesystem::temp_directory_path() / ("spool-scaling-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    for (int i = 0; i < 20'000; ++i) text_ += "word" + std::to_string(i) + (i % 10 == 0 ? '\n' : ' ');
    const std::string content(1 << 20, 'x');
    for (std::size_t i = 0; i < files; ++i) std::ofstream(file(i)) << content;
    std::ofstream(folder_ / "text") << text_;
  }
  material(const material&) = delete;
  material& operator=(const material&) = delete;
  ~material() { std::filesystem::remove_all(folder_); }

  const std::filesystem::path& folder() const { return folder_; }
  const std::string& text() const { return text_; }
  std::filesystem::path file(std::size_t i) const { return folder_ / std::to_string(i); }

private:
  std::filesystem::path folder_;
  std::string text_;
};

inline std::vector<workload> all_workloads(const material& given, const loopback_server& server) {
  return {{"sum", false, 64, sum},
          {"primes", false, 64, primes},
          {"word count", false, 64, [&given](std::size_t) { return words(given.text()); }},
          {"sleep", true, 64, sleep},
          {"sockets", true, 64, [&server](std::size_t) { return server.ask(); }},
          {"files", true, material::files, [&given](std::size_t i) { return read_file(given.file(i)); }}};
}

}  // namespace scaling
