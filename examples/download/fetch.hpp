// examples/download/fetch.hpp · the task that a thread of the pool carries out: one chunk of one file
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <stop_token>
#include <string>
#include <utility>

#include "connection_limit.hpp"
#include "download.hpp"
#include "failure.hpp"
#include "http.hpp"
#include "http_client.hpp"
#include "progress.hpp"
#include "remote_file.hpp"
#include "retry.hpp"
#include "url.hpp"

/// What all tasks share.
struct fetch_context {
  http_settings http;
  unsigned retries;
  connection_limits limits;
  progress& screen;
};

/// A thread keeps its connection from task to task.
inline http_client& client_of_this_thread(http_settings const& settings) {
  thread_local http_client client(settings);
  return client;
}

/// Calls `attempt` with a client, again and again if need be, in the limits of the server and of the user's patience.
template <class Attempt, class HasGained>
void ask_server(std::stop_token stop, fetch_context& with, std::string const& url, std::string const& name,
                Attempt attempt, HasGained has_gained) {
  connection_limit& limit = with.limits.of(server_of(url));
  with_retries(
      stop, with.retries, [&] { limit.run(stop, [&] { attempt(client_of_this_thread(with.http)); }); }, has_gained,
      [&](transient_failure const& error, std::chrono::milliseconds wait) {
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%.1f", static_cast<double>(wait.count()) / 1000);
        with.screen.tell(remark{name + ": " + error.what() + "; again in " + seconds + " s" +
                                (error.counts ? "" : ", with one connection less")});
      });
}

inline remote_file look_at(std::stop_token stop, std::string const& url, fetch_context& with) {
  remote_file result;
  ask_server(
      stop, with, url, url, [&](http_client& client) { result = look_at(url, with.http, client, stop); },
      [] { return false; });
  return result;
}

/// Gets chunk i into the part file. What has come before a failure stays: the next attempt asks for the rest.
/// Throws  failure, file_changed, ranges_ignored, stopped.
inline void fetch_chunk(std::stop_token stop, download& file, std::size_t file_number, std::size_t i,
                        fetch_context& with) {
  file_version const& version = file.from().version;
  chunk rest = file[i];
  std::uint64_t begin_before = rest.begin;

  auto const check = [&](http_answer const& answer) {
    if (answer.status == 412 || answer.status == 416) throw file_changed();
    throw_if_error(answer);
    if (!version.is_of(answer)) throw file_changed();
    if (answer.status == 206) {
      content_range const got = range_in(answer);
      if (got.total && got.total != version.length) throw file_changed();
      if (got.begin == rest.begin) return;
      throw failure(exit_code::server, "the server sends another part of the file than that asked for");
    }
    if (answer.status != 200) throw failure(exit_code::server, "the server answers " + std::to_string(answer.status));
    if (answer.length && answer.length != version.length) throw file_changed();
    throw ranges_ignored();
  };

  auto const write = [&](std::span<char const> bytes) {
    if (bytes.size() > rest.size()) throw failure(exit_code::server, "the server sends more than was asked for");
    file.part().write_at(rest.begin, bytes);
    rest.begin += bytes.size();
    with.screen.tell(bytes_received{file_number, bytes.size()});
  };

  auto const attempt = [&](http_client& client) {
    if (rest.size() == 0) return;
    client.perform({.url = file.from().url,
                    .range = std::to_string(rest.begin) + "-" + std::to_string(rest.end - 1),
                    .if_range = version.strong_mark()},
                   stop, check, write);
    if (rest.size() != 0) throw transient_failure(exit_code::network, "the server sends less than was asked for");
  };

  auto const has_gained = [&] { return std::exchange(begin_before, rest.begin) != rest.begin; };

  ask_server(stop, with, file.from().url, file.name(), attempt, has_gained);
  file.part().sync();
}

/// Gets a file that can't be had in parts. Each attempt begins anew.
inline void fetch_whole(std::stop_token stop, download& file, std::size_t file_number, std::size_t,
                        fetch_context& with) {
  std::uint64_t got = 0;
  std::optional<std::uint64_t> length;

  auto const check = [&](http_answer const& answer) {
    throw_if_error(answer);
    if (answer.status != 200) throw failure(exit_code::server, "the server answers " + std::to_string(answer.status));
    length = answer.length ? answer.length : file.from().version.length;
  };

  auto const write = [&](std::span<char const> bytes) {
    file.part().write_at(got, bytes);
    got += bytes.size();
    with.screen.tell(bytes_received{file_number, bytes.size()});
  };

  auto const attempt = [&](http_client& client) {
    if (got != 0) with.screen.tell(bytes_dropped{file_number});
    got = 0;
    file.part().resize(0);
    client.perform({.url = file.from().url}, stop, check, write);
    if (length && *length != got)
      throw transient_failure(exit_code::network, "the server sends less than it announced");
  };

  ask_server(stop, with, file.from().url, file.name(), attempt, [] { return false; });
  file.part().sync();
}
