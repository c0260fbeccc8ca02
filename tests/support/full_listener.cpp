#include "tests/support/full_listener.hpp"

#include "tests/support/eventually.hpp"

#include <chrono>
#include <netinet/tcp.h>
#include <stdexcept>

namespace status2::support {

namespace {

using boost::asio::ip::tcp;

/// Connections that wait to be accepted.
unsigned waiting(tcp::acceptor& acceptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  ::getsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info.tcpi_unacked;
}

}  // namespace

full_listener::full_listener(const std::string& address, std::uint16_t port)
    : acceptor_(context_) {
  const tcp::endpoint here(boost::asio::ip::make_address(address), port);
  acceptor_.open(here.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind(here);
  // Linux lets one connection more wait than it is asked for.
  acceptor_.listen(1);
  for (auto& each : fillers_)
    each.connect(acceptor_.local_endpoint());
  if (!eventually(std::chrono::seconds{10},
                  [this] { return waiting(acceptor_) == fillers_.size(); }))
    throw std::runtime_error("the backlog of " + address + " does not fill");
}

void full_listener::make_room() {
  acceptor_.accept();
}

}  // namespace status2::support
