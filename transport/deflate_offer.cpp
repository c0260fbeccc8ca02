#include "transport/deflate_offer.hpp"

#include "transport/number.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace status2::transport {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::string_view answer =
    "permessage-deflate; server_no_context_takeover; "
    "client_no_context_takeover";
constexpr unsigned least_window_bits = 8;
constexpr unsigned window_bits = 15;

enum class value : std::uint8_t { none, window, window_or_none };
struct parameter {
  std::string_view name;
  value takes;
};
constexpr std::array parameters{
    parameter{"server_no_context_takeover", value::none},
    parameter{"client_no_context_takeover", value::none},
    parameter{"server_max_window_bits", value::window},
    parameter{"client_max_window_bits", value::window_or_none}};
constexpr std::size_t server_window = 2;

/// The window that `text` names; 0 if it names none.
unsigned window_of(std::string_view text) {
  const auto bits = parse_number<unsigned>(text);
  // A leading zero is not allowed.
  if (!bits || *bits < least_window_bits || *bits > window_bits ||
      text.front() == '0')
    return 0;
  return *bits;
}

bool takes(const parameter& known, std::string_view text) {
  if (text.empty()) return known.takes != value::window;
  return known.takes != value::none && window_of(text) != 0;
}

/// Cuts the first offer off `line`: all before a comma that is not in quotes.
std::string_view cut_offer(std::string_view& line) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < line.size(); ++at) {
    if (line[at] == '"') quoted = !quoted;
    if (line[at] == '\\' && quoted) ++at;
    if (!quoted && line[at] == ',') break;
  }
  const auto offer = line.substr(0, at);
  line.remove_prefix(std::min(at + 1, line.size()));
  return offer;
}

/// The answer to an offer with these parameters, the last of which is `end`;
/// empty: it is declined.
std::string answer_to(const http::param_list& offer, std::string_view end) {
  std::array<bool, parameters.size()> given{};
  bool whole = false;
  for (const auto& [name, text] : offer) {
    whole = name == end;
    if (whole) break;
    const auto* const known =
        std::ranges::find_if(parameters, [&, name = name](const auto& row) {
          return beast::iequals(row.name, name);
        });
    if (known == parameters.end() || !takes(*known, text)) return {};
    const auto index = static_cast<std::size_t>(known - parameters.begin());
    if (std::exchange(given[index], true)) return {};
    if (index == server_window && window_of(text) < window_bits) return {};
  }
  if (!whole) return {};
  std::string text(answer);
  // An offer that names a window is accepted by naming it.
  if (given[server_window]) text += "; server_max_window_bits=15";
  return text;
}

/// The answer to one offer; empty: it is declined, names another extension or
/// breaks the grammar.
std::string answer_to(std::string_view offer) {
  // Beast stops at an error without reporting it: a parameter behind all others
  // shows that. And Beast cannot read a list: a comma behind a parameter
  // without a value is an error to it, and the last extension, if it has no
  // parameters, gets those of the one before.
  constexpr std::string_view end = "end-of-offer";
  std::string text(offer);
  text.append("; ").append(end);
  const http::ext_list list{text};
  const auto extension = list.begin();
  if (extension == list.end() ||
      !beast::iequals(extension->first, "permessage-deflate"))
    return {};
  return answer_to(extension->second, end);
}

}  // namespace

std::string accept_deflate(const http_request& request) {
  const auto lines = request.equal_range(http::field::sec_websocket_extensions);
  for (auto line = lines.first; line != lines.second; ++line) {
    std::string_view offers = line->value();
    while (!offers.empty())
      if (auto text = answer_to(cut_offer(offers)); !text.empty()) return text;
  }
  return {};
}

}  // namespace status2::transport
