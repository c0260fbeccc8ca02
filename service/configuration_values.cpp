// How the text of a key becomes its value.
#include "actors/latch_store.hpp"
#include "service/configuration_keys.hpp"
#include "service/duration.hpp"
#include "service/proxy_table.hpp"
#include "service/size.hpp"
#include "transport/characters.hpp"
#include "transport/listen_address.hpp"
#include "transport/origin.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>

#include <algorithm>
#include <optional>

namespace status2::service {

namespace {

template <class Value>
bool within(const key& row, Value value,
            std::optional<Value> (*parse)(std::string_view)) {
  return value >= *parse(row.least) && value <= *parse(row.most);
}

template <class Value>
std::optional<Value> bounded(const key& row, std::string_view text,
                             std::optional<Value> (*parse)(std::string_view)) {
  const auto value = parse(text);
  if (!value || !within(row, *value, parse)) return std::nullopt;
  return value;
}

std::optional<bool> parse_flag(std::string_view text) {
  const auto word = boost::to_lower_copy(std::string(text));
  for (const auto* yes : {"true", "t", "1", "yes", "on"}) {
    if (word == yes) return true;
  }
  for (const auto* no : {"false", "f", "0", "no", "off"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::optional<actors::log_level> parse_level(std::string_view text) {
  using enum actors::log_level;
  const auto word = boost::to_lower_copy(std::string(text));
  if (word == "debug") return DEBUG;
  if (word == "info") return INFO;
  if (word == "warn") return WARN;
  if (word == "error") return ERROR;
  return std::nullopt;
}

std::optional<transport::io_backend> parse_backend(std::string_view text) {
  return transport::backend_named(boost::to_lower_copy(std::string(text)));
}

std::vector<std::string> parse_list(const std::string& text) {
  std::vector<std::string> items;
  boost::split(items, text, boost::is_any_of(","));
  for (auto& item : items)
    boost::trim(item);
  std::erase(items, "");
  return items;
}

bool fits(key_kind kind, const std::string& item) {
  switch (kind) {
    case key_kind::addresses:
      return transport::parse_listen_address(item).has_value();
    case key_kind::proxies:
      return valid_proxy(item);
    case key_kind::origins:
      return transport::origin_pattern::parse(item).has_value();
    case key_kind::hosts:
      return transport::valid_host_pattern(item);
    case key_kind::channels:
      return transport::made_of(item, "_.;-:*");
    case key_kind::payloads:
      return item.size() <= actors::latch_store::most_compared;
    case key_kind::tokens:
      return transport::made_of(item, "!#$%&'*+-.^_`|~");
    default:
      return false;
  }
}

std::optional<std::vector<std::string>> parse_items(const key& row,
                                                    const std::string& text) {
  auto items = parse_list(text);
  // An empty list often means "any", which must not come from a slip.
  if (items.empty() && !text.empty()) return std::nullopt;
  if (!std::all_of(items.begin(), items.end(),
                   [&](const auto& item) { return fits(row.kind, item); }))
    return std::nullopt;
  return items;
}

std::optional<std::string> parse_prefix(std::string_view text) {
  while (text.ends_with('/'))
    text.remove_suffix(1);
  const auto fits = [](unsigned char letter) {
    return letter > ' ' && letter != '?' && letter != '#' && letter != 0x7f;
  };
  if (!text.empty() && text.front() != '/') return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), fits)) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> parse_text(const key& row, const std::string& text) {
  if (row.kind == key_kind::prefix) return parse_prefix(text);
  // Empty is what the fallbacks are for.
  if (row.kind == key_kind::redis_url && !text.empty() &&
      !redis::parse_url(text))
    return std::nullopt;
  return text;
}

/// Stores a parsed value, if it is one.
template <class Value>
bool store(configuration& values, Value configuration::*member,
           std::optional<Value> value) {
  if (!value) return false;
  values.*member = std::move(*value);
  return true;
}

}  // namespace

bool assign(const key& row, const std::string& text, configuration& values) {
  struct visitor {
    const key& row;
    const std::string& text;
    configuration& values;

    bool operator()(std::monostate) const { return true; }
    bool operator()(std::string configuration::*member) const {
      return store(values, member, parse_text(row, text));
    }
    bool operator()(std::vector<std::string> configuration::*member) const {
      return store(values, member, parse_items(row, text));
    }
    bool operator()(std::chrono::nanoseconds configuration::*member) const {
      return store(values, member, bounded(row, text, &parse_duration));
    }
    bool operator()(std::size_t configuration::*member) const {
      const auto parse =
          row.kind == key_kind::size ? &parse_size : &parse_count;
      return store(values, member, bounded(row, text, parse));
    }
    bool operator()(bool configuration::*member) const {
      return store(values, member, parse_flag(text));
    }
    bool operator()(actors::log_level configuration::*member) const {
      return store(values, member, parse_level(text));
    }
    bool operator()(transport::io_backend configuration::*member) const {
      return store(values, member, parse_backend(text));
    }
  };
  return std::visit(visitor{row, text, values}, row.member);
}

}  // namespace status2::service
