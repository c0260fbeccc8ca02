// The yardstick: what a delivery costs when nothing is done but the sends.
// One thread, one epoll loop, one send() a frame a viewer; no safety at all: a
// viewer that does not read is cut off, nothing reconnects, nobody is pinged.
#include "tests/bench/accept_key.hpp"
#include "tests/bench/event_loop.hpp"
#include "tests/bench/sockets.hpp"

#include <CLI/CLI.hpp>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {

using status2::bench::event_loop;
using status2::bench::io_handler;
using status2::bench::send_whole;

std::string text_frame(std::string_view text) {
  std::string frame{'\x81'};
  if (text.size() < 126) {
    frame.push_back(static_cast<char>(text.size()));
  } else {
    const bool wide = text.size() > 0xffff;
    frame.push_back(wide ? '\x7f' : '\x7e');
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8)
      frame.push_back(static_cast<char>(text.size() >> shift));
  }
  return frame.append(text);
}

std::string_view header_value(std::string_view head, std::string_view name) {
  std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  at += name.size();
  return head.substr(at, head.find('\r', at) - at);
}

class floor_server;

struct connection final : io_handler {
  connection(floor_server& owner, int socket) : server(owner), fd(socket) {}
  ~connection() { ::close(fd); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  void on_io(std::uint32_t events) override;

  floor_server& server;
  const int fd;
  std::string head;
  std::string channel;  ///< empty until the upgrade
};

struct acceptor final : io_handler {
  acceptor(floor_server& owner, int socket) : server(owner), fd(socket) {}
  void on_io(std::uint32_t events) override;

  floor_server& server;
  const int fd;
};

struct redis_link final : io_handler {
  redis_link(floor_server& owner, int socket)
      : server(owner), fd(socket), reader(::redisReaderCreate()) {}
  void on_io(std::uint32_t events) override;

  floor_server& server;
  const int fd;
  redisReader* const reader;
  std::string unsent;
};

class floor_server {
 public:
  floor_server(std::uint16_t port, std::uint16_t redis_port)
      : acceptor_(*this, status2::bench::listen_loopback(port)),
        redis_(*this, status2::bench::connect_loopback(redis_port)) {
    loop_.add(acceptor_.fd, EPOLLIN, acceptor_);
    loop_.add(redis_.fd, EPOLLIN | EPOLLOUT, redis_);
  }

  [[noreturn]] void run() {
    for (;;) {
      loop_.run_once(std::chrono::milliseconds(-1));
      ended_.clear();
    }
  }

  void on_accept() {
    const int fd =
        ::accept4(acceptor_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto client = std::make_unique<connection>(*this, fd);
    loop_.add(fd, EPOLLIN, *client);
    connections_.emplace(fd, std::move(client));
  }

  void on_client_bytes(connection& client, std::string_view bytes) {
    if (!client.channel.empty()) return;  // frames of a viewer: not read
    client.head.append(bytes);
    if (client.head.find("\r\n\r\n") != std::string::npos) upgrade(client);
  }

  void on_redis_bytes(std::string_view bytes) {
    ::redisReaderFeed(redis_.reader, bytes.data(), bytes.size());
    void* reply = nullptr;
    while (::redisReaderGetReply(redis_.reader, &reply) == REDIS_OK &&
           reply != nullptr) {
      on_reply(*static_cast<redisReply*>(reply));
      ::freeReplyObject(reply);
    }
  }

  void on_redis_writable() {
    if (!redis_.unsent.empty() && !send_whole(redis_.fd, redis_.unsent))
      throw std::runtime_error("Redis does not take a SUBSCRIBE");
    redis_.unsent.clear();
    loop_.modify(redis_.fd, EPOLLIN, redis_);
  }

  void drop(connection& client) {
    const auto channel = channels_.find(client.channel);
    if (channel != channels_.end()) std::erase(channel->second, &client);
    const auto found = connections_.find(client.fd);
    if (found == connections_.end()) return;  // dropped in this batch already
    ended_.push_back(std::move(found->second));
    connections_.erase(found);
  }

 private:
  void upgrade(connection& client) {
    const std::string_view head = client.head;
    const std::size_t begin = head.find('/') + 1;
    client.channel = head.substr(begin, head.find(' ', begin) - begin);
    const std::string accept =
        status2::bench::accept_key(header_value(head, "Sec-WebSocket-Key: "));
    send_whole(client.fd,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                   accept + "\r\n\r\n");
    client.head = {};
    const auto [found, is_new] = channels_.try_emplace(client.channel);
    found->second.push_back(&client);
    if (!is_new) return;
    redis_.unsent += "SUBSCRIBE " + client.channel + "\r\n";
    loop_.modify(redis_.fd, EPOLLIN | EPOLLOUT, redis_);
  }

  void on_reply(const redisReply& reply) {
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 3) return;
    const auto text = [&reply](std::size_t i) {
      return std::string_view(reply.element[i]->str,
                              static_cast<std::size_t>(reply.element[i]->len));
    };
    if (text(0) != "message") return;
    const auto channel = channels_.find(std::string(text(1)));
    if (channel == channels_.end()) return;
    const std::string frame = text_frame(R"({"type":"status","data":")" +
                                         std::string(text(2)) + R"("})");
    std::vector<connection*> failed;
    for (connection* const viewer : channel->second)
      if (!send_whole(viewer->fd, frame)) failed.push_back(viewer);
    for (connection* const viewer : failed)
      drop(*viewer);
  }

  event_loop loop_;
  acceptor acceptor_;
  redis_link redis_;
  std::unordered_map<int, std::unique_ptr<connection>> connections_;
  std::unordered_map<std::string, std::vector<connection*>> channels_;
  /// Kept until the events of the current batch are handed out.
  std::vector<std::unique_ptr<connection>> ended_;
};

// Reads once; what came, or nothing if the peer is gone.
std::string_view read_once(int fd, std::array<char, 65536>& buffer) {
  const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

void acceptor::on_io(std::uint32_t events) {
  server.on_accept();
}

void connection::on_io(std::uint32_t events) {
  std::array<char, 65536> buffer;
  const std::string_view bytes = read_once(fd, buffer);
  if (bytes.empty())
    server.drop(*this);
  else
    server.on_client_bytes(*this, bytes);
}

void redis_link::on_io(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) server.on_redis_writable();
  if ((events & EPOLLIN) == 0) return;
  std::array<char, 65536> buffer;
  const std::string_view bytes = read_once(fd, buffer);
  if (bytes.empty()) throw std::runtime_error("Redis is gone");
  server.on_redis_bytes(bytes);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::uint16_t port = 0;
    std::uint16_t redis_port = 0;
    CLI::App app{"The yardstick of the status2 benchmark: a bare epoll loop"};
    app.add_option("--port", port, "to listen on")->required();
    app.add_option("--redis-port", redis_port, "to subscribe at")->required();
    CLI11_PARSE(app, argc, argv);
    status2::bench::raise_file_limit();
    floor_server(port, redis_port).run();
  } catch (const std::exception& error) {
    std::cerr << "status2_floor: " << error.what() << '\n';
    return 1;
  }
}
