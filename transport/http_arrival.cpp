// What comes before the first request of a connection: the PROXY header, which
// names the client, and the TLS handshake.
#include "transport/http_connection.hpp"
#include "transport/proxy_header.hpp"
#include "transport/tls_stream.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace status2::transport {

namespace {

address address_of(const proxied_client& client) {
  namespace ip = boost::asio::ip;
  if (client.v6) return ip::address_v6(client.bytes);
  ip::address_v4::bytes_type bytes{};
  std::copy_n(client.bytes.begin(), bytes.size(), bytes.begin());
  return ip::address_v4(bytes);
}

}  // namespace

bool http_connection::read_proxy_header() {
  const auto& settings = context_->settings;
  form_ = {};
  more_follows_ = true;
  const bool trusted = settings.trusted_proxies.trusts(remote_);
  const auto refused = [this](refusal why) {
    refuse(why);
    return false;
  };
  if (!trusted && !comes_from_here()) return refused(refusal::proxy_peer);
  const auto found =
      transport::read_proxy_header(input_.view(), settings.max_header_size);
  if (found.state == proxy_header_state::more) return false;
  if (found.state == proxy_header_state::wrong)
    return refused(refusal::proxy_header);
  // A health check of this machine names nobody and needs no trust.
  if (!trusted && !found.header.local) return refused(refusal::proxy_peer);
  if (const auto& client = found.header.client)
    remote_ = {address_of(*client), client->port};
  else
    remote_.named = found.header.local;
  unnamed_ = false;
  input_.take(found.size);
  parser_->header_limit(
      static_cast<std::uint32_t>(settings.max_header_size - found.size));
  return true;
}

void http_connection::read_up_to_tls() {
  const auto buffer = context_->loop.sockets().scratch();
  const auto count = ::recv(stream_.fd(), buffer.data(), buffer.size(),
                            MSG_DONTWAIT | MSG_PEEK);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return close();
  input_.add({buffer.data(), static_cast<std::size_t>(count)});
  const bool whole = read_proxy_header();
  if (phase_ != phase::reading) return;
  const auto of_tls = whole ? input_.view().size() : 0;
  // TCP drops bytes that are read with this flag.
  ::recv(stream_.fd(), nullptr, static_cast<std::size_t>(count) - of_tls,
         MSG_DONTWAIT | MSG_TRUNC);
  if (!whole) return;
  input_.clear();
  begin_tls();
}

void http_connection::begin_tls() {
  constexpr char handshake_record = 0x16;  // source: RFC 8446 section 5.1
  char first = 0;
  const auto count =
      ::recv(stream_.fd(), &first, sizeof first, MSG_DONTWAIT | MSG_PEEK);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return close();
  plain_yet_ = false;
  if (first != handshake_record) {
    form_ = {};
    more_follows_ = true;
    return refuse(refusal::plain_http);
  }
  stream_.secure(*context_->settings.tls);
  wait_for_turn();
}

void http_connection::shake_hands() {
  auto& counters = context_->loop.counters();
  switch (stream_.shake_hands()) {
    case tls_progress::done:
      (stream_.tls()->resumed() ? counters.tls_handshakes_resumed
                                : counters.tls_handshakes)
          .add();
      enter(phase::reading);
      read();
      break;
    case tls_progress::readable:
      securing_for_ = EPOLLIN;
      enter(phase::securing);
      break;
    case tls_progress::writable:
      securing_for_ = EPOLLOUT;
      enter(phase::securing);
      break;
    case tls_progress::failed:
      on_tls_failed();
      break;
  }
}

void http_connection::on_tls_failed() {
  context_->loop.counters().tls_handshakes_failed.add();
  context_->events->on_tls_failed(to_text(remote_), stream_.tls()->problem());
  discard();
}

bool http_connection::comes_from_here() const {
  if (!remote_.unix_path.empty()) return true;
  const auto who = plain(remote_.where);
  boost::asio::ip::tcp::endpoint local;
  auto length = static_cast<socklen_t>(local.capacity());
  return who.is_loopback() ||
         (::getsockname(stream_.fd(), local.data(), &length) == 0 &&
          plain(local.address()) == who);
}

}  // namespace status2::transport
