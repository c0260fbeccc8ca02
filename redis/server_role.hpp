/// The role of a Redis server. Pure.
#pragma once

#include <cstdint>

namespace status2::redis {

/// A server's role that an attempt must find at the endpoint.
enum class server_role : std::uint8_t {
  any,
  master,        ///< ROLE says master
  cluster_node,  ///< CLUSTER INFO does not say that it lost the majority
};

}  // namespace status2::redis
