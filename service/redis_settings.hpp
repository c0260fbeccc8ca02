/// How a connection to the configured Redis is opened: for the broker and for
/// the commands that talk to Redis.
#pragma once

#include "redis/connection.hpp"
#include "service/configuration.hpp"

#include <boost/asio/io_context.hpp>

#include <string>
#include <string_view>

namespace status2::service {

/// Credentials, TLS and timeouts. Blocks: on the TLS files, if there are any.
redis::connection_settings redis_settings(const configuration& values);

/// The same, with a source for the connections that publish to `channel`. With
/// sharded Pub/Sub they go to the node of its slot.
redis::connection_settings redis_settings_for(boost::asio::io_context& loop,
                                              const configuration& values,
                                              const std::string& channel);

/// A channel for a canary, of this process alone, so that two brokers do not
/// judge by each other's.
std::string random_canary_channel();

/// PUBLISH, or SPUBLISH with sharded Pub/Sub; SUBSCRIBE likewise.
std::string_view publish_command(const configuration& values);
std::string_view subscribe_command(const configuration& values);

}  // namespace status2::service
