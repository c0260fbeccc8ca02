#include "service/configuration.hpp"

#include "service/configuration_file.hpp"
#include "service/configuration_keys.hpp"
#include "service/configuration_load.hpp"
#include "service/memory_limit.hpp"

#include <boost/algorithm/string/replace.hpp>
#include <boost/algorithm/string/trim.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>
#include <variant>

namespace status2::service {

namespace {

std::string lookup(const variables& texts, std::string_view name) {
  const auto found = texts.find(name);
  return found == texts.end() ? std::string() : found->second;
}

std::string complaint(const key& row, const load_result::origin& origin,
                      std::string_view problem) {
  std::string line(row.variable);
  line += "=" + one_line(origin.text);
  if (origin.source != "environment" && origin.source != "default")
    line += " (from " + origin.source + ")";
  line += problem.empty() ? " is not accepted" : ": " + std::string(problem);
  return line + "; accepted: " + accepted(row);
}

/// Where the texts of keys come from, the first one that has a text counts.
struct sources {
  const variables& flags;
  const variables& environment;
  std::string path;  ///< of the file; empty: none
  file_result file{};

  load_result::origin text_of(const key& row) const {
    if (auto text = lookup(flags, row.variable); !text.empty())
      return {std::move(text), flag_name(row)};
    if (auto text = lookup(environment, row.variable); !text.empty())
      return {std::move(text), "environment"};
    const auto found = file.entries.find(row.variable);
    if (found != file.entries.end() && !found->second.text.empty())
      return {found->second.text,
              path + ":" + std::to_string(found->second.line)};
    return {std::string(row.standard), "default"};
  }
};

/// Reads the file, if one is named. Errors: result.error.
void read_configuration_file(sources& from, load_result& result) {
  const auto origin = from.text_of(key_of(config_file_variable));
  from.path = origin.text;
  if (from.path.empty()) return;
  if (const auto text = read_file(from.path)) {
    from.file = parse_configuration_file(*text, from.path);
    result.error = from.file.error;
  } else {
    result.origins[std::string(config_file_variable)] = origin;
    refuse(result, config_file_variable, "cannot be read");
  }
}

/// Parses every key into `result`. Errors: result.error.
void read_keys(const sources& from, load_result& result,
               std::string& password) {
  for (const auto& row : keys()) {
    const auto [text, source] = from.text_of(row);
    if (holds_secret(row)) note_content(result, row.variable, text);
    if (row.kind == key_kind::secret) {
      password = text;
      continue;
    }
    auto& origin = result.origins[std::string(row.variable)];
    origin = {holds_secret(row) ? redact_url(text) : text, source};
    if (row.fallback_only) {
      // Judged where it is used.
      result.values.*std::get<std::string configuration::*>(row.member) = text;
    } else if (!assign(row, text, result.values)) {
      refuse(result, row.variable,
             row.kind == key_kind::redis_url ? redis::parse_url(text).problem
                                             : std::string());
      return;
    }
  }
}

// Unless STATUS_INBOUND_TOTAL_BYTES says otherwise.
constexpr std::size_t least_inbound = 4194304;  // 4 MB
constexpr std::size_t most_inbound = 33554432;  // 32 MB

/// STATUS_CHAOS_TOKEN_FILE: a token that can be guessed or replaced would be a
/// door without a lock.
void read_chaos_token(load_result& result) {
  constexpr std::size_t least = 16;
  constexpr std::string_view variable = "STATUS_CHAOS_TOKEN_FILE";
  auto& values = result.values;
  if (values.chaos_token_file.empty()) return;
  values.chaos_token = read_file(values.chaos_token_file).value_or("");
  note_content(result, variable, values.chaos_token);
  if (values.chaos_token.empty())
    refuse(result, variable, "cannot be read or is empty");
  else if (values.chaos_token.size() < least)
    refuse(result, variable, "the token has fewer than 16 characters");
  else if (others_can_write(values.chaos_token_file))
    refuse(result, variable, "every user of the machine can write to it");
}

}  // namespace

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char letter) { return letter < ' ' || letter == 0x7f; }, '?');
  return text;
}

bool is_default(const load_result& result, std::string_view variable) {
  return result.origins.find(variable)->second.source == "default";
}

void ignore(load_result& result, std::string_view variable) {
  if (!is_default(result, variable))
    result.values.ignored.emplace_back(variable);
}

void refuse(load_result& result, std::string_view variable,
            std::string_view problem) {
  if (!result.error.empty()) return;
  result.error = complaint(key_of(variable),
                           result.origins.find(variable)->second, problem);
}

void note_content(load_result& result, std::string_view variable,
                  const std::string& text) {
  result.fingerprints[std::string(variable)] = std::hash<std::string>{}(text);
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::getline(file, text, '\0');
  if (!file.is_open() || file.bad()) return std::nullopt;
  boost::trim_right_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return text;
}

bool others_can_write(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto mode = fs::status(path, error).permissions();
  return !error && (mode & fs::perms::others_write) != fs::perms::none;
}

std::string redact_url(std::string_view text) {
  return text.empty() ? std::string() : redis::without_secrets(text);
}

std::string own_host(const configuration& values) {
  if (values.hosts.empty()) return {};
  auto host = values.hosts.front();
  boost::replace_all(host, "*", "status2");
  return host;
}

load_result load_configuration(const variables& environment,
                               const variables& flags) {
  load_result result;
  sources from{flags, environment, {}};
  read_configuration_file(from, result);
  if (!result.error.empty()) return result;
  std::string password;
  read_keys(from, result, password);
  if (!result.error.empty()) return result;
  choose_redis(result, password);
  if (!result.error.empty()) return result;
  read_chaos_token(result);
  read_client_tls(result);
  choose_tokens(result);
  auto& values = result.values;
  values.redis_retry_base =
      std::min(values.redis_retry_base, values.redis_retry_max);
  if (values.outbox_total_bytes == 0)
    values.outbox_total_bytes = memory_limit() / 4;
  if (values.inbound_total_bytes == 0)
    values.inbound_total_bytes =
        std::clamp(memory_limit() / 16, least_inbound, most_inbound);
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
