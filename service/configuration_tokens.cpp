// The keys that tokens are signed with, and what goes with them.
#include "service/configuration_keys.hpp"
#include "service/configuration_load.hpp"
#include "transport/characters.hpp"

#include <array>
#include <utility>

namespace status2::service {

namespace {

constexpr std::string_view key_file = "STATUS_JWT_KEY_FILE";

void read_keys(load_result& result) {
  auto& values = result.values;
  constexpr std::size_t largest_file = 262'144;
  const auto text = read_file(values.jwt_key_file);
  if (!text) return refuse(result, key_file, "cannot be read");
  if (text->size() > largest_file)
    return refuse(result, key_file, "is larger than 256 KB");
  if (others_can_write(values.jwt_key_file))
    return refuse(result, key_file,
                  "every user of the machine can write to it");
  note_content(result, key_file, *text);
  auto read = transport::read_token_keys(*text);
  if (!read.error.empty()) return refuse(result, key_file, read.error);
  values.jwt_keys = std::move(read.keys);
  for (const auto& skipped : read.skipped)
    values.ignored.push_back(skipped + " (" + std::string(key_file) + ")");
}

}  // namespace

void choose_tokens(load_result& result) {
  constexpr std::array<std::string_view, 3> others{
      "STATUS_JWT_ISSUER", "STATUS_JWT_AUDIENCE", "STATUS_JWT_COOKIE"};
  auto& values = result.values;
  if (values.jwt_key_file.empty()) {
    for (const auto variable : others)
      ignore(result, variable);
    return;
  }
  if (!transport::made_of(values.jwt_cookie, "!#$%&'*+-.^_`|~"))
    return refuse(result, "STATUS_JWT_COOKIE", "is no name of a cookie");
  // Else every page could watch with the cookie of its visitor.
  if (!values.jwt_cookie.empty() && values.allowed_origins.empty())
    return refuse(result, "STATUS_JWT_COOKIE",
                  "needs STATUS_ALLOWED_ORIGINS too");
  read_keys(result);
}

transport::token_rules token_rules_of(const configuration& values) {
  return {values.jwt_keys, values.jwt_issuer, values.jwt_audience};
}

}  // namespace status2::service
