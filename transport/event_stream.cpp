#include "transport/event_stream.hpp"

#include "transport/characters.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace status2::transport {

namespace {

namespace http = boost::beast::http;

constexpr std::string_view media_type = "text/event-stream";

/// Whether one of the comma-separated items of `list` is our media type.
bool names_media_type(std::string_view list) {
  for (;;) {
    const auto end = list.find(',');
    const auto item = list.substr(0, end);
    if (boost::beast::iequals(trimmed(item.substr(0, item.find(';'))),
                              media_type))
      return true;
    if (end == std::string_view::npos) return false;
    list.remove_prefix(end + 1);
  }
}

/// `retry:` with a random time between `least` and `most` milliseconds, so that
/// clients which leave together do not come back together.
std::string retry_field(int least, int most) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int> between(least, most);
  return "retry: " + std::to_string(between(random)) + '\n';
}

using fields = std::vector<std::pair<std::string, std::string>>;

fields fields_for(std::string_view origin, bool credentials) {
  // The second one keeps nginx from collecting events.
  fields all{{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  if (origin.empty()) return all;
  all.emplace_back("Access-Control-Allow-Origin", origin);
  if (credentials) all.emplace_back("Access-Control-Allow-Credentials", "true");
  return all;
}

}  // namespace

bool accepts_event_stream(const http_request& request) {
  const auto lines = request.equal_range(http::field::accept);
  return std::any_of(lines.first, lines.second, [](const auto& line) {
    return names_media_type({line.value().data(), line.value().size()});
  });
}

std::string write_event_stream_head(std::string_view origin, bool credentials) {
  http_reply head;
  head.content_type = media_type;
  head.fields = fields_for(origin, credentials);
  return write_head(head) + retry_field(1000, 5000) + '\n';
}

http_reply event_stream_refusal(refusal why, std::string_view origin,
                                bool credentials) {
  http_reply reply;
  reply.content_type = media_type;
  reply.fields = fields_for(origin, credentials);
  reply.body = retry_field(5000, 15000);
  reply.body += ": ";
  reply.body += describe(why).text;
  reply.body += "\n\n";
  return reply;
}

}  // namespace status2::transport
