/// Turns events of the Redis link's connections into messages to its actor.
#pragma once

#include "redis/connection.hpp"
#include "redis/link_action.hpp"

#include <caf/actor_addr.hpp>

#include <limits>
#include <memory>

namespace status2::actors {

/// In place of a link's number: the connection that publishes markers.
inline constexpr auto publisher_id = std::numeric_limits<redis::link_id>::max();

/// Sends redis_opened, redis_read and so on of connection `id` to `link`, which
/// it knows weakly: handlers of a closed socket may outlive it.
std::unique_ptr<redis::connection_events> events_as_messages(
    caf::actor_addr link, redis::link_id id);

}  // namespace status2::actors
