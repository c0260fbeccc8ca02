#include "tests/support/numbered_producer.hpp"

#include <exception>
#include <poll.h>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using wall_clock = std::chrono::system_clock;

}  // namespace

numbered_producer::numbered_producer(std::uint16_t redis_port,
                                     std::vector<std::string> channels)
    : port_(redis_port), channels_(std::move(channels)) {}

bool numbered_producer::publish() {
  const auto& channel = channels_[next_channel_++ % channels_.size()];
  auto& sent = published_[channel];
  const auto before = wall_clock::now();
  try {
    if (!client_) client_ = std::make_unique<redis_client>(port_);
    const auto reply =
        client_->command({"PUBLISH", channel, std::to_string(sent.size())});
    if (reply.error) throw std::runtime_error(reply.text);
  } catch (const std::exception&) {
    // It may have been taken all the same: nobody need have got it, anybody
    // may, and the number is not used again.
    client_ = nullptr;
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
