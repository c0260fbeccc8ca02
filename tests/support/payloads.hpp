/// Messages of one channel as a read from Redis brings them to its subscriber.
#pragma once

#include "actors/messages.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace status2::support {

/// Other channels have replies between these.
inline actors::payload_batch payloads(const std::vector<std::string>& texts) {
  auto read = std::make_shared<redis::reply_batch>();
  actors::payload_batch batch{read, 1, 0, 0};
  for (const auto& text : texts) {
    const auto at = static_cast<std::uint32_t>(read->bytes.size());
    const auto size = static_cast<std::uint32_t>(text.size());
    const auto place = static_cast<std::uint32_t>(read->replies.size());
    read->bytes += text + "other";
    read->replies.push_back({});
    read->replies.push_back(
        {redis::reply_kind::message, 0, 0, at, size, place + 3});
    ++batch.count;
    batch.bytes += size;
  }
  return batch;
}

}  // namespace status2::support
