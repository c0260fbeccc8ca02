#include "service/redis_settings.hpp"

#include "redis/endpoint_sources.hpp"
#include "redis/slot_source.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <random>

namespace status2::service {

redis::connection_settings redis_settings(const configuration& values) {
  return {.url = values.redis,
          .tls = values.redis.tls ? redis::make_tls_context(values.redis_tls)
                                  : nullptr,
          .request_timeout = values.redis_request_timeout};
}

redis::connection_settings redis_settings_for(boost::asio::io_context& loop,
                                              const configuration& values,
                                              const std::string& channel) {
  auto settings = redis_settings(values);
  const redis::source_settings how{settings.tls, settings.request_timeout};
  if (values.redis_sharded)
    settings.source = std::make_shared<redis::slot_source>(
        redis::make_cluster_source(loop, values.redis, how), channel);
  else
    settings.source = redis::make_endpoint_source(loop, values.redis, how);
  return settings;
}

std::string random_canary_channel() {
  std::random_device random;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "status2:canary.%08x%08x", random(),
                random());
  return text.data();
}

std::string_view publish_command(const configuration& values) {
  return values.redis_sharded ? "SPUBLISH" : "PUBLISH";
}

std::string_view subscribe_command(const configuration& values) {
  return values.redis_sharded ? "SSUBSCRIBE" : "SUBSCRIBE";
}

}  // namespace status2::service
