/// The source of endpoints that fits a URL.
#pragma once

#include "redis/cluster_source.hpp"
#include "redis/endpoint_source.hpp"
#include "redis/tls.hpp"
#include "redis/url.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>

namespace status2::redis {

struct source_settings {
  /// For sentinels and for questions to cluster nodes, if the URL says TLS.
  /// Null: made with the certificates of the system.
  std::shared_ptr<tls_context> tls{};
  /// A sentinel or node has this time for an answer, and at most 300 ms.
  std::chrono::nanoseconds request_timeout{std::chrono::seconds{1}};
};

std::shared_ptr<endpoint_source> make_endpoint_source(
    boost::asio::io_context& loop, const redis_url& url,
    const source_settings& settings);

/// For a URL of a cluster: a source that is a cluster_map as well.
std::shared_ptr<cluster_source> make_cluster_source(
    boost::asio::io_context& loop, const redis_url& url,
    const source_settings& settings);

}  // namespace status2::redis
