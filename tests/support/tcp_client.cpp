#include "tests/support/tcp_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace status2::support {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

int milliseconds_until(steady_clock::time_point until) {
  const auto left =
      std::chrono::ceil<milliseconds>(until - steady_clock::now());
  return static_cast<int>(std::max(left, milliseconds{0}).count());
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
  return result;
}

}  // namespace

tcp_client::tcp_client(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int done =
      ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (done != 0) {
    close();
    throw std::runtime_error("no connection to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

tcp_client::tcp_client(const std::string& unix_path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address),
                sizeof address) != 0) {
    close();
    throw std::runtime_error("no connection to " + unix_path);
  }
}

tcp_client::~tcp_client() {
  close();
}

tcp_client::tcp_client(tcp_client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      buffer_(std::move(other.buffer_)),
      closed_(other.closed_) {}

tcp_client& tcp_client::operator=(tcp_client&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(buffer_, other.buffer_);
  std::swap(closed_, other.closed_);
  return *this;
}

void tcp_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool tcp_client::receive(steady_clock::time_point until) {
  if (closed_) return false;
  pollfd wanted{socket_, POLLIN, 0};
  if (::poll(&wanted, 1, milliseconds_until(until)) <= 0) return false;
  std::array<char, 65536> bytes;
  const auto got = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (got <= 0) {
    closed_ = true;
    return false;
  }
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

void tcp_client::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void tcp_client::finish() {
  ::shutdown(socket_, SHUT_WR);
}

void tcp_client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  closed_ = true;
}

void tcp_client::receive_buffer(int bytes) {
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::optional<std::string> http_response::header(std::string_view name) const {
  const std::string wanted = "\r\n" + std::string(name) + ": ";
  const auto at = lower(head).find(wanted);
  if (at == std::string::npos) return std::nullopt;
  const auto from = at + wanted.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

http_response read_response(tcp_client& connection, bool with_body) {
  constexpr std::string_view blank_line = "\r\n\r\n";
  const auto until = steady_clock::now() + patience;
  auto& bytes = connection.buffer();
  http_response response;
  auto end = bytes.find(blank_line);
  while (end == std::string::npos && connection.receive(until))
    end = bytes.find(blank_line);
  if (end == std::string::npos) return response;
  response.head = bytes.substr(0, end + blank_line.size());
  bytes.erase(0, response.head.size());
  const auto space = response.head.find(' ');
  response.status = static_cast<unsigned>(
      std::strtoul(response.head.c_str() + space, nullptr, 10));
  if (!with_body || response.status == 101) return response;
  auto length = std::string::npos;
  if (const auto text = response.header("content-length"))
    length = std::strtoull(text->c_str(), nullptr, 10);
  while (bytes.size() < length && connection.receive(until)) {
  }
  response.body = bytes.substr(0, length);
  bytes.erase(0, response.body.size());
  return response;
}

http_response request(std::uint16_t port, std::string_view method,
                      std::string_view path, std::string_view headers) {
  tcp_client connection(port);
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\n");
  text.append(headers).append("\r\n");
  connection.send(text);
  return read_response(connection, method != "HEAD");
}

}  // namespace status2::support
