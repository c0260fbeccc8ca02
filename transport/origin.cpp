#include "transport/origin.hpp"

#include "transport/characters.hpp"
#include "transport/wildcard.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <utility>

namespace status2::transport {

namespace {

namespace urls = boost::urls;

std::string lower(std::string_view text) {
  return boost::algorithm::to_lower_copy(std::string(text));
}

std::string_view default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return "80";
  if (scheme == "https" || scheme == "wss") return "443";
  return {};
}

host_port without_extras(std::string host, std::string_view port) {
  if (host.ends_with('.')) host.pop_back();
  return {std::move(host), std::string(port)};
}

struct web_origin {
  std::string scheme;
  host_port where;
};

/// Source: RFC 6454 section 6.1.
std::optional<web_origin> parse_origin(std::string_view text) {
  const auto whole = lower(text);
  const auto url = urls::parse_absolute_uri(whole);
  if (!url || !url->has_authority() || url->has_userinfo() ||
      !url->encoded_path().empty() || url->has_query())
    return std::nullopt;
  const std::string_view host = url->encoded_host();
  if (host.empty()) return std::nullopt;
  return web_origin{std::string(url->scheme()),
                    without_extras(std::string(host), url->port())};
}

/// The port, or the one that `scheme` stands for.
std::string_view port_of(std::string_view scheme, const host_port& where) {
  return where.port.empty() ? default_port(scheme)
                            : std::string_view(where.port);
}

/// `name`, `*.name` or `[address]`, in lower case.
bool valid_pattern_host(std::string_view text) {
  if (text.starts_with('['))
    return text.size() > 2 && text.ends_with(']') &&
           text.substr(1, text.size() - 2)
                   .find_first_not_of("0123456789abcdef:.*") ==
               std::string_view::npos;
  return !text.empty() && !text.starts_with('.') && made_of(text, "-._*");
}

bool valid_pattern_port(std::string_view text) {
  constexpr std::size_t most_digits = 5;
  if (text == "*") return true;
  return !text.empty() && text.size() <= most_digits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool valid_pattern_scheme(std::string_view text) {
  return !text.empty() && made_of(text, "+-.*");
}

/// Splits `host[:port]`, where the host may have brackets.
std::pair<std::string_view, std::optional<std::string_view>> split_port(
    std::string_view text) {
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos ||
      (bracket != std::string_view::npos && colon < bracket))
    return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::optional<host_port> parse_host(std::string_view text) {
  const auto whole = lower(text);
  const auto authority = urls::parse_authority(whole);
  if (!authority || authority->has_userinfo()) return std::nullopt;
  const std::string_view host = authority->encoded_host();
  if (host.empty()) return std::nullopt;
  return without_extras(std::string(host), authority->port());
}

std::optional<origin_pattern> origin_pattern::parse(std::string_view text) {
  constexpr std::string_view separator = "://";
  origin_pattern pattern;
  const auto whole = lower(text);
  std::string_view rest = whole;
  if (rest == "null") {
    pattern.null_ = true;
    return pattern;
  }
  const auto scheme_end = rest.find(separator);
  if (scheme_end != std::string_view::npos) {
    pattern.scheme_ = rest.substr(0, scheme_end);
    rest.remove_prefix(scheme_end + separator.size());
    if (!valid_pattern_scheme(pattern.scheme_)) return std::nullopt;
  }
  const auto [host, port] = split_port(rest);
  if (!valid_pattern_host(host) || (port && !valid_pattern_port(*port)))
    return std::nullopt;
  pattern.host_ = host;
  if (pattern.host_.ends_with('.')) pattern.host_.pop_back();
  if (port)
    pattern.port_ = *port;
  else if (host.ends_with('*'))
    pattern.port_ = "*";
  return pattern;
}

bool origin_pattern::matches(std::string_view scheme,
                             const host_port& where) const {
  if (null_ || !wildcard_match(scheme_, scheme) ||
      !wildcard_match(host_, where.host))
    return false;
  if (port_ == "*") return true;
  const auto wanted = port_.empty() ? default_port(scheme) : port_;
  return port_of(scheme, where) == wanted;
}

origin_rules::origin_rules(const std::vector<std::string>& patterns)
    : any_(patterns.empty()) {
  for (const auto& text : patterns)
    if (auto pattern = origin_pattern::parse(text))
      patterns_.push_back(std::move(*pattern));
}

bool origin_rules::allow(std::string_view origin, std::string_view host) const {
  if (origin.size() > longest_origin) return false;
  if (any_ || origin.empty()) return true;
  if (origin == "null")
    return std::ranges::any_of(patterns_, &origin_pattern::matches_null);
  const auto from = parse_origin(origin);
  if (!from) return false;
  const auto own = parse_host(host);
  if (own && own->host == from->where.host &&
      port_of(from->scheme, *own) == port_of(from->scheme, from->where))
    return true;
  return std::ranges::any_of(patterns_, [&](const auto& pattern) {
    return pattern.matches(from->scheme, from->where);
  });
}

bool valid_host_pattern(std::string_view text) {
  const auto whole = lower(text);
  return valid_pattern_host(whole);
}

host_rules::host_rules(const std::vector<std::string>& patterns) {
  patterns_.reserve(patterns.size());
  for (const auto& text : patterns) {
    auto& pattern = patterns_.emplace_back(lower(text));
    if (pattern.ends_with('.')) pattern.pop_back();
  }
}

bool host_rules::serve(std::string_view host) const {
  if (patterns_.empty()) return true;
  const auto asked = parse_host(host);
  return asked && std::ranges::any_of(patterns_, [&](const auto& pattern) {
           return wildcard_match(pattern, asked->host);
         });
}

}  // namespace status2::transport
