#include "tests/support/tcp_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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
      tls_(std::move(other.tls_)),
      buffer_(std::move(other.buffer_)),
      closed_(other.closed_) {}

tcp_client& tcp_client::operator=(tcp_client&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(tls_, other.tls_);
  std::swap(buffer_, other.buffer_);
  std::swap(closed_, other.closed_);
  return *this;
}

void tcp_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent =
        tls_ ? SSL_write(tls_.get(), bytes.data(),
                         static_cast<int>(bytes.size()))
             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool tcp_client::receive(steady_clock::time_point until) {
  if (closed_) return false;
  pollfd wanted{socket_, POLLIN, 0};
  const bool here = tls_ && SSL_pending(tls_.get()) > 0;
  if (!here && ::poll(&wanted, 1, milliseconds_until(until)) <= 0) return false;
  std::array<char, 65536> bytes;
  const auto got =
      tls_ ? SSL_read(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
           : ::recv(socket_, bytes.data(), bytes.size(), 0);
  // A part of a record, a ticket, or a signal.
  if (got <= 0 && tls_ &&
      SSL_get_error(tls_.get(), static_cast<int>(got)) == SSL_ERROR_WANT_READ)
    return true;
  if (got <= 0) {
    closed_ = true;
    return false;
  }
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

void tcp_client::secure(const tls_client_options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  if (!options.first.empty()) send(options.first);
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  // So that a test can ask for what the broker refuses.
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (!options.newest)
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  if (!options.certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(),
                                       options.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(),
                                SSL_FILETYPE_PEM);
  }
  const auto size = static_cast<char>(options.protocol.size());
  const auto offered = std::string(1, size) + options.protocol;
  if (size > 0)
    SSL_CTX_set_alpn_protos(
        context.get(), reinterpret_cast<const unsigned char*>(offered.data()),
        static_cast<unsigned>(offered.size()));
  tls_.reset(SSL_new(context.get()), SSL_free);
  if (options.ticket) SSL_set_session(tls_.get(), options.ticket.get());
  const timeval longest{patience.count(), 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  SSL_set_fd(tls_.get(), socket_);
  int done = 0;
  do {
    ERR_clear_error();
    done = SSL_connect(tls_.get());
    // A signal may interrupt it.
  } while (done != 1 && SSL_get_error(tls_.get(), done) == SSL_ERROR_WANT_READ);
  if (done == 1) return;
  const char* reason = ERR_reason_error_string(ERR_get_error());
  throw std::runtime_error(reason == nullptr ? "no TLS" : reason);
}

std::string tcp_client::cipher() const {
  return SSL_get_version(tls_.get()) + std::string(" ") +
         SSL_get_cipher_name(tls_.get());
}

std::string tcp_client::server_name() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(tls_.get()), X509_free);
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()),
                            NID_commonName, name.data(), name.size());
  return name.data();
}

bool tcp_client::resumed() const {
  return SSL_session_reused(tls_.get()) != 0;
}

std::shared_ptr<ssl_session_st> tcp_client::ticket() const {
  return {SSL_get1_session(tls_.get()), SSL_SESSION_free};
}

void tcp_client::update_keys() {
  SSL_key_update(tls_.get(), SSL_KEY_UPDATE_REQUESTED);
  SSL_do_handshake(tls_.get());
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
  tls_.reset();
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
