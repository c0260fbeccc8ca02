#include "transport/target.hpp"

#include "transport/characters.hpp"
#include "transport/percent.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <optional>
#include <string>
#include <utility>

namespace status2::transport {

namespace {

channel_result refused(refusal why) {
  return {{}, why};
}

/// The part behind `scheme://` of a target with a scheme that is served.
std::optional<std::string_view> after_scheme(std::string_view target) {
  for (const std::string_view scheme :
       {"http://", "https://", "ws://", "wss://"})
    if (boost::algorithm::istarts_with(target, scheme))
      return target.substr(scheme.size());
  return std::nullopt;
}

}  // namespace

std::optional<request_target> split_target(std::string_view target) {
  request_target parts;
  if (!target.starts_with('/')) {
    const auto authority = after_scheme(target);
    if (!authority) return std::nullopt;
    const auto end = authority->find_first_of("/?");
    parts.host = authority->substr(0, end);
    if (parts.host.empty()) return std::nullopt;
    target = end == std::string_view::npos ? "" : authority->substr(end);
  }
  const auto query = target.find('?');
  parts.path = target.substr(0, query);
  if (parts.path.empty()) parts.path = "/";
  if (query != std::string_view::npos) parts.query = target.substr(query + 1);
  return parts;
}

std::string_view below_prefix(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  return path.starts_with('/') ? path : std::string_view{};
}

channel_result parse_channel(std::string_view path, std::string_view prefix) {
  path = below_prefix(path, prefix);
  if (path.empty()) return refused(refusal::prefix);
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  auto name = percent_decoded(path);
  if (!name) return refused(refusal::encoding);
  const auto colon = name->find(':');
  if (colon == std::string::npos) return refused(refusal::no_channel);
  if (name->size() > longest_channel_name)
    return refused(refusal::channel_length);
  channel_name channel{std::move(*name), colon};
  if (channel.run().empty() || !made_of(channel.run(), "_.-;"))
    return refused(refusal::run_name);
  if (channel.channel().empty() || !made_of(channel.channel(), "_.-"))
    return refused(refusal::channel_name);
  return {std::move(channel), std::nullopt};
}

bool is_reserved(const channel_name& channel) {
  return channel.run() == "status2" || channel.run() == "__sentinel__";
}

}  // namespace status2::transport
