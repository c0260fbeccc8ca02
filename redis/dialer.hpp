/// Connects to the first of several endpoints that answers: resolves names,
/// races their addresses (redis/dial_schedule.hpp) and, for a link that is
/// away, knocks until somebody answers.
#pragma once

#include "redis/connect_budget.hpp"
#include "redis/endpoint.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace status2::redis {

using dialed_socket = boost::asio::generic::stream_protocol::socket;
using dialed_address = boost::asio::generic::stream_protocol::endpoint;

/// What a dial leaves to the next one, for all dials of one owner.
/// Thread: that of its owner's loop.
struct dial_memory {
  /// Addresses of names as they were last found: a dial that knocks tries them
  /// if a lookup does not answer within 50 ms, or cannot answer now.
  std::map<std::string, std::vector<dialed_address>> addresses;
  connect_budget budget;
};

struct dial_settings {
  /// Longest time for resolving, and for each attempt at an address.
  std::chrono::nanoseconds timeout{std::chrono::seconds{1}};
  /// Whether to try the addresses again and again until the timeout of the
  /// last one is over; false: each once.
  bool knocks = false;
  std::shared_ptr<dial_memory> memory = std::make_shared<dial_memory>();
};

/// Thread: called on the dial's loop, never from inside dial() or cancel().
struct dial_events {
  /// Connected to `where`; the last event.
  std::function<void(dialed_socket, const endpoint& where)> connected;
  /// The dial is over and nobody answered; the last event.
  std::function<void(const std::string& error)> failed;
  /// Nobody has answered so far; a dial that knocks goes on.
  std::function<void(const std::string& error)> unanswered =
      [](const std::string&) {};
};

/// Thread: that of its loop.
class dialer {
 public:
  virtual ~dialer() = default;
  /// Ends the dial without an event.
  virtual void cancel() = 0;
};

/// Starts to dial `endpoints`, the first of them preferred: the others wait up
/// to 250 ms until its name is resolved.
/// Errors: dial_events::failed.
std::shared_ptr<dialer> dial(boost::asio::io_context& loop,
                             const std::vector<endpoint>& endpoints,
                             const dial_settings& settings, dial_events events);

/// `addresses` in the order in which they are raced: IPv6 first, then the
/// families by turns, each in the order given.
/// Source: RFC 8305, section 4.
std::vector<dialed_address> in_race_order(
    const std::vector<dialed_address>& addresses);

}  // namespace status2::redis
