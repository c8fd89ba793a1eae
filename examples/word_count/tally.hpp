// examples/word_count/tally.hpp · counts the words and bytes of files
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "word_table.hpp"

/// What was counted so far. Used by one thread at a time.
///
/// A word is a maximal run of ASCII letters, digits and underscores; all other bytes stand between words.
class tally {
public:
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t words = 0;
  word_table table;

  /// Counts a file.  Returns  why it could not be read (it then counts as no file), or no error.
  std::error_code add_file(std::filesystem::path const& path) {
    auto const close = [](std::FILE* f) { std::fclose(f); };
    std::unique_ptr<std::FILE, decltype(close)> const file(std::fopen(path.string().c_str(), "rb"), close);
    if (!file) return {errno, std::generic_category()};
    std::setvbuf(file.get(), nullptr, _IONBF, 0);  // the buffer is ours

    std::size_t kept = 0;  // bytes of a word, at the buffer's front, that the next part may continue
    for (;;) {
      if (kept + 1 >= buffer_.size()) buffer_.resize(buffer_.size() * 2);  // a very long word
      std::size_t const room = buffer_.size() - 1 - kept;
      std::size_t const got = std::fread(buffer_.data() + kept, 1, room, file.get());
      bytes += got;
      if (got < room) {
        if (std::ferror(file.get())) return {errno, std::generic_category()};
        buffer_[kept + got] = '\n';  // ends the last word; there is always room for it
        add_text(kept + got + 1);
        ++files;
        return {};
      }
      std::size_t const done = add_text(kept + got);
      kept = kept + got - done;
      std::memmove(buffer_.data(), buffer_.data() + done, kept);
    }
  }

  void add(tally const& other) {
    files += other.files;
    bytes += other.bytes;
    words += other.words;
    table.add(other.table);
  }

  friend bool operator==(tally const& a, tally const& b) {
    return a.files == b.files && a.bytes == b.bytes && a.words == b.words && a.table == b.table;
  }

private:
  static constexpr std::array<bool, 256> is_part_of_word = [] {
    std::array<bool, 256> is{};
    for (unsigned c = 0; c < is.size(); ++c) {
      is[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    return is;
  }();

  /// Counts the words in the buffer's first `size` bytes.
  /// Returns  where the last word begins if it may go on behind them, else `size`.
  std::size_t add_text(std::size_t size) {
    char const* const begin = buffer_.data();
    char const* const end = begin + size;
    for (char const* at = begin;;) {
      while (at != end && !is_part_of_word[static_cast<unsigned char>(*at)]) ++at;
      char const* const word = at;
      std::uint32_t hash = word_table::hash_basis;
      while (at != end && is_part_of_word[static_cast<unsigned char>(*at)]) {
        hash = word_table::hash_step(hash, static_cast<unsigned char>(*at++));
      }
      if (at == end) return static_cast<std::size_t>(word - begin);
      table.add({word, static_cast<std::size_t>(at - word)}, hash);
      ++words;
    }
  }

  std::vector<char> buffer_ = std::vector<char>(std::size_t{64} * 1024);
};
