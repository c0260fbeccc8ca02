#include "service/token_explain.hpp"

#include "transport/token.hpp"
#include "transport/wildcard.hpp"

#include <boost/algorithm/string/trim.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <istream>
#include <iterator>
#include <optional>
#include <ostream>
#include <string_view>

namespace status2::service {

namespace {

/// A text that the token's issuer chose, on one line.
std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string(text));
}

std::string time_text(transport::token_time seconds) {
  constexpr transport::token_time year_10000 = 253'402'300'800;
  if (seconds == transport::token_never) return "never";
  if (seconds < 0 || seconds >= year_10000)
    return std::to_string(seconds) + " s after 1970";
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

bool allowed(const configuration& values, const std::string& channel) {
  const auto& patterns = values.allowed_channels;
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const auto& pattern) {
           return transport::wildcard_match(pattern, channel);
         });
}

/// Why the token does not open the channel; nothing: it does.
std::optional<std::string> reason_against(
    const configuration& values, const std::string& channel,
    const transport::token_verdict& verdict) {
  using transport::describe;
  if (verdict.fault) return std::string(describe(*verdict.fault).text);
  if (!verdict.claims.opens(channel))
    return std::string(describe(transport::token_fault::channel).text);
  if (!allowed(values, channel))
    return "STATUS_ALLOWED_CHANNELS does not list the channel";
  return std::nullopt;
}

/// Whether the claims were signed by one of the keys.
bool has_signer(const transport::token_verdict& verdict) {
  return verdict.claims.key != transport::key_print{};
}

}  // namespace

bool explain_token(const configuration& values, const std::string& channel,
                   std::istream& in, std::ostream& out) {
  std::string token(std::istreambuf_iterator<char>(in), {});
  boost::trim(token);
  const auto now = std::chrono::system_clock::now();
  const auto verdict =
      transport::judge_token(token, token_rules_of(values), now);
  const auto against = reason_against(values, channel, verdict);
  out << channel
      << (against ? " is not opened: " + *against : " is opened by this token")
      << '\n';
  if (!verdict.algorithm.empty())
    out << "algorithm: " << quoted(verdict.algorithm) << '\n';
  if (!verdict.key_id.empty()) out << "key: " << quoted(verdict.key_id) << '\n';
  if (has_signer(verdict)) {
    out << "expires: " << time_text(verdict.claims.expires) << '\n';
    out << "channels:";
    for (const auto& pattern : verdict.claims.channels)
      out << ' ' << quoted(pattern);
    out << '\n';
  }
  out << "now: "
      << time_text(std::chrono::duration_cast<std::chrono::seconds>(
                       now.time_since_epoch())
                       .count())
      << std::endl;
  return !against;
}

}  // namespace status2::service
