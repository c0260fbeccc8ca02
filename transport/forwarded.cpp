#include "transport/forwarded.hpp"

#include "transport/characters.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace status2::transport {

namespace {

namespace ip = boost::asio::ip;

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

/// All lines of a header as one list.
std::string joined(const http_request& request, std::string_view name) {
  const auto lines = request.equal_range({name.data(), name.size()});
  std::string all;
  for (auto line = lines.first; line != lines.second; ++line) {
    if (!all.empty()) all += ',';
    all += std::string_view(line->value().data(), line->value().size());
  }
  return all;
}

/// The last item of a list, taken off it.
std::string_view take_last(std::string_view& list) {
  const auto comma = list.rfind(',');
  const auto item =
      comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? "" : list.substr(0, comma);
  return trimmed(item);
}

/// Returns the value of `name` in one element of Forwarded. Empty if the
/// element lacks it.
std::string_view parameter(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const auto end = element.find(';');
    const auto pair = trimmed(element.substr(0, end));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos &&
        boost::algorithm::iequals(trimmed(pair.substr(0, equals)), name))
      return unquoted(trimmed(pair.substr(equals + 1)));
    element = end == std::string_view::npos ? "" : element.substr(end + 1);
  }
  return {};
}

}  // namespace

std::optional<address> parse_hop(std::string_view text) {
  text = unquoted(trimmed(text));
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  boost::system::error_code error;
  const auto parsed = ip::make_address(std::string(text), error);
  if (error || !has_address(parsed)) return std::nullopt;
  return parsed;
}

std::string forwarded_for(const http_request& request) {
  auto hops = joined(request, "X-Forwarded-For");
  if (!hops.empty()) return hops;
  const auto elements = joined(request, "Forwarded");
  std::string_view rest = elements;
  while (!rest.empty()) {
    std::string hop(parameter(take_last(rest), "for"));
    // An element without an address hides whoever is in front of it.
    if (hop.empty()) hop = "unknown";
    if (!hops.empty()) hop += ',';
    hops.insert(0, hop);
  }
  return hops;
}

address client_address(const peer& from, std::string_view hops,
                       const proxy_set& trusted) {
  auto client = plain(from.where);
  bool believed = trusted.trusts(from);
  // From the right: each proxy appended whom it had before itself.
  while (believed && !hops.empty()) {
    const auto next = parse_hop(take_last(hops));
    if (!next) break;  // nobody who can be told apart: the proxy answers for it
    client = plain(*next);
    believed = trusted.contains(client);
  }
  return client;
}

std::string forwarded_host(const http_request& request, const peer& from,
                           const proxy_set& trusted) {
  if (!trusted.trusts(from)) return {};
  const auto hosts = joined(request, "X-Forwarded-Host");
  std::string_view list = hosts;
  if (!list.empty()) return std::string(take_last(list));
  const auto elements = joined(request, "Forwarded");
  list = elements;
  return std::string(parameter(take_last(list), "host"));
}

}  // namespace status2::transport
