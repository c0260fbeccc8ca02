#include "transport/token_request.hpp"

#include "transport/characters.hpp"
#include "transport/text_view.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

/// What follows `name=` in the first such item of a list; empty if there is
/// none.
std::string_view value_in(std::string_view list, char separator,
                          std::string_view name) {
  for (;;) {
    const auto end = list.find(separator);
    const auto item = trimmed(list.substr(0, end));
    const auto equals = item.find('=');
    if (equals != std::string_view::npos && item.substr(0, equals) == name)
      return item.substr(equals + 1);
    if (end == std::string_view::npos) return {};
    list.remove_prefix(end + 1);
  }
}

std::string_view in_header(const http_request& request) {
  constexpr std::string_view scheme = "Bearer ";
  const auto value = view_of(request[http::field::authorization]);
  if (value.size() < scheme.size() ||
      !boost::beast::iequals(value.substr(0, scheme.size()), scheme))
    return {};
  return trimmed(value.substr(scheme.size()));
}

std::string_view in_subprotocol(const http_request& request) {
  const auto lines = request.equal_range(http::field::sec_websocket_protocol);
  for (auto line = lines.first; line != lines.second; ++line)
    for (const auto offered : http::token_list{line->value()}) {
      const auto name = view_of(offered);
      if (name.starts_with(token_subprotocol))
        return name.substr(token_subprotocol.size());
    }
  return {};
}

std::string_view in_cookie(const http_request& request, std::string_view name) {
  if (name.empty()) return {};
  const auto lines = request.equal_range(http::field::cookie);
  for (auto line = lines.first; line != lines.second; ++line)
    if (const auto value = value_in(view_of(line->value()), ';', name);
        !value.empty())
      return value;
  return {};
}

}  // namespace

carried_token find_token(const http_request& request, std::string_view query,
                         std::string_view cookie) {
  if (const auto text = in_header(request); !text.empty())
    return {token_carrier::header, text};
  if (const auto text = in_subprotocol(request); !text.empty())
    return {token_carrier::subprotocol, text};
  if (const auto text = value_in(query, '&', "ticket"); !text.empty())
    return {token_carrier::ticket, text};
  if (const auto text = in_cookie(request, cookie); !text.empty())
    return {token_carrier::cookie, text};
  return {};
}

}  // namespace status2::transport
