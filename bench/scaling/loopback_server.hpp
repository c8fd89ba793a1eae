// bench/scaling/loopback_server.hpp · a server on this machine that takes its time to answer
// SPDX-License-Identifier: MIT
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include <spool/thread_pool.hpp>

namespace scaling {

/// Answers every connection after 5 ms with some bytes, many at the same time.
class loopback_server {
public:
  loopback_server() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (socket_ < 0 || ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket_, 128) != 0 || ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no server on the loopback interface");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] {
      for (int connection; (connection = ::accept(socket_, nullptr, nullptr)) >= 0;) {
        answers_.post([connection] { answer(connection); });
      }
    });
  }
  loopback_server(const loopback_server&) = delete;
  loopback_server& operator=(const loopback_server&) = delete;
  ~loopback_server() {
    ::shutdown(socket_, SHUT_RDWR);
    acceptor_.join();
    ::close(socket_);
  }

  std::uint16_t port() const { return port_; }

  /// How many bytes it answers.
  std::uint64_t ask() const {
    const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port_);
    std::uint64_t bytes = 0;
    if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      std::vector<char> buffer(4096);
      for (ssize_t n; (n = ::recv(connection, buffer.data(), buffer.size(), 0)) > 0;) {
        bytes += static_cast<std::uint64_t>(n);
      }
    }
    ::close(connection);
    return bytes;
  }

private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  static void answer(int connection) {
    static const std::vector<char> bytes(16'384, 'x');
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    ::shutdown(connection, SHUT_WR);
    ::close(connection);
  }

  int socket_;
  std::uint16_t port_ = 0;
  spool::thread_pool answers_{64};
  std::thread acceptor_;
};

}  // namespace scaling
