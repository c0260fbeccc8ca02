#include "transport/watch_options.hpp"

#include "transport/number.hpp"
#include "transport/percent.hpp"

namespace status2::transport {

namespace {

void take(watch_options& options, std::string_view name,
          std::string_view value) {
  if (name == "gap") {
    options.gaps = value == "1";
  } else if (name == "stream") {
    options.event_stream = value == "sse";
  } else if (name == "tail") {
    if (!options.replay) options.replay.emplace();
    options.replay->most = parse_number<std::size_t>(value);
  } else if (name == "since") {
    if (!options.replay) options.replay.emplace();
    options.replay->since = percent_decoded(value).value_or(std::string(value));
  }
}

}  // namespace

watch_options parse_watch_options(std::string_view query) {
  watch_options options;
  for (;;) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos)
      take(options, pair.substr(0, equals), pair.substr(equals + 1));
    if (end == std::string_view::npos) return options;
    query.remove_prefix(end + 1);
  }
}

}  // namespace status2::transport
