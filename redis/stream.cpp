#include "redis/stream.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace status2::redis {

void stream::set_no_delay() {
  error_code ignored;  // a Unix socket has no such option
  socket_.set_option(boost::asio::ip::tcp::no_delay{true}, ignored);
}

}  // namespace status2::redis
