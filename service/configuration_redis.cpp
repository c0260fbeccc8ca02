// Which Redis the configuration leads to, and how the broker logs in there.
#include "service/configuration_keys.hpp"
#include "service/configuration_load.hpp"
#include "service/size.hpp"

#include <array>
#include <utility>

namespace status2::service {

namespace {

/// Reads `6379` or, as Kubernetes sets it beside a service named redis,
/// `tcp://10.96.12.7:6379`. The host is empty if there is none.
std::optional<redis::endpoint> read_port(std::string_view text) {
  constexpr std::string_view scheme = "tcp://";
  if (text.starts_with(scheme)) {
    text.remove_prefix(scheme.size());
    if (text.find_first_of("/?#@,") != std::string_view::npos)
      return std::nullopt;
    auto url = redis::parse_url("redis://" + std::string(text));
    if (!url) return std::nullopt;
    return url->endpoints.front();
  }
  const auto number = parse_count(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return redis::endpoint{.host = {},
                         .port = static_cast<std::uint16_t>(*number)};
}

/// REDIS_HOST and REDIS_PORT with database 2.
void use_host_and_port(load_result& result) {
  auto& values = result.values;
  const auto port = read_port(values.fallback_redis_port);
  if (!port) return refuse(result, "REDIS_PORT");
  auto host = values.fallback_redis_host;
  if (host.find_first_of("/?#@,") != std::string::npos)
    return refuse(result, "REDIS_HOST");
  if (is_default(result, "REDIS_HOST") && !port->host.empty())
    host = port->host;
  if (host.find(':') != std::string::npos && host.front() != '[')
    host = "[" + host + "]";
  values.redis_url =
      "redis://" + host + ":" + std::to_string(port->port) + "/2";
  auto url = redis::parse_url(values.redis_url);
  if (!url) return refuse(result, "REDIS_HOST");
  values.redis = std::move(*url);
  result.origins["STATUS_REDIS_URL"] = {values.redis_url,
                                        "REDIS_HOST, REDIS_PORT"};
}

/// STATUS_REDIS_URL, REDIS_URL, then REDIS_HOST and REDIS_PORT.
void choose_address(load_result& result) {
  auto& values = result.values;
  std::string_view source = "STATUS_REDIS_URL";
  if (is_default(result, source)) {
    if (!values.fallback_redis_url.empty()) {
      source = "REDIS_URL";
      values.redis_url = values.fallback_redis_url;
      result.origins["STATUS_REDIS_URL"] = {redact_url(values.redis_url),
                                            std::string(source)};
    } else if (!is_default(result, "REDIS_HOST") ||
               !is_default(result, "REDIS_PORT")) {
      return use_host_and_port(result);
    }
  }
  auto url = redis::parse_url(values.redis_url);
  if (!url) return refuse(result, source, url.problem);
  values.redis = std::move(*url);
}

/// The text of the file that `variable` names, for a password.
void read_password(load_result& result, std::string_view variable,
                   const std::string& path, std::string& password) {
  if (path.empty() || !password.empty()) return;
  auto text = read_file(path);
  if (!text) return refuse(result, variable, "cannot be read");
  note_content(result, variable, *text);
  password = std::move(*text);
}

/// STATUS_REDIS_PASSWORD_FILE, REDIS_PASSWORD_FILE, then REDIS_PASSWORD, for a
/// URL that has none.
void choose_password(load_result& result, const std::string& last) {
  auto& values = result.values;
  auto& password = values.redis.password;
  read_password(result, "STATUS_REDIS_PASSWORD_FILE",
                values.redis_password_file, password);
  read_password(result, "REDIS_PASSWORD_FILE",
                values.fallback_redis_password_file, password);
  if (password.empty()) password = last;
}

void choose_sentinel_login(load_result& result) {
  auto& values = result.values;
  if (values.redis.kind != redis::topology::sentinel) {
    ignore(result, "STATUS_REDIS_SENTINEL_USER");
    ignore(result, "STATUS_REDIS_SENTINEL_PASSWORD_FILE");
    return;
  }
  values.redis.sentinel_user = values.redis_sentinel_user;
  read_password(result, "STATUS_REDIS_SENTINEL_PASSWORD_FILE",
                values.redis_sentinel_password_file,
                values.redis.sentinel_password);
}

void choose_tls_files(load_result& result) {
  auto& values = result.values;
  const std::array<std::pair<std::string_view, const std::string*>, 3> files{{
      {"STATUS_REDIS_CA_FILE", &values.redis_ca_file},
      {"STATUS_REDIS_CERT_FILE", &values.redis_cert_file},
      {"STATUS_REDIS_KEY_FILE", &values.redis_key_file},
  }};
  for (const auto& [variable, path] : files) {
    if (!values.redis.tls) {
      ignore(result, variable);
    } else if (!path->empty()) {
      if (const auto text = read_file(*path))
        note_content(result, variable, *text);
      else
        refuse(result, variable, "cannot be read");
    }
  }
  if (!values.redis.tls) return;
  const bool has_cert = !values.redis_cert_file.empty();
  const bool has_key = !values.redis_key_file.empty();
  if (has_cert && !has_key)
    refuse(result, "STATUS_REDIS_CERT_FILE", "needs STATUS_REDIS_KEY_FILE too");
  if (has_key && !has_cert)
    refuse(result, "STATUS_REDIS_KEY_FILE", "needs STATUS_REDIS_CERT_FILE too");
  values.redis_tls = {values.redis_ca_file, values.redis_cert_file,
                      values.redis_key_file};
}

}  // namespace

void choose_redis(load_result& result, const std::string& password) {
  auto& values = result.values;
  choose_address(result);
  if (!result.error.empty()) return;
  for (const auto& option : values.redis.unknown_options)
    values.ignored.push_back("option " + one_line(option) +
                             " of the Redis URL");
  if (values.redis_sharded && values.redis.kind != redis::topology::cluster)
    refuse(result, "STATUS_REDIS_SHARDED",
           "needs a URL that begins with redis-cluster://");
  choose_password(result, password);
  choose_sentinel_login(result);
  choose_tls_files(result);
}

}  // namespace status2::service
