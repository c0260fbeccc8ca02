#include "transport/token.hpp"

#include "transport/base64url.hpp"
#include "transport/wildcard.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace status2::transport {

namespace {

namespace json = boost::json;

std::optional<json::object> read_object(std::string_view part) {
  const auto text = from_base64url(part);
  if (!text) return std::nullopt;
  boost::system::error_code error;
  auto value = json::parse(*text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

/// A member that is absent, a text, or neither.
struct text_member {
  bool wrong = false;
  std::string text;
};

text_member take_text(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return {};
  const auto* text = value->if_string();
  if (text == nullptr) return {true, {}};
  return {false, std::string(*text)};
}

/// Source: RFC 7519 section 2, NumericDate: a number, whole or not.
std::optional<token_time> time_of(const json::value& value) {
  if (const auto* whole = value.if_int64()) return *whole;
  if (value.is_uint64()) return token_never;  // above any int64
  const auto* number = value.if_double();
  if (number == nullptr || std::isnan(*number)) return std::nullopt;
  constexpr auto most = static_cast<double>(token_never);
  if (*number >= most) return token_never;
  if (*number <= -most) return -token_never;
  return static_cast<token_time>(std::floor(*number));
}

/// `name` of the claims, or `otherwise`. Errors: false, it is no number.
bool read_time(const json::object& claims, std::string_view name,
               token_time otherwise, token_time& time) {
  const auto* value = claims.if_contains(name);
  const auto read = value == nullptr ? otherwise : time_of(*value);
  if (!read) return false;
  time = *read;
  return true;
}

/// Source: RFC 7519 section 4.1.3: one text, or an array of them.
bool is_for(const json::object& claims, std::string_view audience) {
  const auto* value = claims.if_contains("aud");
  if (value == nullptr) return false;
  const auto is = [&](const json::value& one) {
    const auto* text = one.if_string();
    return text != nullptr && std::string_view(*text) == audience;
  };
  const auto* list = value->if_array();
  return list == nullptr ? is(*value) : std::ranges::any_of(*list, is);
}

/// The claim `status2`. Errors: a fault.
std::optional<token_fault> read_channels(const json::object& claims,
                                         std::vector<std::string>& channels) {
  const auto* value = claims.if_contains("status2");
  if (value == nullptr) return token_fault::no_channels;
  const auto* list = value->if_array();
  if (list == nullptr) return token_fault::claims;
  for (const auto& one : *list) {
    const auto* pattern = one.if_string();
    if (pattern == nullptr) return token_fault::claims;
    channels.emplace_back(*pattern);
  }
  return std::nullopt;
}

std::int64_t seconds_of(wall_time time) {
  return std::chrono::floor<std::chrono::seconds>(time)
      .time_since_epoch()
      .count();
}

/// `time` and the leeway, without an overflow.
token_time later(token_time time) {
  const auto leeway = token_leeway.count();
  return time > token_never - leeway ? token_never : time + leeway;
}

std::optional<token_fault> judge_claims(const json::object& claims,
                                        const token_rules& rules, wall_time now,
                                        token_claims& result) {
  token_time begins = -token_never;
  if (!read_time(claims, "exp", token_never, result.expires) ||
      !read_time(claims, "nbf", -token_never, begins))
    return token_fault::claims;
  const auto channels = read_channels(claims, result.channels);
  if (expired(result.expires, now)) return token_fault::expired;
  if (begins > later(seconds_of(now))) return token_fault::too_early;
  const auto issuer = take_text(claims, "iss");
  if (!rules.issuer.empty() && issuer.text != rules.issuer)
    return token_fault::issuer;
  if (!rules.audience.empty() && !is_for(claims, rules.audience))
    return token_fault::audience;
  return channels;
}

bool goes_with(const token_key& key, const std::string& id,
               const token_keys& all) {
  if (!id.empty()) {
    const bool named = std::ranges::any_of(
        all, [&](const auto& one) { return one.id() == id; });
    return named ? key.id() == id : key.id().empty();
  }
  return key.id().empty() || all.size() == 1;
}

/// Whose token it is. Errors: a fault.
std::optional<token_fault> find_signer(std::string_view token,
                                       const token_rules& rules,
                                       token_verdict& verdict) {
  auto fault = token_fault::algorithm;
  const bool known = std::ranges::any_of(rules.keys, [&](const auto& key) {
    return name_of(key.algorithm()) == verdict.algorithm;
  });
  if (!known) return fault;
  fault = token_fault::key;
  for (const auto& key : rules.keys) {
    if (!goes_with(key, verdict.key_id, rules.keys)) continue;
    if (name_of(key.algorithm()) != verdict.algorithm) {
      if (fault == token_fault::key) fault = token_fault::algorithm;
      continue;
    }
    fault = token_fault::signature;
    if (!key.signed_by_this(token)) continue;
    verdict.claims.key = key.print();
    return std::nullopt;
  }
  return fault;
}

std::optional<token_fault> judge(std::string_view token,
                                 const token_rules& rules, wall_time now,
                                 token_verdict& verdict) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last ||
      token.find('.', first + 1) != last)
    return token_fault::malformed;
  const auto header = read_object(token.substr(0, first));
  if (!header) return token_fault::malformed;
  auto algorithm = take_text(*header, "alg");
  auto key_id = take_text(*header, "kid");
  if (algorithm.wrong || key_id.wrong) return token_fault::malformed;
  verdict.algorithm = std::move(algorithm.text);
  verdict.key_id = std::move(key_id.text);
  if (header->contains("crit")) return token_fault::critical;
  if (const auto fault = find_signer(token, rules, verdict)) return fault;
  const auto claims = read_object(token.substr(first + 1, last - first - 1));
  if (!claims) return token_fault::claims;
  return judge_claims(*claims, rules, now, verdict.claims);
}

}  // namespace

bool token_claims::opens(std::string_view channel) const {
  return std::ranges::any_of(channels, [channel](const auto& pattern) {
    return wildcard_match(pattern, channel);
  });
}

bool expired(token_time expires, wall_time now) {
  return seconds_of(now) >= later(expires);
}

std::chrono::nanoseconds time_left(token_time expires, wall_time now,
                                   std::chrono::nanoseconds longest) {
  using std::chrono::seconds;
  const auto end = later(expires);
  const auto since = seconds_of(now);
  if (end <= since) return std::chrono::nanoseconds{0};
  // Neither number can be far below 0, so that nothing overflows.
  const auto most = std::chrono::ceil<seconds>(longest).count();
  if (end > since + most) return longest;
  const wall_time end_time{seconds{end}};
  return std::min<std::chrono::nanoseconds>(end_time - now, longest);
}

token_verdict judge_token(std::string_view token, const token_rules& rules,
                          wall_time now) {
  token_verdict verdict;
  verdict.fault = judge(token, rules, now, verdict);
  return verdict;
}

}  // namespace status2::transport
