#include "service/configuration.hpp"

#include "service/configuration_keys.hpp"
#include "service/memory_limit.hpp"

#include <boost/algorithm/string/trim.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

namespace status2::service {

namespace {

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string lookup(const variables& texts, std::string_view name) {
  const auto found = texts.find(name);
  return found == texts.end() ? std::string() : found->second;
}

/// `text` on one line, whatever is in it.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char letter) { return letter < ' ' || letter == 0x7f; }, '?');
  return text;
}

std::string complaint(const key& row, const load_result::origin& origin,
                      std::string_view problem = {}) {
  std::string line(row.variable);
  line += "=" + one_line(origin.text);
  if (origin.source.starts_with("--")) line += " (from " + origin.source + ")";
  line += problem.empty() ? " is not accepted" : ": " + std::string(problem);
  return line + "; accepted: " + accepted(row);
}

/// Parses every key into `result`. Errors: result.error.
void read_keys(const variables& environment, const variables& flags,
               load_result& result, std::string& password) {
  for (const auto& row : keys()) {
    auto text = lookup(flags, row.variable);
    std::string source = text.empty() ? "environment" : flag_name(row);
    if (text.empty()) text = lookup(environment, row.variable);
    if (text.empty()) {
      text = row.standard;
      source = "default";
    }
    if (row.kind == key_kind::secret) {
      password = text;
      continue;
    }
    auto& origin = result.origins[std::string(row.variable)];
    origin = {holds_secret(row) ? redact_url(text) : text, source};
    if (!assign(row, text, result.values)) {
      result.error = complaint(row, origin);
      return;
    }
  }
}

bool is_default(const load_result& result, std::string_view variable) {
  return result.origins.find(variable)->second.source == "default";
}

/// REDIS_HOST and REDIS_PORT with db 2; empty if neither is set.
std::string url_of_host(const load_result& result) {
  if (is_default(result, "REDIS_HOST") && is_default(result, "REDIS_PORT"))
    return {};
  auto host = result.values.fallback_redis_host;
  if (host.find(':') != std::string::npos && host.front() != '[')
    host = "[" + host + "]";
  return "redis://" + host + ":" +
         std::to_string(result.values.fallback_redis_port) + "/2";
}

/// STATUS_REDIS_URL, REDIS_URL, then REDIS_HOST and REDIS_PORT.
void choose_redis_url(load_result& result) {
  auto& values = result.values;
  if (is_default(result, "STATUS_REDIS_URL")) {
    auto& origin = result.origins["STATUS_REDIS_URL"];
    if (!values.fallback_redis_url.empty()) {
      values.redis_url = values.fallback_redis_url;
      origin = {redact_url(values.redis_url), "REDIS_URL"};
    } else if (auto url = url_of_host(result); !url.empty()) {
      values.redis_url = std::move(url);
      origin = {redact_url(values.redis_url), "REDIS_HOST, REDIS_PORT"};
    }
  }
  if (auto url = redis::parse_url(values.redis_url)) {
    values.redis = std::move(*url);
  } else {
    result.error = complaint(key_of("REDIS_HOST"),
                             result.origins.find("REDIS_HOST")->second);
  }
}

/// The file's text without the line end that editors leave.
std::optional<std::string> read_password(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::getline(file, text, '\0');
  if (!file.is_open() || file.bad()) return std::nullopt;
  boost::trim_right_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return text;
}

/// STATUS_REDIS_PASSWORD_FILE, REDIS_PASSWORD_FILE, then REDIS_PASSWORD, for a
/// URL that has none.
void choose_password(load_result& result, const std::string& password) {
  auto& values = result.values;
  const auto from_file = [&](const std::string& path, std::string_view name) {
    if (path.empty() || !values.redis.password.empty()) return;
    const auto text = read_password(path);
    if (text) {
      values.redis.password = *text;
    } else if (result.error.empty()) {
      result.error = complaint(key_of(name), result.origins.find(name)->second,
                               "cannot be read");
    }
  };
  from_file(values.redis_password_file, "STATUS_REDIS_PASSWORD_FILE");
  from_file(values.fallback_redis_password_file, "REDIS_PASSWORD_FILE");
  if (values.redis.password.empty()) values.redis.password = password;
}

/// STATUS_CHAOS_TOKEN_FILE: an empty token would be a door without a lock.
void read_chaos_token(load_result& result) {
  auto& values = result.values;
  if (values.chaos_token_file.empty()) return;
  values.chaos_token = read_password(values.chaos_token_file).value_or("");
  if (values.chaos_token.empty() && result.error.empty())
    result.error =
        complaint(key_of("STATUS_CHAOS_TOKEN_FILE"),
                  result.origins.find("STATUS_CHAOS_TOKEN_FILE")->second,
                  "cannot be read or is empty");
}

}  // namespace

std::string redact_url(std::string_view text) {
  if (text.empty()) return {};
  const auto separator = text.find("://");
  const auto scheme = text.substr(0, separator);
  if (!redis::parse_url(text)) {
    // Where a password stands in what is no URL of ours, nobody knows.
    const bool plain =
        separator != std::string_view::npos &&
        scheme.find_first_not_of(letters) == std::string_view::npos;
    return (plain ? std::string(scheme) + "://" : std::string()) + "***";
  }
  std::string shown(text);
  const auto start = separator + 3;
  const auto at = text.substr(0, text.find_first_of("/?#", start)).find('@');
  const auto colon = text.find(':', start);
  if (at != std::string_view::npos && colon < at)
    shown.replace(colon + 1, at - colon - 1, "***");
  return shown;
}

load_result load_configuration(const variables& environment,
                               const variables& flags) {
  load_result result;
  std::string password;
  read_keys(environment, flags, result, password);
  if (!result.error.empty()) return result;
  choose_redis_url(result);
  if (!result.error.empty()) return result;
  choose_password(result, password);
  read_chaos_token(result);
  auto& values = result.values;
  values.redis_retry_base =
      std::min(values.redis_retry_base, values.redis_retry_max);
  if (values.outbox_total_bytes == 0)
    values.outbox_total_bytes = memory_limit() / 4;
  if (values.io_threads == 0)
    values.io_threads =
        std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
  return result;
}

variables read_environment() {
  variables texts;
  for (const auto& row : keys()) {
    const std::string name(row.variable);
    // Runs before any thread that could change the environment.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    if (const char* text = std::getenv(name.c_str())) texts[name] = text;
  }
  return texts;
}

}  // namespace status2::service
