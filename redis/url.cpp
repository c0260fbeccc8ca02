#include "redis/url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <charconv>

namespace status2::redis {

namespace {

std::optional<std::uint32_t> parse_database(std::string_view text) {
  std::uint32_t number = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return number;
}

void read_credentials(const boost::urls::url_view& url, redis_url& result) {
  result.user = url.user();
  result.password = url.password();
}

std::optional<redis_url> parse_unix(const boost::urls::url_view& url) {
  redis_url result;
  if (!url.host().empty() || url.has_port() || url.has_fragment())
    return std::nullopt;
  result.unix_path = url.path();
  if (result.unix_path.empty()) return std::nullopt;
  for (auto parameter : url.params()) {
    auto number = parse_database(parameter.value);
    if (parameter.key != "db" || !number) return std::nullopt;
    result.database = *number;
  }
  read_credentials(url, result);
  return result;
}

std::optional<redis_url> parse_network(const boost::urls::url_view& url) {
  redis_url result;
  result.tls = url.scheme() == "rediss";
  result.host = url.host_address();
  if (result.host.empty() || url.has_query() || url.has_fragment())
    return std::nullopt;
  if (url.has_port()) {
    result.port = url.port_number();
    if (result.port == 0) return std::nullopt;
  }
  auto path = std::string(url.path());
  if (path.size() > 1) {
    auto number = parse_database(std::string_view(path).substr(1));
    if (!number) return std::nullopt;
    result.database = *number;
  }
  read_credentials(url, result);
  return result;
}

}  // namespace

std::optional<redis_url> parse_url(std::string_view text) {
  auto parsed = boost::urls::parse_uri(text);
  if (parsed.has_error() || !parsed->has_authority()) return std::nullopt;
  if (parsed->scheme() == "unix") return parse_unix(*parsed);
  if (parsed->scheme() == "redis" || parsed->scheme() == "rediss")
    return parse_network(*parsed);
  return std::nullopt;
}

std::string redacted(const redis_url& url) {
  if (!url.unix_path.empty())
    return "unix://" + url.unix_path + "?db=" + std::to_string(url.database);
  bool v6 = url.host.find(':') != std::string::npos;
  return (url.tls ? "rediss://" : "redis://") +
         (v6 ? "[" + url.host + "]" : url.host) + ":" +
         std::to_string(url.port) + "/" + std::to_string(url.database);
}

}  // namespace status2::redis
