#include "redis/endpoint_sources.hpp"

#include "redis/sentinel_source.hpp"

#include <algorithm>
#include <utility>

namespace status2::redis {

namespace asio = boost::asio;

namespace {

/// A sentinel or a node that answers late is passed over for the next one.
std::chrono::nanoseconds patience(const source_settings& settings) {
  return std::min<std::chrono::nanoseconds>(settings.request_timeout,
                                            std::chrono::milliseconds{300});
}

std::shared_ptr<tls_context> tls_for(const redis_url& url,
                                     const source_settings& settings) {
  if (!url.tls) return nullptr;
  return settings.tls ? settings.tls : make_tls_context({});
}

}  // namespace

std::shared_ptr<endpoint_source> make_endpoint_source(
    asio::io_context& loop, const redis_url& url,
    const source_settings& settings) {
  if (url.kind == topology::cluster)
    return make_cluster_source(loop, url, settings);
  if (url.kind == topology::standalone)
    return std::make_shared<endpoint_list>(loop, url.endpoints);
  sentinel_settings wanted;
  wanted.sentinels = url.endpoints;
  wanted.master_name = url.master_name;
  wanted.user = url.sentinel_user;
  wanted.password = url.sentinel_password;
  wanted.tls = tls_for(url, settings);
  wanted.timeout = patience(settings);
  return std::make_shared<sentinel_source>(loop, std::move(wanted));
}

std::shared_ptr<cluster_source> make_cluster_source(
    asio::io_context& loop, const redis_url& url,
    const source_settings& settings) {
  cluster_settings wanted;
  wanted.seeds = url.endpoints;
  wanted.user = url.user;
  wanted.password = url.password;
  wanted.tls = tls_for(url, settings);
  wanted.timeout = patience(settings);
  return std::make_shared<cluster_source>(loop, std::move(wanted));
}

}  // namespace status2::redis
