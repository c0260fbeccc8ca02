/// A connection to Redis that an operator may harm: it stalls, delays or drops
/// as connection_settings::fault says.
#pragma once

#include "redis/connection.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace status2::redis {

/// Opens a connection whose events pass through the faults of
/// `settings.fault`, which must not be null. Events that a stall or a delay
/// holds back keep their order; if the connection ends meanwhile they are lost,
/// as they are on a network.
/// Errors: connection_events::on_closed.
/// Limits: events of at most 64 MB are held back, then the connection closes.
std::shared_ptr<connection> open_with_faults(
    boost::asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events);

}  // namespace status2::redis
