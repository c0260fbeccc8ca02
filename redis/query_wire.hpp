/// One connection to a Redis or a sentinel on which answers arrive as trees of
/// values: dials, secures, writes and reads. Knows no questions.
#pragma once

#include "redis/answer.hpp"
#include "redis/dialer.hpp"
#include "redis/stream.hpp"

#include <boost/asio/io_context.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace status2::redis {

/// Thread: called on the wire's loop, never from inside a member of the wire.
struct wire_events {
  /// Connected, and secured if TLS was asked for.
  std::function<void()> opened;
  /// Answers that one read completed, in order.
  std::function<void(std::vector<answer>)> answered;
  /// The last event: why the wire ended or could not be opened.
  std::function<void(const std::string& error)> lost;
};

/// Thread: that of its loop.
class query_wire : public std::enable_shared_from_this<query_wire> {
 public:
  query_wire(boost::asio::io_context& loop, endpoint where,
             std::shared_ptr<tls_context> tls, wire_events events)
      : loop_(loop),
        where_(std::move(where)),
        tls_(std::move(tls)),
        events_(std::move(events)) {}

  /// Dials each address of the endpoint once. Errors: wire_events::lost.
  void open(const dial_settings& settings);
  /// Sends bytes of whole commands; only after opened().
  void send(const std::string& bytes);
  /// Ends the wire without an event.
  void close();

 private:
  template <class Member>
  auto then(Member member);

  void on_connected(dialed_socket socket);
  void on_secured(boost::system::error_code error);
  void on_readable(boost::system::error_code error);
  void on_written(boost::system::error_code error);
  void read();
  void wait();
  void flush();
  void fail(const std::string& error);

  boost::asio::io_context& loop_;
  const endpoint where_;
  const std::shared_ptr<tls_context> tls_;
  wire_events events_;
  bool closed_ = false;
  std::shared_ptr<dialer> dialer_;
  std::optional<stream> stream_;
  answer_reader reader_;
  std::array<char, 16384> buffer_{};
  bool read_postponed_ = false;  ///< TLS: until the write has ended
  std::string sending_;
  std::string unsent_;
};

}  // namespace status2::redis
