// Bytes from Redis: however they are cut, the same replies come of them.
#include "redis/reply_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace status2;

namespace {

struct outcome {
  bool good = true;
  std::vector<std::string> replies;
  bool operator==(const outcome&) const = default;
};

outcome feed(std::string_view bytes, std::size_t step, std::size_t limit) {
  redis::reply_reader reader(limit);
  outcome result;
  while (!bytes.empty() && result.good) {
    redis::reply_batch batch;
    const auto part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    result.good = reader.feed(part, batch);
    for (const auto& reply : batch.replies)
      result.replies.push_back(std::to_string(static_cast<int>(reply.kind)) +
                               std::string(batch.first(reply)) + "\n" +
                               (reply.kind == redis::reply_kind::too_large
                                    ? std::to_string(reply.second_size)
                                    : std::string(batch.payload(reply))));
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = fuzz::text_of(data, size).substr(1);
  const std::size_t limit = data[0] < 128 ? 1 << 20 : 4;
  const auto whole = feed(bytes, std::max<std::size_t>(bytes.size(), 1), limit);
  const auto parts = feed(bytes, std::max<std::size_t>(data[0] % 16, 1), limit);
  fuzz::holds(whole.good == parts.good, "cuts do not decide what is RESP");
  if (whole.good)
    fuzz::holds(whole.replies == parts.replies, "cuts change no reply");
  return 0;
}
