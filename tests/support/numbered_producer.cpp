#include "tests/support/numbered_producer.hpp"

#include "tests/support/redis_client.hpp"

#include <exception>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using wall_clock = std::chrono::system_clock;

/// Publishes to one Redis, connecting again after an error.
numbered_producer::publisher to_port(std::uint16_t port) {
  return [port, client = std::shared_ptr<redis_client>()](
             const std::string& channel, const std::string& payload) mutable {
    // In `client` only while it works.
    auto used = std::exchange(client, nullptr);
    if (!used) used = std::make_shared<redis_client>(port);
    const auto reply = used->command({"PUBLISH", channel, payload});
    if (reply.error) throw std::runtime_error(reply.text);
    client = std::move(used);
  };
}

}  // namespace

numbered_producer::numbered_producer(std::uint16_t redis_port,
                                     std::vector<std::string> channels)
    : numbered_producer(to_port(redis_port), std::move(channels)) {}

numbered_producer::numbered_producer(publisher publish,
                                     std::vector<std::string> channels)
    : publish_(std::move(publish)), channels_(std::move(channels)) {}

bool numbered_producer::publish() {
  const auto& channel = channels_[next_channel_++ % channels_.size()];
  auto& sent = published_[channel];
  const auto before = wall_clock::now();
  try {
    publish_(channel, std::to_string(sent.size()));
  } catch (const std::exception&) {
    // It may have been taken all the same: nobody need have got it, anybody
    // may, and the number is not used again.
    sent.push_back({wall_clock::time_point::min(), wall_clock::time_point{}});
    return false;
  }
  sent.push_back({before, wall_clock::now()});
  ++count_;
  return true;
}

void numbered_producer::wait_until(std::chrono::steady_clock::time_point when) {
  const auto left = when - std::chrono::steady_clock::now();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  if (ms > 0) ::poll(nullptr, 0, static_cast<int>(ms));
}

}  // namespace status2::support
