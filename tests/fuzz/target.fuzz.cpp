// The target of a request: an accepted channel keeps the rules, and its plain
// form names the same one.
#include "transport/target.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <string>

using namespace status2;

namespace {

bool allowed(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto target = transport::split_target(fuzz::text_of(data, size));
  if (!target) return 0;
  fuzz::holds(target->path.starts_with('/'), "a path begins with a slash");
  for (const std::string_view prefix : {"", "/a/status"}) {
    const auto result = transport::parse_channel(target->path, prefix);
    if (result.refused) continue;
    const auto& channel = result.channel;
    fuzz::holds(channel.full.size() <= transport::longest_channel_name,
                "a name has at most 256 bytes");
    fuzz::holds(allowed(channel.run(), "_.;-"), "the run is of its letters");
    fuzz::holds(allowed(channel.channel(), "_.-"),
                "the channel is of its letters");
    const auto again = transport::parse_channel(
        std::string(prefix) + "/" + channel.full, prefix);
    fuzz::holds(!again.refused && again.channel.full == channel.full,
                "the plain form names the same channel");
  }
  return 0;
}
